//! Scrapes → rows of `metric_exemplars`.
//!
//! A target shows an exemplar until it has a newer one, so the same is in scrape after scrape.
//! It is one row: what each series showed last is remembered.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Float64Builder, Int64Builder};
use arrow_schema::ArrowError;
use proto::UnixMillis;
use proto::metrics::{Exemplar, SeriesId};

use super::columns::{LabelsColumn, millis_builder};
use super::day::Day;
use super::metric_day::MetricDay;

/// Series whose last exemplar is remembered. Past that all are forgotten, at the cost of a
/// repeated row each.
const MAX_REMEMBERED: usize = 100_000;

/// Hash of the exemplar that each series showed last.
#[derive(Clone, Debug, Default)]
pub(super) struct LastExemplars(HashMap<SeriesId, u64>);

impl LastExemplars {
    /// Whether the series did not show this one before.
    fn is_new(&mut self, id: SeriesId, exemplar: &Exemplar) -> bool {
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        let time = exemplar.time.map_or(0, |time| time.0);
        let parts = [
            exemplar.labels.hash64(),
            exemplar.value.to_bits(),
            time.cast_unsigned(),
        ];
        let bytes = parts.map(u64::to_le_bytes);
        let hash = xxhash_rust::xxh3::xxh3_64(bytes.as_flattened());
        self.0.insert(id, hash) != Some(hash)
    }
}

/// An exemplar of a day.
pub(super) struct ExemplarRow<'a> {
    id: SeriesId,
    time: UnixMillis,
    exemplar: &'a Exemplar,
}

/// The exemplars of a day that are not in `last`, sorted by series and time.
pub(super) fn exemplar_rows<'a>(
    day: &'a MetricDay,
    last: &mut LastExemplars,
) -> Vec<ExemplarRow<'a>> {
    let mut rows = Vec::new();
    for batch in day.batches() {
        for exemplar in &batch.exemplars {
            let idx = exemplar.series_idx as usize;
            let Some(series) = batch.layout.series.get(idx) else {
                continue;
            };
            // An exemplar may be older than its scrape; one from before 1970 has no day.
            let own = exemplar.time.filter(|time| Day::of(*time).is_some());
            let time = own.unwrap_or_else(|| batch.time_of(idx));
            if day.contains(batch.time_of(idx)) && last.is_new(series.id, exemplar) {
                rows.push(ExemplarRow {
                    id: series.id,
                    time,
                    exemplar,
                });
            }
        }
    }
    rows.sort_by_key(|row| (row.id, row.time));
    rows
}

/// The columns of the rows.
pub(super) fn exemplar_columns(rows: &[ExemplarRow<'_>]) -> Result<Vec<ArrayRef>, ArrowError> {
    let (mut id, mut value) = (Int64Builder::new(), Float64Builder::new());
    let (mut time, mut labels) = (millis_builder(), LabelsColumn::default());
    for row in rows {
        id.append_value(row.id.0.cast_signed());
        time.append_value(row.time.0);
        value.append_value(row.exemplar.value);
        labels.push(&row.exemplar.labels);
    }
    Ok(vec![
        Arc::new(id.finish()),
        Arc::new(time.finish()),
        Arc::new(value.finish()),
        labels.finish()?,
    ])
}

//! The series of a day: what rollups write of them, and the order in which they write them.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Int64Array, StringArray, StructArray};

use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::files;
use crate::archive::intern::Interner;
use crate::archive::reading::{self, Columns};
use crate::archive::seen::IdHasher;
use crate::archive::table::Table;

/// How the samples of a series add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, or begins anew.
    Counter,
}

/// A series.
#[derive(Clone, Copy, Debug)]
pub(super) struct Series {
    pub(super) id: u64,
    pub(super) kind: Kind,
    /// Handles of name, job and instance.
    texts: [u32; 3],
}

/// The series of a day, sorted by name, job, instance and id. About 60 bytes a series.
#[derive(Debug, Default)]
pub(super) struct SeriesTable {
    texts: Interner<Arc<str>>,
    series: Vec<Series>,
    places: HashMap<u64, u32, BuildHasherDefault<IdHasher>>,
}

const COLUMNS: [&str; 5] = ["series_id", "name", "kind", "job", "instance"];

impl SeriesTable {
    /// Reads all files of a day. Of a series that is described twice the first one counts.
    pub(super) fn read(root: &Path, day: Day) -> Result<Self, ArchiveError> {
        let mut table = Self::default();
        for file in files::files(root, Table::MetricSeries, day)? {
            let path = file.path(root);
            for batch in reading::open(&path, &COLUMNS)? {
                let batch = StructArray::from(batch?);
                table.add(&Columns::new(&batch, &path))?;
            }
        }
        table.sort();
        Ok(table)
    }

    fn add(&mut self, columns: &Columns<'_>) -> Result<(), ArchiveError> {
        let ids: &Int64Array = columns.get("series_id")?;
        let kinds: &StringArray = columns.get("kind")?;
        let texts = ["name", "job", "instance"].map(|name| columns.get::<StringArray>(name));
        let [names, jobs, instances] = texts;
        let (names, jobs, instances) = (names?, jobs?, instances?);
        for row in 0..columns.len() {
            let id = ids.value(row).cast_unsigned();
            if self.places.contains_key(&id) {
                continue;
            }
            let name = names.value(row);
            let texts = [name, jobs.value(row), instances.value(row)];
            self.places.insert(id, self.series.len() as u32);
            self.series.push(Series {
                id,
                kind: kind_of(kinds.value(row), name),
                texts: texts.map(|text| self.texts.intern(text).0),
            });
        }
        Ok(())
    }

    fn sort(&mut self) {
        let texts = &self.texts;
        self.series.sort_by(|left, right| {
            let pairs = left.texts.iter().zip(&right.texts);
            let mut orders = pairs.map(|(left, right)| match left == right {
                true => std::cmp::Ordering::Equal,
                false => texts.get(*left).cmp(texts.get(*right)),
            });
            let order = orders.find(|order| order.is_ne());
            order.unwrap_or_else(|| left.id.cmp(&right.id))
        });
        let places = self.series.iter().zip(0..);
        self.places = places.map(|(series, place)| (series.id, place)).collect();
    }

    /// Place and kind of a series. One that is not described (its file is damaged) comes before all
    /// others, and is taken as a gauge.
    pub(super) fn find(&self, id: u64) -> (Place, Kind) {
        let place = self.places.get(&id).copied();
        let series = place.and_then(|place| self.series.get(place as usize));
        match (place, series) {
            (Some(place), Some(series)) => (Place(Some(place)), series.kind),
            _ => (Place(None), Kind::Gauge),
        }
    }

    /// Name, job and instance of a series.
    pub(super) fn texts(&self, place: Place) -> [&str; 3] {
        let series = place.0.and_then(|place| self.series.get(place as usize));
        series.map_or([""; 3], |series| {
            series.texts.map(|id| &**self.texts.get(id))
        })
    }
}

/// Where a series stands among those of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place(Option<u32>);

/// Buckets, counts and sums of histograms and summaries are counters too. What does not say what it
/// is counts up if OpenMetrics would have it called so.
fn kind_of(kind: &str, name: &str) -> Kind {
    let ends_with = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let is_counter = match kind {
        "counter" => true,
        "histogram" => ends_with(&["_bucket", "_sum", "_count"]),
        "summary" => ends_with(&["_sum", "_count"]),
        "unknown" => ends_with(&["_total"]),
        _ => false,
    };
    match is_counter {
        true => Kind::Counter,
        false => Kind::Gauge,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_up_is_told_by_type_and_name() {
        for (kind, name, expected) in [
            ("counter", "requests_total", Kind::Counter),
            ("gauge", "leaders_total", Kind::Gauge),
            ("histogram", "fsync_seconds_bucket", Kind::Counter),
            ("histogram", "fsync_seconds_sum", Kind::Counter),
            ("histogram", "fsync_seconds_max", Kind::Gauge),
            ("gaugehistogram", "queue_bucket", Kind::Gauge),
            ("summary", "gc_seconds_count", Kind::Counter),
            ("summary", "gc_seconds", Kind::Gauge),
            ("unknown", "things_total", Kind::Counter),
            ("unknown", "things_count", Kind::Gauge),
            ("info", "build_info", Kind::Gauge),
        ] {
            assert_eq!(kind_of(kind, name), expected, "{kind} {name}");
        }
    }
}

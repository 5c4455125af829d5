//! Windows → rows of `metric_rollups_5m` and `metric_rollups_1h`.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{
    Float64Builder, Int32Builder, Int64Builder, StringBuilder, TimestampMillisecondBuilder,
};

use super::point_windows::Row;
use super::series_table::Kind;
use crate::archive::columns::millis_builder;
use crate::archive::error::ArchiveError;
use crate::archive::table_file::TableFile;

/// Rows that are turned into Arrow arrays at once.
const ROWS_A_BATCH: usize = 8 * 1024;

/// Rows on their way into a file.
pub(super) struct RollupRows {
    file: TableFile,
    n_rows: usize,
    id: Int64Builder,
    /// name, job, instance
    texts: [StringBuilder; 3],
    time: TimestampMillisecondBuilder,
    count: Int64Builder,
    /// first, last
    ends: [Float64Builder; 2],
    /// min, max, sum, p50, p90, p99, increase
    optional: [Float64Builder; 7],
    resets: Int32Builder,
}

impl RollupRows {
    pub(super) fn new(file: TableFile) -> Self {
        Self {
            file,
            n_rows: 0,
            id: Int64Builder::new(),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            time: millis_builder(),
            count: Int64Builder::new(),
            ends: std::array::from_fn(|_| Float64Builder::new()),
            optional: std::array::from_fn(|_| Float64Builder::new()),
            resets: Int32Builder::new(),
        }
    }

    /// Adds the windows of a series.
    pub(super) fn push(
        &mut self,
        id: u64,
        texts: [&str; 3],
        kind: Kind,
        rows: &[Row],
    ) -> Result<(), ArchiveError> {
        for row in rows {
            self.push_row(id, texts, kind, row);
            if self.n_rows == ROWS_A_BATCH {
                self.write()?;
            }
        }
        Ok(())
    }

    fn push_row(&mut self, id: u64, texts: [&str; 3], kind: Kind, row: &Row) {
        self.n_rows += 1;
        self.id.append_value(id.cast_signed());
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_value(text);
        }
        self.time.append_value(row.time);
        self.count.append_value(row.count);
        for (builder, value) in self.ends.iter_mut().zip([row.first, row.last]) {
            builder.append_value(value);
        }
        let spread = row.spread;
        let [p50, p90, p99] = spread.quantiles;
        // Without a number there is no least one.
        let has_spread = kind == Kind::Gauge && !spread.min.is_nan();
        let values = [spread.min, spread.max, spread.sum, p50, p90, p99];
        let values = values.map(|value| has_spread.then_some(value));
        let increase = (kind == Kind::Counter).then_some(row.increase);
        let values = values.into_iter().chain([increase]);
        for (builder, value) in self.optional.iter_mut().zip(values) {
            builder.append_option(value);
        }
        let resets = i32::try_from(row.resets).unwrap_or(i32::MAX);
        self.resets
            .append_option((kind == Kind::Counter).then_some(resets));
    }

    /// Writes what is left, and returns the file.
    pub(super) fn finish(mut self) -> Result<TableFile, ArchiveError> {
        self.write()?;
        Ok(self.file)
    }

    fn write(&mut self) -> Result<(), ArchiveError> {
        if self.n_rows == 0 {
            return Ok(());
        }
        self.n_rows = 0;
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.id.finish())];
        let texts = self.texts.iter_mut();
        columns.extend(texts.map(|text| Arc::new(text.finish()) as ArrayRef));
        columns.push(Arc::new(self.time.finish()));
        columns.push(Arc::new(self.count.finish()));
        let numbers = self.ends.iter_mut().chain(&mut self.optional);
        columns.extend(numbers.map(|number| Arc::new(number.finish()) as ArrayRef));
        columns.push(Arc::new(self.resets.finish()));
        self.file.write(columns)
    }
}

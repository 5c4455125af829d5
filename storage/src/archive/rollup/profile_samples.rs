//! `profile_samples` → `profile_samples_5m`, `profile_samples_1h` and what the function trend sums.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{Int64Array, RecordBatch, StructArray};

use super::function_trend::FunctionTrend;
use super::merged_windows::MergedWindows;
use super::profile_index::{ProfileIndex, ProfileSeries, WindowKey};
use crate::archive::error::ArchiveError;
use crate::archive::intern::Interner;
use crate::archive::profile_buffer::Label;
use crate::archive::profile_query::samples::LabelRows;
use crate::archive::reading::Columns;
use crate::archive::sample_rows::SampleColumns;
use crate::archive::table::Table;
use crate::archive::table_file::TableFile;

/// Rows that are turned into Arrow arrays at once.
const ROWS_A_BATCH: usize = 16 * 1024;

/// Merges samples that come stack by stack. What is held is the samples of one stack.
pub(super) struct SampleMerger<'a> {
    index: &'a ProfileIndex,
    pub(super) trend: FunctionTrend<'a>,
    pub(super) outs: [SampleFile; 2],
    label_sets: Interner<Arc<[Label]>>,
    /// Series and stack that the samples are of.
    current: Option<(u64, u64)>,
    samples: Vec<Sample>,
}

/// A value of the current stack: its labels, its window of five minutes.
type Sample = (u32, WindowKey, i64);

/// The merged samples of one length of windows, and their file.
pub(super) struct SampleFile {
    pub(super) windows: MergedWindows,
    file: TableFile,
    columns: SampleColumns,
    n_rows: usize,
}

impl<'a> SampleMerger<'a> {
    pub(super) fn new(
        index: &'a ProfileIndex,
        trend: FunctionTrend<'a>,
        outs: [SampleFile; 2],
    ) -> Self {
        Self {
            index,
            trend,
            outs,
            label_sets: Interner::default(),
            current: None,
            samples: Vec::new(),
        }
    }

    /// Adds samples, in the order of series and stack. Those of unknown profiles are left out.
    pub(super) fn add(&mut self, batch: RecordBatch) -> Result<(), ArchiveError> {
        let batch = StructArray::from(batch);
        let columns = Columns::new(&batch, Path::new(Table::ProfileSamples.name()));
        let ids = |name| Ok::<_, ArchiveError>(columns.get::<Int64Array>(name)?.values());
        let keys = ids("series_id")?.iter().zip(ids("stack_id")?);
        let values = ids("profile_id")?.iter().zip(ids("value")?);
        let labels = LabelRows::new(&columns)?;
        for (row, ((series_id, stack_id), (profile_id, value))) in keys.zip(values).enumerate() {
            let key = (series_id.cast_unsigned(), stack_id.cast_unsigned());
            if self.current != Some(key) {
                self.end_stack()?;
                if self.current.is_none_or(|(series_id, _)| series_id != key.0) {
                    self.end_series()?;
                }
                self.current = Some(key);
            }
            if let Some(window) = self.index.window(profile_id.cast_unsigned()) {
                let (labels, _) = self.label_sets.intern(labels.read(row).as_slice());
                self.samples.push((labels, window, *value));
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<(FunctionTrend<'a>, [SampleFile; 2]), ArchiveError> {
        self.end_stack()?;
        self.end_series()?;
        Ok((self.trend, self.outs))
    }

    fn end_stack(&mut self) -> Result<(), ArchiveError> {
        let Some((series_id, stack_id)) = self.current else {
            return Ok(());
        };
        let Some(series) = self.index.series(series_id) else {
            self.samples.clear();
            return Ok(());
        };
        let key = (series_id, stack_id);
        let [minutes, hours] = &mut self.outs;
        sum_up(&mut self.samples);
        minutes.write_stack(series, key, &self.samples, &self.label_sets)?;
        for (_, window, _) in &mut self.samples {
            *window = window.within(hours.windows.grid);
        }
        sum_up(&mut self.samples);
        hours.write_stack(series, key, &self.samples, &self.label_sets)?;
        for (_, window, value) in self.samples.drain(..) {
            if hours.windows.grid.is_complete(window.start) {
                self.trend.add(stack_id, window, value);
            }
        }
        Ok(())
    }

    fn end_series(&mut self) -> Result<(), ArchiveError> {
        let Some((series_id, _)) = self.current else {
            return Ok(());
        };
        match self.index.series(series_id) {
            Some(series) => self.trend.end_series(series_id, series),
            None => Ok(()),
        }
    }
}

/// Sorts samples by labels and window, and makes those of equal ones one.
fn sum_up(samples: &mut Vec<Sample>) {
    samples.sort_unstable_by_key(|(labels, window, _)| (*labels, *window));
    samples.dedup_by(|(labels, window, value), (into_labels, into_window, sum)| {
        let is_same = (*labels, *window) == (*into_labels, *into_window);
        if is_same {
            *sum = sum.saturating_add(*value);
        }
        is_same
    });
}

impl SampleFile {
    pub(super) fn new(windows: MergedWindows, file: TableFile) -> Self {
        Self {
            windows,
            file,
            columns: SampleColumns::default(),
            n_rows: 0,
        }
    }

    fn write_stack(
        &mut self,
        series: &ProfileSeries,
        (series_id, stack_id): (u64, u64),
        samples: &[Sample],
        label_sets: &Interner<Arc<[Label]>>,
    ) -> Result<(), ArchiveError> {
        for &(labels, window, value) in samples {
            if value == 0 || !self.windows.grid.is_complete(window.start) {
                continue;
            }
            let [_, profile_id] = self.windows.ids(window, series, series_id);
            self.windows.count(profile_id, value);
            let ids = [series_id, profile_id, stack_id];
            self.columns.push(ids, value, label_sets.get(labels));
            self.n_rows += 1;
        }
        if self.n_rows >= ROWS_A_BATCH {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), ArchiveError> {
        self.n_rows = 0;
        let columns = std::mem::take(&mut self.columns).finish();
        self.file
            .write(columns.map_err(ArchiveError::columns(Table::ProfileSamples))?)
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<(MergedWindows, TableFile), ArchiveError> {
        if self.n_rows > 0 {
            self.write()?;
        }
        Ok((self.windows, self.file))
    }
}

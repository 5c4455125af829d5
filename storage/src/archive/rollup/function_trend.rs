//! Merged samples → rows of `function_trend`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int64Builder, StringBuilder, TimestampMillisecondBuilder};

use super::profile_index::{ProfileSeries, WindowKey};
use super::stack_functions::StackFunctions;
use crate::archive::columns::millis_builder;
use crate::archive::error::ArchiveError;
use crate::archive::table_file::TableFile;

/// Functions of a series and hour at most.
const MAX_FUNCTIONS: usize = 300;
/// As many of those are chosen for what they spent by themselves.
const MAX_BY_SELF: usize = 150;
/// A function is kept if it has this part of the hour's total, by itself or with what it called.
const MIN_SHARE: u64 = 1000;

/// How many captures of a series each hour has.
pub(super) type CaptureCounts = HashMap<(u64, WindowKey), i64>;

/// Sums by function, series by series. What is held is one series' sums and the rows that are not
/// written yet.
pub(super) struct FunctionTrend<'a> {
    stacks: &'a StackFunctions,
    n_captures: CaptureCounts,
    file: TableFile,
    hours: BTreeMap<WindowKey, Hour>,
    columns: TrendColumns,
}

/// The sums of an hour.
#[derive(Default)]
struct Hour {
    total: i64,
    functions: HashMap<u32, Sums>,
}

#[derive(Clone, Copy, Default)]
struct Sums {
    own: i64,
    total: i64,
}

impl<'a> FunctionTrend<'a> {
    pub(super) fn new(
        stacks: &'a StackFunctions,
        n_captures: CaptureCounts,
        file: TableFile,
    ) -> Self {
        Self {
            stacks,
            n_captures,
            file,
            hours: BTreeMap::new(),
            columns: TrendColumns::default(),
        }
    }

    /// Adds a value of a stack in an hour.
    pub(super) fn add(&mut self, stack_id: u64, window: WindowKey, value: i64) {
        let hour = self.hours.entry(window).or_default();
        hour.total = hour.total.saturating_add(value);
        let (functions, leaf) = self.stacks.of(stack_id);
        for function in functions {
            let sums = hour.functions.entry(*function).or_default();
            sums.total = sums.total.saturating_add(value);
            if leaf == Some(*function) {
                sums.own = sums.own.saturating_add(value);
            }
        }
    }

    /// Writes the rows of a series.
    pub(super) fn end_series(
        &mut self,
        series_id: u64,
        series: &ProfileSeries,
    ) -> Result<(), ArchiveError> {
        let hours = std::mem::take(&mut self.hours);
        let mut rows = Vec::new();
        for (window, hour) in &hours {
            let deltas = WindowKey {
                is_delta: true,
                ..*window
            };
            if !window.is_delta && hours.contains_key(&deltas) {
                continue; // what was counted before the hour
            }
            let kept = hour.kept(self.stacks);
            rows.extend(kept.into_iter().map(|(name, sums)| (name, *window, sums)));
        }
        rows.sort_unstable_by_key(|(name, window, _)| (*name, *window));
        for (name, window, sums) in rows {
            let total = hours.get(&window).map_or(0, |hour| hour.total);
            let n_captures = self.n_captures.get(&(series_id, window)).copied();
            let counts = [sums.own, sums.total, total, n_captures.unwrap_or(0)];
            self.columns
                .push(series_id, series, (name, window.start), counts);
        }
        if self.columns.n_rows >= ROWS_A_BATCH {
            self.file.write(self.columns.take())?;
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<TableFile, ArchiveError> {
        if self.columns.n_rows > 0 {
            self.file.write(self.columns.take())?;
        }
        Ok(self.file)
    }
}

impl Hour {
    /// The functions that matter.
    fn kept<'a>(&self, stacks: &'a StackFunctions) -> Vec<(&'a str, Sums)> {
        let is_enough = |value: i64| {
            value != 0
                && value.unsigned_abs().saturating_mul(MIN_SHARE) >= self.total.unsigned_abs()
        };
        let functions = self.functions.iter();
        let mut kept: Vec<(&str, Sums)> = functions
            .filter(|(_, sums)| is_enough(sums.own) || is_enough(sums.total))
            .map(|(function, sums)| (stacks.name(*function), *sums))
            .collect();
        if kept.len() > MAX_FUNCTIONS {
            kept.sort_unstable_by(|(left_name, left), (right_name, right)| {
                let by_self = right.own.unsigned_abs().cmp(&left.own.unsigned_abs());
                by_self.then_with(|| left_name.cmp(right_name))
            });
            let rest = kept.get_mut(MAX_BY_SELF..).unwrap_or_default();
            rest.sort_unstable_by(|(left_name, left), (right_name, right)| {
                let by_total = right.total.unsigned_abs().cmp(&left.total.unsigned_abs());
                by_total.then_with(|| left_name.cmp(right_name))
            });
            kept.truncate(MAX_FUNCTIONS);
        }
        kept
    }
}

/// Rows that are turned into Arrow arrays at once.
const ROWS_A_BATCH: usize = 8 * 1024;

struct TrendColumns {
    n_rows: usize,
    id: Int64Builder,
    time: TimestampMillisecondBuilder,
    /// job, instance, kind, sample_type, sample_unit, function
    texts: [StringBuilder; 6],
    /// self, total, profile_total, n_captures
    counts: [Int64Builder; 4],
}

impl Default for TrendColumns {
    fn default() -> Self {
        Self {
            n_rows: 0,
            id: Int64Builder::new(),
            time: millis_builder(),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            counts: std::array::from_fn(|_| Int64Builder::new()),
        }
    }
}

impl TrendColumns {
    fn push(
        &mut self,
        series_id: u64,
        series: &ProfileSeries,
        (function, time): (&str, i64),
        counts: [i64; 4],
    ) {
        self.n_rows += 1;
        self.id.append_value(series_id.cast_signed());
        self.time.append_value(time);
        let texts = [
            &series.job,
            &series.instance,
            &series.kind,
            &series.sample_type,
            &series.sample_unit,
        ];
        let texts = texts.into_iter().map(String::as_str).chain([function]);
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_value(text);
        }
        for (builder, count) in self.counts.iter_mut().zip(counts) {
            builder.append_value(count);
        }
    }

    /// The columns of the rows so far.
    fn take(&mut self) -> Vec<ArrayRef> {
        let mut all = std::mem::take(self);
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(all.id.finish()), Arc::new(all.time.finish())];
        columns.extend(
            all.texts
                .iter_mut()
                .map(|text| Arc::new(text.finish()) as ArrayRef),
        );
        columns.extend(
            all.counts
                .iter_mut()
                .map(|count| Arc::new(count.finish()) as ArrayRef),
        );
        columns
    }
}

//! One flush: buffered records → staged files, one for each table and day that has rows.

use std::path::Path;

use arrow_array::ArrayRef;
use parquet::basic::ZstdLevel;

use super::buffer::Buffer;
use super::day::Day;
use super::error::ArchiveError;
use super::event_rows::event_columns;
use super::exemplar_rows::{LastExemplars, exemplar_columns, exemplar_rows};
use super::file_name::FileName;
use super::files::{self, TablePath};
use super::finding_rows::finding_columns;
use super::histogram_rows::{histogram_columns, histogram_rows};
use super::last_times::LastTimes;
use super::metric_day::MetricDay;
use super::metric_rows::{series_columns, series_rows, write_points};
use super::profile_buffer::{ProfileBuffer, ProfileDay};
use super::profile_rows::profile_columns;
use super::sample_rows::{sample_columns, sample_order};
use super::seen::SeenIds;
use super::span_rows::span_columns;
use super::stack_rows::{StackRow, sort_stacks, stack_columns};
use super::staging::Staging;
use super::table::Table;
use super::table_file::{TableFile, Written};
use super::target_rows::target_columns;
use crate::Position;

/// Rows of samples and stacks that are turned into Arrow arrays at once.
const ROWS_A_BATCH: usize = 16 * 1024;

/// What a flush wrote.
#[derive(Clone, Debug, Default)]
pub struct FlushReport {
    /// Everything in the log up to here is in files.
    pub position: Position,
    pub(super) files: Vec<TablePath>,
    pub(super) written: Vec<Written>,
}

impl FlushReport {
    pub(super) fn at(position: Position) -> Self {
        Self {
            position,
            ..Self::default()
        }
    }

    /// Files written.
    pub fn n_files(&self) -> usize {
        self.files.len()
    }

    /// Rows written, over all tables.
    pub fn n_rows(&self) -> usize {
        self.written.iter().map(|written| written.n_rows).sum()
    }

    /// Size of the files. Bytes.
    pub fn n_bytes(&self) -> u64 {
        self.written.iter().map(|written| written.n_bytes).sum()
    }
}

/// Ids that become known once the flush is committed.
#[derive(Default)]
pub(super) struct NewIds {
    series: Vec<(Day, Vec<u64>)>,
    stacks: Vec<(Day, Vec<u64>)>,
}

impl NewIds {
    pub(super) fn remember(self, series: &mut SeenIds, stacks: &mut SeenIds) {
        for (day, ids) in self.series {
            series.extend(day, ids);
        }
        for (day, ids) in self.stacks {
            stacks.extend(day, ids);
        }
    }
}

/// A flush under way.
pub(super) struct Flusher<'a> {
    pub(super) root: &'a Path,
    pub(super) staging: &'a Staging,
    pub(super) name: FileName,
    pub(super) level: ZstdLevel,
    pub(super) series: &'a mut SeenIds,
    pub(super) stacks: &'a mut SeenIds,
    pub(super) exemplars: LastExemplars,
    pub(super) times: LastTimes,
    pub(super) report: FlushReport,
}

impl Flusher<'_> {
    /// Stages the files of everything buffered.
    pub(super) fn write(&mut self, buffer: &Buffer) -> Result<NewIds, ArchiveError> {
        let mut new_ids = NewIds::default();
        for (day, metrics) in buffer.metrics.days() {
            self.series.load(self.root, day)?;
            let ids = self.write_metrics(day, metrics)?;
            new_ids.series.push((day, ids));
        }
        for (day, profiles) in buffer.profiles.days() {
            self.stacks.load(self.root, day)?;
            let ids = self.write_profiles(&buffer.profiles, day, profiles)?;
            new_ids.stacks.push((day, ids));
        }
        for (day, rows) in buffer.news.targets() {
            self.write_at_once(Table::Targets, day, target_columns(&rows))?;
        }
        for (day, rows) in buffer.news.events() {
            self.write_at_once(Table::Events, day, event_columns(&rows))?;
        }
        for (day, rows) in buffer.findings.days() {
            self.write_chunks(Table::Findings, day, &rows, finding_columns)?;
        }
        for (day, rows) in buffer.spans.days() {
            self.write_chunks(Table::Spans, day, &rows, span_columns)?;
        }
        self.sort_report();
        Ok(new_ids)
    }

    /// Into the order in which files become visible.
    fn sort_report(&mut self) {
        let report = std::mem::take(&mut self.report);
        let mut pairs: Vec<_> = report.files.into_iter().zip(report.written).collect();
        pairs.sort_by_key(|(file, _)| (file.table, file.day));
        let (files, written) = pairs.into_iter().unzip();
        self.report = FlushReport {
            files,
            written,
            ..report
        };
    }

    /// Tells the series that no file of the day had.
    fn write_metrics(&mut self, day: Day, rows: &MetricDay) -> Result<Vec<u64>, ArchiveError> {
        let mut points = self.create(Table::MetricPoints, day)?;
        let seen = self.series.in_order(day);
        let mut new = write_points(rows, &mut points, seen, &mut self.times)?;
        self.finish(Table::MetricPoints, day, points)?;

        let histograms = histogram_rows(rows);
        let mut seen = self.series.in_order(day);
        let unseen = histograms.iter().filter(|row| !seen.contains(row.id.0));
        new.extend(unseen.filter_map(|row| row.of));
        if !histograms.is_empty() {
            self.write_at_once(Table::MetricHistograms, day, histogram_columns(&histograms))?;
        }
        let exemplars = exemplar_rows(rows, &mut self.exemplars);
        if !exemplars.is_empty() {
            self.write_at_once(Table::MetricExemplars, day, exemplar_columns(&exemplars))?;
        }
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let new = series_rows(rows, new);
        self.write_chunks(Table::MetricSeries, day, &new, series_columns)?;
        Ok(new.iter().map(|row| row.series.id.0).collect())
    }

    fn write_profiles(
        &mut self,
        buffer: &ProfileBuffer,
        day: Day,
        rows: &ProfileDay,
    ) -> Result<Vec<u64>, ArchiveError> {
        let stacks = rows.stacks.iter().map(|(id, frames)| (*id, &**frames));
        let mut stacks: Vec<StackRow<'_>> = stacks
            .filter(|(id, _)| !self.stacks.contains(day, *id))
            .collect();
        sort_stacks(&mut stacks);
        self.write_chunks(Table::Stacks, day, &stacks, |chunk| {
            stack_columns(&buffer.frames, chunk)
        })?;
        self.write_chunks(Table::ProfileSamples, day, &sample_order(rows), |chunk| {
            sample_columns(buffer, rows, chunk)
        })?;
        if !rows.profiles.is_empty() {
            self.write_at_once(Table::Profiles, day, profile_columns(rows))?;
        }
        Ok(stacks.into_iter().map(|(id, _)| id).collect())
    }

    fn write_chunks<T>(
        &mut self,
        table: Table,
        day: Day,
        rows: &[T],
        columns: impl Fn(&[T]) -> Result<Vec<ArrayRef>, arrow_schema::ArrowError>,
    ) -> Result<(), ArchiveError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut file = self.create(table, day)?;
        for chunk in rows.chunks(ROWS_A_BATCH) {
            file.write(columns(chunk).map_err(ArchiveError::columns(table))?)?;
        }
        self.finish(table, day, file)
    }

    fn write_at_once(
        &mut self,
        table: Table,
        day: Day,
        columns: Result<Vec<ArrayRef>, arrow_schema::ArrowError>,
    ) -> Result<(), ArchiveError> {
        let columns = columns.map_err(ArchiveError::columns(table))?;
        let mut file = self.create(table, day)?;
        file.write(columns)?;
        self.finish(table, day, file)
    }

    fn create(&self, table: Table, day: Day) -> Result<TableFile, ArchiveError> {
        let file = TablePath {
            table,
            day,
            name: self.name,
        };
        TableFile::create(&file, &self.staging.path(&file), self.level)
    }

    /// Closes a file, and removes it again if it has no rows.
    fn finish(&mut self, table: Table, day: Day, file: TableFile) -> Result<(), ArchiveError> {
        let path = TablePath {
            table,
            day,
            name: self.name,
        };
        let written = file.finish()?;
        if written.n_rows == 0 {
            return files::remove(&self.staging.path(&path));
        }
        self.report.files.push(path);
        self.report.written.push(written);
        Ok(())
    }
}

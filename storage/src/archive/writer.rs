//! The archive's writer: buffers, and when they become files.

use std::hash::{BuildHasher as _, RandomState};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use parquet::basic::ZstdLevel;
use proto::Record;
use tracing::warn;

use super::ArchiveOptions;
use super::buffer::Buffer;
use super::check;
use super::error::ArchiveError;
use super::exemplar_rows::LastExemplars;
use super::file_name::{FileName, WriterId};
use super::files;
use super::flush::{FlushReport, Flusher};
use super::folder::ArchiveFolder;
use super::keeper::{Keeper, KeeperOptions};
use super::last_times::LastTimes;
use super::metrics::{ArchiveMetrics, REASON_TIME};
use super::seen::SeenIds;
use super::staging::{Intent, Staging};
use super::table::Table;
use super::watch::{self, Watch};
use crate::Position;

/// An archive open for writing. There is one for a folder at a time, over all processes.
#[derive(Debug)]
pub struct Archive {
    options: ArchiveOptions,
    level: ZstdLevel,
    writer: WriterId,
    staging: Staging,
    buffer: Buffer,
    series: SeenIds,
    stacks: SeenIds,
    exemplars: LastExemplars,
    times: LastTimes,
    watch: Watch,
    /// Everything up to here is in files.
    flushed: Position,
    /// Everything up to here is in files or buffered.
    written: Position,
    metrics: ArchiveMetrics,
    folder: Arc<ArchiveFolder>,
}

impl Archive {
    /// Opens the archive of a folder, which is made if need be, and finishes a flush that a
    /// crash interrupted.
    ///
    /// # Errors
    /// When another process has it open, or the file system refuses.
    pub fn open(options: ArchiveOptions) -> Result<Self, ArchiveError> {
        let root = &options.path;
        let folder = Arc::new(ArchiveFolder::open(root)?);
        let writer = writer_id(&root.join(files::WRITER))?;
        let staging = Staging::open(root)?;
        let flushed = match staging.position()? {
            Some(position) => position,
            None => files::highest_position(root, writer)?,
        };
        let level = ZstdLevel::try_new(options.compression_level).map_err(
            ArchiveError::parquet("choose a compression level for", root),
        )?;
        let metrics = ArchiveMetrics::new().map_err(ArchiveError::Metrics)?;
        metrics.position.set(flushed.0.cast_signed());
        for path in check::damaged_files(root) {
            warn!(path = %path.display(), "damaged archive file: move it away to query the rest");
            metrics.damaged_files.inc();
        }
        let watch = watch::read_back(root, writer);
        Ok(Self {
            level,
            writer,
            staging,
            buffer: Buffer::default(),
            series: SeenIds::new(Table::MetricSeries, "series_id"),
            stacks: SeenIds::new(Table::Stacks, "stack_id"),
            exemplars: LastExemplars::default(),
            times: LastTimes::default(),
            watch,
            flushed,
            written: flushed,
            metrics,
            folder,
            options,
        })
    }

    /// The position in the log after which to go on: everything up to it is in files.
    pub fn resume_position(&self) -> Position {
        self.flushed
    }

    /// The archive's own metrics, for a registry.
    pub fn metrics(&self) -> ArchiveMetrics {
        self.metrics.clone()
    }

    /// A keeper of the same folder, to run beside this.
    ///
    /// # Errors
    /// When an option is out of its range.
    pub fn keeper(&self, options: KeeperOptions) -> Result<Keeper, ArchiveError> {
        Keeper::new(Arc::clone(&self.folder), options)
    }

    /// Buffers a record whose entry in the log ends at `end`. One that is in files or in the
    /// buffer already is skipped, so a reader may start too early.
    pub fn write(&mut self, end: Position, record: &Record) {
        if end <= self.written {
            return;
        }
        self.buffer.push(end, record, &self.stacks, &mut self.watch);
        self.written = end;
        self.metrics.buffer_bytes.set(self.buffer.n_bytes() as i64);
    }

    /// Whether the buffers hold as much as they may.
    pub fn is_full(&self) -> bool {
        self.buffer.is_full(self.options.buffer_bytes)
    }

    /// Writes everything buffered to files. When it returns without an error all of that
    /// survives a crash, and [`Archive::resume_position`] is behind it.
    ///
    /// # Errors
    /// When files cannot be written. Nothing is lost then: what was buffered still is, or it is
    /// committed and the next flush moves it into place.
    pub fn flush(&mut self) -> Result<FlushReport, ArchiveError> {
        let result = self.publish().and_then(|()| self.flush_buffer());
        self.metrics.writable.set(i64::from(result.is_ok()));
        result.inspect_err(|_| self.metrics.flush_failures.inc())
    }

    pub(super) fn options(&self) -> &ArchiveOptions {
        &self.options
    }

    fn flush_buffer(&mut self) -> Result<FlushReport, ArchiveError> {
        let start = Instant::now();
        let (from, to) = (self.flushed, self.written);
        if from == to {
            return Ok(FlushReport::at(to));
        }
        self.staging.discard()?;
        self.buffer.metrics.turn();
        for (table, day) in self.folder.take_dropped() {
            self.series.forget(table, day);
            self.stacks.forget(table, day);
        }
        let mut flusher = Flusher {
            root: &self.options.path,
            staging: &self.staging,
            name: FileName {
                writer: self.writer,
                from,
                to,
            },
            level: self.level,
            series: &mut self.series,
            stacks: &mut self.stacks,
            exemplars: self.exemplars.clone(),
            times: self.times.clone(),
            report: FlushReport::at(to),
        };
        let new_ids = flusher.write(&self.buffer).inspect_err(|_| {
            // Half a flush on a full disk takes space that the log could use. The next flush
            // tries again.
            let _ = self.staging.discard();
        })?;
        let (report, exemplars, times) = (flusher.report, flusher.exemplars, flusher.times);
        self.staging.commit(Intent {
            files: report.files.clone(),
            to,
        })?;

        // Committed: from here on an error may delay the files, and not undo them.
        self.exemplars = exemplars;
        self.times = times;
        new_ids.remember(&mut self.series, &mut self.stacks);
        let dropped = self.metrics.dropped.with_label_values(&[REASON_TIME]);
        dropped.inc_by(self.buffer.n_outside() as u64);
        self.buffer = self.buffer.next();
        self.flushed = to;
        self.observe(&report, start);
        self.publish()?;
        Ok(report)
    }

    fn publish(&mut self) -> Result<(), ArchiveError> {
        let _publishing = self.folder.publishing();
        self.staging.publish()
    }

    fn observe(&self, report: &FlushReport, start: Instant) {
        for (file, written) in report.files.iter().zip(&report.written) {
            let table = [file.table.name()];
            self.metrics
                .rows
                .with_label_values(&table)
                .inc_by(written.n_rows as u64);
            self.metrics
                .bytes
                .with_label_values(&table)
                .inc_by(written.n_bytes);
            self.metrics.files.with_label_values(&table).inc();
        }
        self.metrics
            .flush_seconds
            .observe(start.elapsed().as_secs_f64());
        self.metrics.buffer_bytes.set(self.buffer.n_bytes() as i64);
        self.metrics.position.set(self.flushed.0.cast_signed());
    }
}

/// The folder's writer, made at random the first time.
fn writer_id(path: &PathBuf) -> Result<WriterId, ArchiveError> {
    if let Some(text) = files::read_text(path)? {
        return WriterId::parse(&text).ok_or_else(|| ArchiveError::damaged(path, "not an id"));
    }
    // The standard library seeds its hashers from the system's random numbers.
    let writer = WriterId(RandomState::new().hash_one(path));
    files::write_text(path, &writer.to_string())?;
    Ok(writer)
}

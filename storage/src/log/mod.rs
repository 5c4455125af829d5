//! The durable, segmented log: many appenders, many readers with a durable cursor each.
//!
//! - An [`Appender`] queues records; the writer thread frames them (`frame`), writes them in
//!   groups into the current segment (`segment`) and syncs. Only then is a record acknowledged
//!   and seen by readers.
//! - A [`Reader`] goes through the records in order, from memory where it keeps up and from the
//!   segments where it lags, and commits how far it has come.
//! - A segment is deleted when every cursor has passed it, or when the disk budget is reached.
//!
//! The log does not know what its records mean, nor who reads them.

mod active;
mod after;
mod appender;
mod codec;
mod cursor;
mod disk;
mod entry;
mod error;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod lock;
mod metrics;
mod prune;
mod queue;
mod reader;
mod recovery;
mod segment;
mod segment_reader;
mod shared;
mod stats;
mod tail;
#[cfg(test)]
mod tests;
mod walk;
mod weight;
mod wire;
mod writer;

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot, watch};

use self::cursor::Cursor;
use self::disk::{Disk, LocalDisk};
use self::lock::FolderLock;
use self::queue::CommandSender;
use self::recovery::Recovered;
use self::shared::{Progress, ReaderState, Shared, State};
use self::stats::Counters;
use self::tail::Tail;
use self::writer::{Command, Writer};
use crate::Position;

pub use self::after::{RecordsAfter, records_after};
pub use self::appender::{Appender, Receipt};
pub use self::entry::Entry;
pub use self::error::LogError;
pub use self::reader::{ReadFrom, Reader};
pub use self::shared::Losses;
pub use self::stats::{LogStats, ReaderStats};
pub use self::writer::AWAITED_SYNC;

/// How a log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOptions {
    /// Folder of the segments and cursors.
    pub path: PathBuf,
    /// A segment is closed when it is this long. Bytes. At most a quarter of the disk budget.
    pub segment_bytes: u64,
    /// The oldest segments go when all of them would take more than this. Bytes.
    pub disk_budget_bytes: u64,
    /// Recent records kept in memory for readers that keep up. Bytes, as held in memory.
    pub memory_tail_bytes: usize,
    /// Records waiting to become durable; an appender waits when it is full. Bytes, as held in
    /// memory.
    pub queue_bytes: usize,
    /// Longest time a record waits for its fsync; readers see a record only after it.
    /// Zero: whatever is queued is written and synced at once.
    pub sync_interval: Duration,
}

/// An open log. Closes when dropped; [`Log::close`] says whether that went well.
#[derive(Debug)]
pub struct Log {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

impl Log {
    /// Opens the log in `options.path`, which is created if need be: locks the folder, cuts off
    /// what a crash left half-written, and starts the writer thread. New records never get a
    /// position below `floor`: pass the position that the archive has reached.
    ///
    /// # Errors
    /// If the folder is in use by another process ([`LogError::Locked`]), was written by a newer
    /// leadsman ([`LogError::Version`]), or cannot be read.
    pub fn open(options: LogOptions, floor: Position) -> Result<Self, LogError> {
        Self::open_on(Box::new(LocalDisk), options, floor)
    }

    fn open_on(
        disk: Box<dyn Disk>,
        options: LogOptions,
        floor: Position,
    ) -> Result<Self, LogError> {
        let folder = &options.path;
        let cursors = recovery::cursors_folder(folder);
        fs::create_dir_all(&cursors).map_err(LogError::io("create", &cursors))?;
        let lock = FolderLock::take(folder)?;
        let recovered = recovery::recover(folder)?;
        let previous_end = recovered.end;
        let (commands, queue) = queue::commands();
        let shared = Arc::new(share(bounded(options), recovered, floor, commands, lock));
        let writer = Writer::new(Arc::clone(&shared), disk, queue, previous_end);
        let thread = std::thread::Builder::new()
            .name("leadsman-log".to_owned())
            .spawn(move || writer.run())
            .map_err(LogError::io("start the writer of", &shared.options.path))?;
        Ok(Self {
            shared,
            writer: Some(thread),
        })
    }

    /// A new writing end.
    pub fn appender(&self) -> Appender {
        Appender::new(Arc::clone(&self.shared))
    }

    /// Opens a reader. `name` is the name of its durable cursor (any text of moderate length).
    /// A disk that takes nothing does not matter: the cursor is written as soon as that is possible.
    ///
    /// # Errors
    /// [`LogError::ReaderInUse`] if a reader of this name is open, [`LogError::ReaderName`].
    pub fn reader(&self, name: &str, from: ReadFrom) -> Result<Reader, LogError> {
        let path =
            recovery::cursors_folder(&self.shared.options.path).join(cursor::file_name(name)?);
        let mut state = self.shared.state();
        let end = self.shared.progress.borrow().end;
        let oldest = state.oldest().unwrap_or(end);
        let reader = state.readers.entry(name.to_owned()).or_default();
        if reader.is_open {
            return Err(LogError::ReaderInUse(name.to_owned()));
        }
        let start = match from {
            ReadFrom::Tail => end,
            ReadFrom::Position(position) => position,
            ReadFrom::Cursor if reader.cursor.is_some() => reader.committed,
            ReadFrom::Cursor => oldest,
        };
        reader.note_missing(name, start, oldest);
        let start = start.max(oldest);
        let cursor = (from != ReadFrom::Tail).then(|| place_cursor(reader, path, start));
        reader.is_open = true;
        reader.committed = start;
        reader.handed_out = start;
        drop(state);
        if let Some(Err(error)) = cursor.map(|cursor| cursor::sync(&cursor)) {
            let error = error.describe();
            tracing::warn!(
                reader = name,
                error,
                "cursor is not on the disk yet, trying again"
            );
        }
        Ok(Reader::new(
            Arc::clone(&self.shared),
            name.to_owned(),
            start,
        ))
    }

    /// Deletes the cursors that no open reader uses, so that they hold no segment back any more.
    /// To be called when all readers of the present configuration are open. Returns their names.
    ///
    /// # Errors
    /// If a cursor cannot be deleted.
    pub fn forget_unused_readers(&self) -> Result<Vec<String>, LogError> {
        let mut state = self.shared.state();
        let unused = state.readers.iter().filter(|(_, reader)| !reader.is_open);
        let names: Vec<String> = unused.map(|(name, _)| name.clone()).collect();
        for name in &names {
            let cursor = state.readers.remove(name).and_then(|reader| reader.cursor);
            if let Some(cursor) = cursor {
                cursor::lock(&cursor).delete()?;
            }
        }
        drop(state);
        let _ = self.shared.commands.send(Command::Prune);
        Ok(names)
    }

    /// Tells whether the disk takes what is logged, also when the log is closed meanwhile.
    pub fn is_writable(&self) -> impl Fn() -> bool + Send + Sync + use<> {
        let fault = self.shared.fault.subscribe();
        move || fault.borrow().is_none()
    }

    /// Figures of this moment.
    pub fn stats(&self) -> LogStats {
        self.shared.stats()
    }

    /// Writes what is queued, syncs, and stops the writer. Readers go on to the end and then get
    /// [`LogError::Closed`]; the folder is free when they are gone.
    ///
    /// # Errors
    /// If what was queued could not be written. It was not acknowledged.
    pub async fn close(mut self) -> Result<(), LogError> {
        let (reply, answer) = oneshot::channel();
        self.shared
            .commands
            .send(Command::Close(reply))
            .map_err(|_| LogError::Closed)?;
        let result = answer.await.unwrap_or(Err(LogError::Closed));
        self.join();
        result
    }

    fn join(&mut self) {
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the log's writer panicked");
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if self.writer.is_some() {
            // Fails only if the writer is gone already.
            let _ = self
                .shared
                .commands
                .send(Command::Close(oneshot::channel().0));
            self.join();
        }
    }
}

/// Options that make sense together.
fn bounded(options: LogOptions) -> LogOptions {
    LogOptions {
        segment_bytes: options
            .segment_bytes
            .min(options.disk_budget_bytes / 4)
            .max(1),
        queue_bytes: options.queue_bytes.min(1 << 40),
        ..options
    }
}

fn share(
    options: LogOptions,
    recovered: Recovered,
    floor: Position,
    commands: CommandSender,
    lock: FolderLock,
) -> Shared {
    let Recovered {
        segments,
        mut readers,
        end,
        torn_bytes,
    } = recovered;
    // A cursor behind the end means that the end was lost; its reader must not wait for ever,
    // nor get new records under positions it has seen.
    let cursors = readers
        .values()
        .map(|reader| reader.committed)
        .max()
        .unwrap_or_default();
    let start = end.max(floor).max(cursors);
    for (name, reader) in &mut readers {
        reader.note_missing(name, end, start);
    }
    let counters = Counters::default();
    counters.torn_bytes.add(torn_bytes);
    let n_units = options.queue_bytes.div_ceil(appender::QUEUE_UNIT).max(1);
    let tail = Tail::new(start, options.memory_tail_bytes);
    Shared {
        state: Mutex::new(State {
            segments,
            tail,
            readers,
        }),
        progress: watch::Sender::new(Progress {
            end: start,
            is_closed: false,
        }),
        fault: watch::Sender::new(None),
        queue: Arc::new(Semaphore::new(n_units)),
        options,
        commands,
        counters,
        _lock: lock,
    }
}

/// The cursor of a reader, standing at `start`.
fn place_cursor(reader: &mut ReaderState, path: PathBuf, start: Position) -> Arc<Mutex<Cursor>> {
    let cursor = reader
        .cursor
        .get_or_insert_with(|| Arc::new(Mutex::new(Cursor::new(path, start))));
    let mut placed = cursor::lock(cursor);
    if placed.position() != start
        && let Err(error) = placed.store(start)
    {
        let error = error.describe();
        tracing::warn!(error, "cursor stays where it was until its reader commits");
    }
    Arc::clone(cursor)
}

//! The archive as a reader of the log: reads, buffers, flushes, commits, again.

use std::future::Future;
use std::pin::{Pin, pin};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::error::ArchiveError;
use super::writer::Archive;
use crate::ErrorChain;
use crate::log::{Entry, LogError, Reader};

/// Age of the first buffered record at the first flushes after a start; then twice as much each
/// time, up to the configured interval.
const FIRST_AGE: Duration = Duration::from_secs(5);
/// Flushes at that age: a new user sees what the first half minute brought, profiles that are
/// measured for ten seconds among them. Merging makes the small files large ones.
const N_FIRST_FLUSHES: u32 = 6;
/// A flush of so many rows was the last of the first ones: with more than 50,000 samples a second, a
/// file of five seconds has less than one of each series, and costs as much as one of a minute.
const MANY_ROWS: usize = 256 * 1024;
/// Time before a failed flush or read is tried again, and the longest it grows to.
const RETRY: Duration = Duration::from_secs(1);
const MAX_RETRY: Duration = Duration::from_secs(60);

/// When buffers become files, apart from being full. Knows no clock.
#[derive(Debug)]
struct FlushSchedule {
    n_first_left: u32,
    next_age: Duration,
    max_age: Duration,
}

impl FlushSchedule {
    fn new(max_age: Duration) -> Self {
        Self {
            n_first_left: N_FIRST_FLUSHES - 1,
            next_age: FIRST_AGE.min(max_age),
            max_age,
        }
    }

    /// How old the oldest record may get before the next flush.
    fn age(&self) -> Duration {
        self.next_age
    }

    /// A flush of so many rows was made. One of full buffers says nothing about age.
    fn flushed(&mut self, pause: Pause, n_rows: usize) {
        if pause != Pause::Due {
            return;
        }
        if n_rows >= MANY_ROWS {
            self.n_first_left = 0;
        }
        match self.n_first_left {
            0 => self.next_age = (self.next_age * 2).min(self.max_age),
            _ => self.n_first_left -= 1,
        }
    }
}

impl Archive {
    /// Archives what the reader reads until `shutdown` completes or the log is closed, then
    /// flushes what is left, as much as one buffer holds. Commits the reader's cursor after each
    /// flush. While files cannot be written it tries again and again, and reads no further than
    /// its buffers hold: the log keeps the rest.
    ///
    /// # Errors
    /// When the last flush fails; what it held comes again from the log.
    pub async fn run(
        self,
        reader: Reader,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), ArchiveError> {
        let schedule = FlushSchedule::new(self.options().flush_interval);
        let archive = Box::new(self);
        let run = Run {
            archive: Some(archive),
            reader,
            schedule,
            oldest: None,
        };
        run.run(pin!(shutdown)).await
    }
}

struct Run {
    /// Away only while a flush has it on another thread.
    archive: Option<Box<Archive>>,
    reader: Reader,
    schedule: FlushSchedule,
    /// When the oldest record in the buffers came.
    oldest: Option<Instant>,
}

/// Why reading paused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// The oldest record is old enough.
    Due,
    /// The buffers are full.
    Full,
    /// The log is closed, and was read to its end.
    Closed,
}

impl Run {
    async fn run(
        mut self,
        mut shutdown: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<(), ArchiveError> {
        loop {
            let pause = tokio::select! {
                pause = self.fill() => pause,
                () = &mut shutdown => break,
            };
            if pause == Pause::Closed {
                break;
            }
            let mut retry = RETRY;
            let n_rows = loop {
                let error = match self.flush().await {
                    Ok(n_rows) => break n_rows,
                    Err(error) => error,
                };
                warn!(
                    error = %ErrorChain(&error),
                    retry_seconds = retry.as_secs(),
                    "failed to write archive files"
                );
                tokio::select! {
                    () = sleep(retry) => retry = (retry * 2).min(MAX_RETRY),
                    () = &mut shutdown => return self.flush().await.map(drop),
                }
            };
            self.schedule.flushed(pause, n_rows);
        }
        self.drain();
        self.flush().await.map(drop)
    }

    /// Reads into the buffers until there is a reason to flush. Cancel safe.
    async fn fill(&mut self) -> Pause {
        loop {
            if self.is_full() {
                return Pause::Full;
            }
            let due = self.oldest.map(|oldest| oldest + self.schedule.age());
            let entry = tokio::select! {
                entry = self.reader.next() => entry,
                () = sleep_until(due) => return Pause::Due,
            };
            match entry {
                Ok(entry) => self.accept(&entry),
                Err(LogError::Closed) => return Pause::Closed,
                Err(error) => {
                    warn!(
                        error = %ErrorChain(&error),
                        "failed to read the log for the archive"
                    );
                    sleep(RETRY).await;
                }
            }
        }
    }

    /// Takes what the log has right now, as far as the buffers hold it.
    fn drain(&mut self) {
        while !self.is_full() {
            match self.reader.try_next() {
                Ok(Some(entry)) => self.accept(&entry),
                Ok(None) | Err(LogError::Closed) => return,
                Err(error) => {
                    warn!(
                        error = %ErrorChain(&error),
                        "failed to read the log for the archive, left for the next start"
                    );
                    return;
                }
            }
        }
    }

    fn accept(&mut self, entry: &Entry) {
        self.oldest.get_or_insert_with(Instant::now);
        if let Some(archive) = &mut self.archive {
            archive.write(entry.end, &entry.record);
        }
    }

    fn is_full(&self) -> bool {
        self.archive
            .as_ref()
            .is_some_and(|archive| archive.is_full())
    }

    /// Flushes on a thread that may block, and commits the cursor; tells the number of rows. Not
    /// cancel safe.
    async fn flush(&mut self) -> Result<usize, ArchiveError> {
        let Some(mut archive) = self.archive.take() else {
            return Ok(0);
        };
        let flush = tokio::task::spawn_blocking(move || {
            let result = archive.flush();
            (archive, result)
        });
        let (archive, result) = match flush.await {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        self.archive = Some(archive);
        let report = result?;
        self.oldest = None;
        debug!(
            rows = report.n_rows(),
            bytes = report.n_bytes(),
            files = report.n_files(),
            position = report.position.0,
            "flushed the archive",
        );
        if let Err(error) = self.reader.commit(report.position) {
            // The archive skips what comes again.
            warn!(
                error = %ErrorChain(&error),
                "failed to commit the archive's cursor"
            );
        }
        Ok(report.n_rows())
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ages of flushes of so many rows.
    fn ages(n_rows: usize) -> Vec<u64> {
        let mut schedule = FlushSchedule::new(Duration::from_secs(60));
        let mut ages = Vec::new();
        let pauses = [Pause::Due; N_FIRST_FLUSHES as usize + 4];
        for pause in [Pause::Full].into_iter().chain(pauses) {
            ages.push(schedule.age().as_secs());
            schedule.flushed(pause, n_rows);
        }
        ages
    }

    #[test]
    fn the_first_flushes_are_early_and_the_others_are_later_and_later() {
        assert_eq!(ages(1000), [5, 5, 5, 5, 5, 5, 5, 10, 20, 40, 60]);
    }

    #[test]
    fn of_many_rows_only_one_flush_is_early() {
        let many = ages(MANY_ROWS);
        assert_eq!(many, [5, 5, 10, 20, 40, 60, 60, 60, 60, 60, 60]);
    }

    #[test]
    fn no_flush_is_later_than_the_interval() {
        let schedule = FlushSchedule::new(Duration::from_secs(5));
        assert_eq!(schedule.age(), Duration::from_secs(5));
    }
}

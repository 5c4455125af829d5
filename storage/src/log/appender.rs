//! The writing end.

use std::sync::Arc;

use proto::Record;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, TryAcquireError, oneshot};

use super::error::LogError;
use super::shared::Shared;
use super::weight;
use super::writer::{Command, Haste, Queued};
use crate::Position;

/// What the queue's space is counted in. Bytes.
pub(super) const QUEUE_UNIT: usize = 1024;

/// Appends records to the log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Appender {
    shared: Arc<Shared>,
}

/// A record on its way to the disk.
#[derive(Debug)]
pub struct Receipt {
    pub(super) answer: oneshot::Receiver<Result<Position, LogError>>,
}

impl Appender {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Queues a record; waits while the queue is full. Cancel safe: a record is queued whole or
    /// not at all.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] if the queue is full and the disk takes nothing,
    /// [`LogError::Mismatch`] if a batch does not fit its layout, [`LogError::Closed`].
    pub async fn append(&self, record: Record) -> Result<Receipt, LogError> {
        self.queue(record, Haste::None).await
    }

    /// The same of a record for which somebody waits who can do nothing meanwhile: it is durable within
    /// [`AWAITED_SYNC`](super::AWAITED_SYNC) and what the disk takes, whatever the interval of syncs.
    ///
    /// # Errors
    /// As [`Appender::append`].
    pub async fn append_awaited(&self, record: Record) -> Result<Receipt, LogError> {
        self.queue(record, Haste::Awaited).await
    }

    async fn queue(&self, record: Record, haste: Haste) -> Result<Receipt, LogError> {
        check(&record)?;
        let space = self
            .space_for(weight::of_record(&record))
            .await
            .inspect_err(|_| {
                self.shared.counters.refused_records.add(1);
            })?;
        let (ack, answer) = oneshot::channel();
        let queued = Queued {
            record,
            ack,
            space,
            haste,
        };
        self.shared
            .commands
            .send(Command::Append(queued))
            .map_err(|_| LogError::Closed)?;
        Ok(Receipt { answer })
    }

    async fn space_for(&self, bytes: usize) -> Result<OwnedSemaphorePermit, LogError> {
        let all = self.shared.options.queue_bytes.div_ceil(QUEUE_UNIT).max(1);
        let n_units = bytes.div_ceil(QUEUE_UNIT).min(all) as u32;
        let queue = &self.shared.queue;
        match Arc::clone(queue).try_acquire_many_owned(n_units) {
            Ok(space) => return Ok(space),
            Err(TryAcquireError::Closed) => return Err(LogError::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        let mut fault = self.shared.fault.subscribe();
        tokio::select! {
            biased;
            space = Arc::clone(queue).acquire_many_owned(n_units) => {
                space.map_err(|_: AcquireError| LogError::Closed)
            }
            source = async { fault.wait_for(Option::is_some).await.ok().and_then(|f| f.clone()) } => {
                Err(source.map_or(LogError::Closed, |source| LogError::Unavailable { source }))
            }
        }
    }
}

impl Receipt {
    /// Waits until the record survives a power cut; returns where it is.
    ///
    /// # Errors
    /// [`LogError::TooLarge`], or why the log was closed before the record was written.
    pub async fn durable(self) -> Result<Position, LogError> {
        self.answer.await.unwrap_or(Err(LogError::Closed))
    }
}

/// A batch that could not be read back is refused here, where its maker can be told.
fn check(record: &Record) -> Result<(), LogError> {
    let Record::Metrics(batch) = record else {
        return Ok(());
    };
    let n_series = batch.layout.series.len();
    let n_timestamps = batch.timestamps.len();
    if batch.values.len() != n_series {
        return Err(LogError::Mismatch {
            n_values: batch.values.len(),
            n_series,
        });
    }
    if n_timestamps != 0 && n_timestamps != n_series {
        return Err(LogError::Mismatch {
            n_values: n_timestamps,
            n_series,
        });
    }
    Ok(())
}

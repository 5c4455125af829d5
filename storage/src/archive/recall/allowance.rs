//! How much an answer may take, and whether it is still wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::error::RecallError;

/// What a question may take. Clones share it: whoever asks keeps one to take the question back.
///
/// Memory is what recall holds from batch to batch and what it hands out, as estimated from the
/// sizes of its tables. What a batch of rows takes while it is decoded, some MiB on each core, comes
/// on top.
#[derive(Clone, Debug)]
pub struct Allowance {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    is_over: AtomicBool,
    n_bytes: AtomicUsize,
    limit: usize,
}

impl Default for Allowance {
    /// As much as it takes.
    fn default() -> Self {
        Self::of_bytes(usize::MAX)
    }
}

impl Allowance {
    /// So much memory.
    pub fn of_bytes(limit: usize) -> Self {
        Self {
            shared: Arc::new(Shared {
                is_over: AtomicBool::new(false),
                n_bytes: AtomicUsize::new(0),
                limit,
            }),
        }
    }

    /// Takes the question back: the answer is not worked on any further.
    pub fn stop(&self) {
        self.shared.is_over.store(true, Ordering::Relaxed);
    }

    /// An error if the question was taken back.
    pub(super) fn check(&self) -> Result<(), RecallError> {
        if self.shared.is_over.load(Ordering::Relaxed) {
            return Err(RecallError::Stopped);
        }
        Ok(())
    }

    /// Counts memory that is held from now on.
    pub(super) fn take(&self, n_bytes: usize) -> Result<(), RecallError> {
        self.check()?;
        let before = self.shared.n_bytes.fetch_add(n_bytes, Ordering::Relaxed);
        let limit = self.shared.limit;
        if before.saturating_add(n_bytes) > limit {
            return Err(RecallError::TooMuchMemory { limit });
        }
        Ok(())
    }

    /// Memory that was taken is free again.
    pub(super) fn give_back(&self, n_bytes: usize) {
        self.shared.n_bytes.fetch_sub(n_bytes, Ordering::Relaxed);
    }

    /// What is taken now. Bytes.
    pub(super) fn taken(&self) -> usize {
        self.shared.n_bytes.load(Ordering::Relaxed)
    }

    /// From now on just so much is taken.
    pub(super) fn settle(&self, n_bytes: usize) {
        self.shared.n_bytes.store(n_bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_is_allowed() {
        let allowance = Allowance::of_bytes(10);
        allowance.take(6).unwrap();
        allowance.give_back(2);
        allowance.take(6).unwrap();
        let error = allowance.take(1).unwrap_err();
        assert!(matches!(error, RecallError::TooMuchMemory { limit: 10 }));
    }

    #[test]
    fn what_was_taken_back_goes_no_further() {
        let allowance = Allowance::default();
        allowance.clone().stop();
        assert!(matches!(allowance.take(0), Err(RecallError::Stopped)));
    }
}

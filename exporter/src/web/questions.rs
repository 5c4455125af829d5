//! Questions about the archive: answered aside from the threads that take soundings, a few at once,
//! each in bounded memory, and no longer than somebody waits for the answer.
//!
//! Does not know what is asked.

use std::sync::Arc;
use std::time::Duration;

use storage::archive::{Allowance, Recall, RecallError};
use tokio::sync::{Semaphore, TryAcquireError};

/// Questions that are worked on at once: each uses all cores.
const MAX_AT_ONCE: usize = 2;
/// Questions that wait for these.
const MAX_WAITING: usize = 32;
/// How long one waits.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// What recall may hold for a question. As much again is left for what is made of it: a tree, an
/// answer and its compressed form. Bytes.
const MAX_BYTES: usize = 128 << 20;

/// Where the archive can be asked. Cheap to clone: clones share the places.
#[derive(Clone)]
pub struct Questions {
    recall: Recall,
    working: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    max_wait: Duration,
}

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// Too many others are worked on.
    #[error("too many questions at once: ask again in a moment")]
    Busy,
    /// The archive has no answer.
    #[error(transparent)]
    Recall(#[from] RecallError),
    /// Working on it ended in a panic, which was told where it happened.
    #[error("working on the answer went wrong: leadsman's log says more")]
    Panicked,
}

impl Questions {
    /// About this archive.
    pub fn new(recall: Recall) -> Self {
        Self {
            recall,
            working: Arc::new(Semaphore::new(MAX_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            max_wait: MAX_WAIT,
        }
    }

    /// Works on an answer on a thread of its own. When the future is dropped, recall stops soon.
    ///
    /// # Errors
    /// If too many others are worked on, or there is no answer.
    pub(super) async fn ask<T, E>(
        &self,
        question: impl FnOnce(&Recall) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<AskError> + Send + 'static,
    {
        let place = self.place().await?;
        let allowance = Allowance::of_bytes(MAX_BYTES);
        let recall = self.recall.within(&allowance);
        let _guard = StopOnDrop(allowance);
        let work = tokio::task::spawn_blocking(move || {
            // Until the thread is done, even if nobody waits any more.
            let _place = place;
            question(&recall)
        });
        work.await
            .unwrap_or_else(|_| Err(AskError::Panicked.into()))
    }

    async fn place(&self) -> Result<tokio::sync::OwnedSemaphorePermit, AskError> {
        match Arc::clone(&self.working).try_acquire_owned() {
            Ok(place) => return Ok(place),
            Err(TryAcquireError::Closed) => return Err(AskError::Busy),
            Err(TryAcquireError::NoPermits) => {}
        }
        let _waiting = self.waiting.try_acquire().map_err(|_| AskError::Busy)?;
        let place = Arc::clone(&self.working).acquire_owned();
        match tokio::time::timeout(self.max_wait, place).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(AskError::Busy),
        }
    }
}

struct StopOnDrop(Allowance);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use storage::archive::ProfileSelection;

    use super::*;

    fn questions(max_wait: Duration) -> (tempfile::TempDir, Questions) {
        let dir = tempfile::tempdir().unwrap();
        let questions = Questions {
            max_wait,
            ..Questions::new(Recall::open(dir.path()))
        };
        (dir, questions)
    }

    /// Asks something that takes until the other end is dropped.
    fn occupy(
        questions: &Questions,
    ) -> (
        mpsc::Sender<()>,
        tokio::task::JoinHandle<Result<(), AskError>>,
    ) {
        let (done, is_done) = mpsc::channel::<()>();
        let questions = questions.clone();
        let asked = tokio::spawn(async move {
            questions
                .ask(move |_| {
                    let _ = is_done.recv();
                    Ok::<_, AskError>(())
                })
                .await
        });
        (done, asked)
    }

    #[tokio::test]
    async fn others_wait_and_are_refused_in_the_end() {
        let (_dir, questions) = questions(Duration::from_millis(50));
        let occupied = [occupy(&questions), occupy(&questions)];
        while questions.working.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let refused = questions.ask(|_| Ok::<_, AskError>(())).await;
        assert!(matches!(refused, Err(AskError::Busy)));
        let patient = Questions {
            max_wait: Duration::from_secs(60),
            ..questions
        };
        let waiting = tokio::spawn(async move { patient.ask(|_| Ok::<_, AskError>(7)).await });
        for (done, asked) in occupied {
            drop(done);
            asked.await.unwrap().unwrap();
        }
        assert!(matches!(waiting.await.unwrap(), Ok(7)));
    }

    #[tokio::test]
    async fn recall_stops_when_nobody_waits_any_more() {
        let (_dir, questions) = questions(MAX_WAIT);
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let (tell, told) = mpsc::channel();
        let asking = questions.clone();
        let asked = tokio::spawn(async move {
            asking
                .ask(move |recall| {
                    let _ = may_go_on.recv();
                    let result = recall.profile_series(&ProfileSelection::default());
                    let _ = tell.send(matches!(result, Err(RecallError::Stopped)));
                    Ok::<_, AskError>(())
                })
                .await
        });
        while questions.working.available_permits() == MAX_AT_ONCE {
            tokio::task::yield_now().await;
        }
        asked.abort();
        let _ = asked.await;
        drop(go_on);
        let is_stopped = tokio::task::spawn_blocking(move || told.recv().unwrap());
        assert!(is_stopped.await.unwrap());
    }

    #[tokio::test]
    async fn a_panic_is_told_and_frees_the_place() {
        let (_dir, questions) = questions(MAX_WAIT);
        for _ in 0..=MAX_AT_ONCE {
            let result = questions
                .ask(|_| -> Result<(), AskError> { std::panic::panic_any("on purpose") })
                .await;
            assert!(matches!(result, Err(AskError::Panicked)));
        }
    }
}

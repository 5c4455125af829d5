//! A loop around one sounding, in a task of its own.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::schedule::Schedule;
use super::ticker::{self, Sounding, Stop};

/// A running loop that gives its sounding back at its end. Dropped, it ends at once.
pub(super) struct Loop<S> {
    stop: Stop,
    task: JoinHandle<S>,
}

impl<S: Sounding + 'static> Loop<S> {
    /// Starts when the sounding is `ready`: it may have to wait for the one it takes over from.
    /// `call` asks for a sounding besides those of the schedule.
    pub(super) fn start(
        ready: impl Future<Output = S> + Send + 'static,
        schedule: Schedule,
        clock: Clock,
        call: Arc<Notify>,
    ) -> Self {
        let stop = Stop::default();
        let told = stop.clone();
        let task = tokio::spawn(async move {
            let sounding = ready.await;
            ticker::run(sounding, schedule, clock, &call, told).await
        });
        Self { stop, task }
    }
}

impl<S> Loop<S> {
    /// Ends after what is under way. `None` if the sounding panicked.
    pub(super) async fn finish(mut self) -> Option<S> {
        self.stop.finish.cancel();
        (&mut self.task).await.ok()
    }

    /// Ends at once; what is under way is dropped.
    pub(super) async fn abandon(mut self) -> Option<S> {
        self.stop.abandon.cancel();
        (&mut self.task).await.ok()
    }
}

impl<S> Drop for Loop<S> {
    fn drop(&mut self) {
        self.stop.abandon.cancel();
    }
}

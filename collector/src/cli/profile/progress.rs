//! Showing that something is going on, once it has taken long enough for that to be a question.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const PATIENCE: Duration = Duration::from_secs(2);

/// A count on standard error, at a terminal only, from two seconds on.
pub(super) struct Progress {
    started: Instant,
    n_done: u64,
    bar: Option<ProgressBar>,
}

impl Default for Progress {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            n_done: 0,
            bar: None,
        }
    }
}

impl Progress {
    /// One more of `what` is done.
    pub(super) fn advance(&mut self, what: &'static str) {
        self.n_done += 1;
        if self.bar.is_none()
            && self.started.elapsed() > PATIENCE
            && std::io::stderr().is_terminal()
        {
            let style = ProgressStyle::with_template("{spinner} {pos} {msg}, {elapsed}");
            let bar = ProgressBar::new_spinner().with_message(what);
            self.bar = Some(style.map_or(bar.clone(), |style| bar.with_style(style)));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(self.n_done);
        }
    }
}

/// Does `work`, and shows at a terminal that it is under way once it takes long.
pub(in crate::cli) fn waiting<T: Send>(what: &'static str, work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        scope.spawn(move || {
            let is_long = is_done.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout);
            if is_long && std::io::stderr().is_terminal() {
                let bar = ProgressBar::new_spinner().with_message(what);
                bar.enable_steady_tick(Duration::from_millis(100));
                let _ = is_done.recv();
                bar.finish_and_clear();
            }
        });
        let result = work();
        drop(done);
        result
    })
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

//! Showing that something is going on, once it has taken long enough for that to be a question.

use std::io::IsTerminal;
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

    /// Says what was left out, without breaking the line of the count.
    pub(super) fn warn(&self, error: &anyhow::Error) {
        let print = || eprintln!("leadsman: warning: {error:#}");
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

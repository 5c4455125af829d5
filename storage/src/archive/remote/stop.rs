//! How the mirror's thread is told to end.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Shared by the mirror and by who may end it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<(Mutex<Wish>, Condvar)>);

/// What is asked of the mirror. Later ones go further.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wish {
    /// To go on.
    #[default]
    Run,
    /// To bring up what there is, and then to end.
    Finish,
    /// To end now.
    Quit,
}

impl Stop {
    /// Asks for something; what was asked for before and goes further stays.
    pub(super) fn ask(&self, wish: Wish) {
        let (asked, changed) = &*self.0;
        let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        *asked = wish.max(*asked);
        changed.notify_all();
    }

    /// What is asked for.
    pub(super) fn wish(&self) -> Wish {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, or until more than `wish` is asked for. Returns what is.
    pub(super) fn wait(&self, duration: Duration, wish: Wish) -> Wish {
        let (asked, changed) = &*self.0;
        let asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = changed.wait_timeout_while(asked, duration, |asked| *asked <= wish);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

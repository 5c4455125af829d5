//! A value made from files, made anew when one of them changes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::TlsError;
use super::files::{Stamp, stamps};

/// A value and the files it was made from.
pub(super) struct Reloading<T> {
    paths: Vec<PathBuf>,
    make: Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>,
    state: Mutex<State<T>>,
}

struct State<T> {
    /// The stamps at the last attempt, whether it succeeded or not.
    tried: Vec<Option<Stamp>>,
    value: Arc<T>,
}

impl<T> Reloading<T> {
    /// Makes the first value; later failures keep the value before.
    pub(super) fn new(
        paths: Vec<PathBuf>,
        make: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        // Stamps first: a file that changes while it is read is then read once more.
        let tried = stamps(&paths);
        let value = Arc::new(make()?);
        Ok(Self {
            paths,
            make: Box::new(make),
            state: Mutex::new(State { tried, value }),
        })
    }

    /// The value of the files as they are now. Costs a `stat` of each file.
    pub(super) fn current(&self) -> Arc<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.paths.is_empty() {
            return Arc::clone(&state.value);
        }
        let now = stamps(&self.paths);
        if now != state.tried {
            state.tried = now;
            match (self.make)() {
                Ok(value) => {
                    state.value = Arc::new(value);
                    tracing::info!(files = ?self.paths, "certificates changed and were read again");
                }
                Err(error) => tracing::warn!(
                    error = %storage::ErrorChain(&error),
                    "changed certificates cannot be used; the ones before stay"
                ),
            }
        }
        Arc::clone(&state.value)
    }
}

//! Stops everything that is done to files after some steps, as a crash does. Only tests set it.

use std::io;

#[cfg(test)]
thread_local! {
    static LEFT: std::cell::Cell<Option<usize>> = const { std::cell::Cell::new(None) };
}

/// One more step of this thread is about to be done.
#[cfg(not(test))]
pub(super) fn step() -> io::Result<()> {
    Ok(())
}

/// One more step of this thread is about to be done. None is after the last one allowed.
#[cfg(test)]
pub(super) fn step() -> io::Result<()> {
    match LEFT.get() {
        None => Ok(()),
        Some(0) => Err(io::Error::other("crashed")),
        Some(left) => {
            LEFT.set(Some(left - 1));
            Ok(())
        }
    }
}

/// Lets this thread do `steps` more; `None`: as many as it likes.
#[cfg(test)]
pub(super) fn allow(steps: Option<usize>) {
    LEFT.set(steps);
}

/// Whether the last step allowed was done.
#[cfg(test)]
pub(super) fn is_blown() -> bool {
    LEFT.get() == Some(0)
}

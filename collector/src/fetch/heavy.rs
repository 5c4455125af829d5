//! Work that takes milliseconds, beside soundings that should not wait for it.

/// Runs work that may take milliseconds without holding up what else this thread has to do.
pub(crate) fn heavy<T>(n_bytes: usize, work: impl FnOnce() -> T) -> T {
    /// Text of this size takes about a millisecond to parse.
    const HEAVY_BYTES: usize = 512 * 1024;
    use tokio::runtime::{Handle, RuntimeFlavor};
    let can_move = Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if n_bytes >= HEAVY_BYTES && can_move {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

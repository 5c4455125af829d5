//! What a target says of itself.

use proto::UnixMillis;

/// How exact a start is: the kernel tells the boot time, from which it is worked out, in whole
/// seconds, and another one after its clock was adjusted. Milliseconds.
pub(super) const START_PRECISION_MS: i64 = 1000;

/// What a target says of itself; `None` is what it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::archive) struct Facts {
    /// Version of its program.
    pub(in crate::archive) version: Option<String>,
    /// Version of Go.
    pub(in crate::archive) go_version: Option<String>,
    /// When its process started.
    pub(in crate::archive) started: Option<UnixMillis>,
}

/// Whether two starts are the same one.
pub(super) fn is_same_start(left: UnixMillis, right: UnixMillis) -> bool {
    left.0.abs_diff(right.0) <= START_PRECISION_MS.unsigned_abs()
}

/// What one scrape tells, borrowed from its page.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    pub(super) health: Health,
    pub(super) version: Option<&'a str>,
    pub(super) go_version: Option<&'a str>,
    pub(super) started: Option<UnixMillis>,
    /// `process_cpu_seconds_total`: only a restart makes it less.
    pub(super) cpu_seconds: Option<f64>,
}

/// What `up` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Health {
    /// There is none.
    #[default]
    Unknown,
    Up,
    Down,
    /// It has its last, stale sample: the target is sounded no more.
    Gone,
}

//! What is counted of one operation.

use proto::UnixMillis;
use proto::otlp::calls::{Call, CallStatus, SpanKind};

/// Upper bounds of the buckets of durations, in milliseconds: half a millisecond, and then 1, 2, 5 of
/// every power of ten up to 500 s. The connector's own end at 15 s, and pulling an image takes longer;
/// below 10 ms they are as wide as these.
pub(super) const BOUNDS: [f64; 19] = [
    0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5,
    2e5, 5e5,
];

/// An operation that was not called for so long ends, and makes room for another. Milliseconds.
const FORGET_AFTER: i64 = 3_600_000;

const NANOS_A_MILLI: f64 = 1e6;

/// Calls of one name, kind and status.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) kind: SpanKind,
    pub(super) status: CallStatus,
    /// Calls by the first bound that is not below their duration.
    buckets: [u64; BOUNDS.len()],
    calls: u64,
    /// Of all durations. Wide enough for any number of any of them.
    nanos: u128,
    /// When it was told first.
    born: Option<UnixMillis>,
    /// When it was told last with a call that was new.
    called: UnixMillis,
    /// Called since it was told last.
    is_called: bool,
}

impl Operation {
    /// One that was not called yet.
    pub(super) fn new(kind: SpanKind, status: CallStatus) -> Self {
        Self {
            kind,
            status,
            buckets: [0; BOUNDS.len()],
            calls: 0,
            nanos: 0,
            born: None,
            called: UnixMillis(0),
            is_called: false,
        }
    }

    /// Whether a call is of its kind and ended as its calls do.
    pub(super) fn is_of(&self, call: &Call<'_>) -> bool {
        (self.kind, self.status) == (call.kind, call.status)
    }

    pub(super) fn count(&mut self, call: &Call<'_>) {
        let millis = call.nanos as f64 / NANOS_A_MILLI;
        let bucket = BOUNDS.partition_point(|bound| *bound < millis);
        if let Some(count) = self.buckets.get_mut(bucket) {
            *count += 1;
        }
        self.calls += 1;
        self.nanos += u128::from(call.nanos);
        self.is_called = true;
    }

    /// Whether it was never told.
    pub(super) fn is_new(&self) -> bool {
        self.born.is_none()
    }

    /// When its counters were zero.
    pub(super) fn born(&self) -> Option<UnixMillis> {
        self.born
    }

    /// It is told at `time`. Whether it ends with that.
    pub(super) fn tell(&mut self, time: UnixMillis) -> bool {
        self.born.get_or_insert(time);
        if std::mem::take(&mut self.is_called) {
            self.called = time;
        }
        time.0.saturating_sub(self.called.0) >= FORGET_AFTER
    }

    /// Its samples at `time`, in the order of `page`: calls, then for each bound the calls that were
    /// not longer, all of them, the milliseconds of all of them, and their number again. Zeros at the
    /// time at which it is told first.
    pub(super) fn samples(&self, time: UnixMillis) -> impl Iterator<Item = f64> {
        let scale = if self.born == Some(time) { 0.0 } else { 1.0 };
        let calls = self.calls as f64;
        let cumulative = self.buckets.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum as f64)
        });
        let millis = self.nanos as f64 / NANOS_A_MILLI;
        std::iter::once(calls)
            .chain(cumulative)
            .chain([calls, millis, calls])
            .map(move |value| scale * value)
    }
}

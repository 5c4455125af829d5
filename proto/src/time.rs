//! Points in time, as the formats count them. Nothing here reads a clock.

use std::fmt;

/// Milliseconds since the Unix epoch: the resolution of Prometheus samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

/// Nanoseconds since the Unix epoch: the resolution of pprof and OTLP profiles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixNanos(pub i64);

impl From<UnixMillis> for UnixNanos {
    fn from(time: UnixMillis) -> Self {
        Self(time.0.saturating_mul(1_000_000))
    }
}

impl From<UnixNanos> for UnixMillis {
    fn from(time: UnixNanos) -> Self {
        Self(time.0.div_euclid(1_000_000))
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{:03}",
            self.0.div_euclid(1000),
            self.0.rem_euclid(1000)
        )
    }
}

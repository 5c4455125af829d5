//! What every client of ours needs, whatever it sends: connections, bounded answers, waits between
//! tries, and which trouble is worth a line in the log.

mod backoff;
mod body;
mod pool;
mod trouble;

use std::time::{Duration, SystemTime};

pub(crate) use self::backoff::{Backoff, Jitter, RetryPolicy};
pub(crate) use self::body::{BodyError, read_bounded};
pub(crate) use self::pool::{Pool, PoolError, Versions};
pub(crate) use self::trouble::Trouble;

/// Sent as `User-Agent`.
pub(crate) const USER_AGENT: &str = concat!("leadsman/", env!("CARGO_PKG_VERSION"));

/// The `Retry-After` header: seconds, or the time until an HTTP date (RFC 9110, 10.2.3).
pub(crate) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(value.trim()).ok()?;
    Some(until.duration_since(now).unwrap_or(Duration::ZERO))
}

/// The beginning of a receiver's text: it may be a whole page of HTML.
pub(crate) fn shortened(detail: &str) -> String {
    detail.chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parse = |value| retry_after(value, now);
        assert_eq!(parse("120"), Some(Duration::from_secs(120)));
        assert_eq!(
            parse("Sun, 06 Nov 1994 08:49:47 GMT"),
            Some(Duration::from_secs(10))
        );
        assert_eq!(parse("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("soon"), None);
    }
}

//! Points in time as they are written in a query.

use jiff::Timestamp;
use proto::UnixMillis;
use proto::units::parse_duration;

/// What is said of times in messages.
const FORMS: &str = "expected milliseconds since 1970, a time such as 2026-11-21T10:00:00Z, now, or a \
                     duration before now such as -1h";
/// The last time that a profile can have: nanoseconds since 1970 in 63 bits. Milliseconds.
const LAST: i64 = i64::MAX / 1_000_000;

/// Times from one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) struct Range {
    /// The first one.
    pub(in crate::web) from: UnixMillis,
    /// The first one behind it.
    pub(in crate::web) to: UnixMillis,
}

impl Range {
    /// From one time to another; `None` unless that is some time after 1970 and before 2262.
    pub(in crate::web) fn new(from: i64, to: i64) -> Option<Self> {
        let is_so = 0 <= from && from < to && to <= LAST;
        is_so.then_some(Self {
            from: UnixMillis(from),
            to: UnixMillis(to),
        })
    }

    /// Its length. Milliseconds, 1 at least.
    pub(in crate::web) fn length(self) -> i64 {
        self.to.0 - self.from.0
    }
}

/// Reads a time; the error says what is allowed.
pub(in crate::web) fn parse(text: &str, now: UnixMillis) -> Result<UnixMillis, &'static str> {
    let millis = if text.is_empty() {
        return Err(FORMS);
    } else if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| FORMS)?
    } else if let Some(ago) = text
        .strip_prefix("now")
        .or_else(|| text.strip_prefix('-').map(|_| text))
    {
        now.0.saturating_sub(millis_ago(ago).ok_or(FORMS)?)
    } else {
        let time: Timestamp = text.parse().map_err(|_| FORMS)?;
        time.as_millisecond()
    };
    let is_in_range = (0..=LAST).contains(&millis);
    is_in_range.then_some(UnixMillis(millis)).ok_or(FORMS)
}

/// `-1h30m`, or nothing at all.
fn millis_ago(text: &str) -> Option<i64> {
    if text.is_empty() {
        return Some(0);
    }
    let duration = parse_duration(text.strip_prefix('-')?)?;
    i64::try_from(duration.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMillis = UnixMillis(1_795_262_400_000);

    #[test]
    fn times_are_absolute_or_before_now() {
        let check = |text: &str, expected: i64| {
            assert_eq!(parse(text, NOW).map(|time| time.0), Ok(expected), "{text}");
        };
        check("0", 0);
        check("1795262400123", NOW.0 + 123);
        check("2026-11-21T12:00:00Z", NOW.0);
        check("2026-11-21T14:00:00+02:00", NOW.0);
        check("now", NOW.0);
        check("-1h", NOW.0 - 3_600_000);
        check("now-1h30m", NOW.0 - 5_400_000);
        for wrong in [
            "",
            "1h",
            "-",
            "now-",
            "now+1h",
            "-1",
            "-1.5h",
            "yesterday",
            "-99999w",
            "99999999999999999999",
            "9223372036855",
            "2300-01-01T00:00:00Z",
            "1969-12-31T00:00:00Z",
        ] {
            assert_eq!(parse(wrong, NOW), Err(FORMS), "{wrong:?}");
        }
    }

    #[test]
    fn a_range_has_a_length() {
        assert_eq!(Range::new(3, 5).map(Range::length), Some(2));
        for (from, to) in [(5, 5), (5, 3), (-1, 5), (0, i64::MAX), (i64::MIN, i64::MAX)] {
            assert_eq!(Range::new(from, to), None);
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(now|-)?.{0,24}") {
            if let Ok(time) = parse(&text, NOW) {
                prop_assert!((0..=LAST).contains(&time.0));
            }
        }
    }
}

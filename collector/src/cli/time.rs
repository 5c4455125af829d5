//! Times as they are typed and shown.

use anyhow::bail;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proto::{UnixMillis, UnixNanos};

/// What is said of times on the command line.
pub(super) const FORMS: &str =
    "a time such as 2026-11-21T10:00:00Z, a date (UTC), or a duration such as 2h (ago)";

/// Reads a time.
pub(super) fn parse(text: &str) -> anyhow::Result<UnixNanos> {
    time_at(text, Timestamp::now())
}

fn time_at(text: &str, now: Timestamp) -> anyhow::Result<UnixNanos> {
    let time = if let Ok(time) = text.parse::<Timestamp>() {
        time
    } else if let Ok(civil) = text.parse::<DateTime>() {
        civil.to_zoned(TimeZone::UTC)?.timestamp()
    } else if let Some(ago) = duration(text) {
        now.checked_sub(ago)?
    } else {
        bail!("expected {FORMS}");
    };
    Ok(UnixNanos(i64::try_from(time.as_nanosecond())?))
}

/// `90m`, `2h`, `1d`, `2w`, and what is put together of them. A day has 24 hours here.
pub(super) fn duration(text: &str) -> Option<SignedDuration> {
    let unit = |suffix: char, hours: i64| {
        let number: i64 = text.strip_suffix(suffix)?.parse().ok()?;
        Some(SignedDuration::from_hours(number.checked_mul(hours)?))
    };
    let parsed = || text.parse::<SignedDuration>().ok();
    unit('d', 24).or_else(|| unit('w', 7 * 24)).or_else(parsed)
}

/// `2026-11-21 10:00:00`, in UTC: whoever prints it says so.
pub(super) fn show(time: UnixMillis) -> String {
    let time = Timestamp::from_millisecond(time.0);
    time.map_or_else(
        |_| "?".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> i64 {
        time_at(text, "2026-11-21T12:00:00Z".parse().unwrap())
            .unwrap()
            .0
    }

    #[test]
    fn times_are_absolute_or_ago() {
        let noon = nanos("2026-11-21T12:00:00Z");
        assert_eq!(nanos("2026-11-21T14:00:00+02:00"), noon);
        assert_eq!(nanos("2026-11-21"), noon - 12 * 3_600_000_000_000);
        assert_eq!(nanos("2026-11-21T12:00"), noon);
        assert_eq!(nanos("2h"), noon - 2 * 3_600_000_000_000);
        assert_eq!(nanos("1h30m"), noon - 5_400_000_000_000);
        assert_eq!(nanos("2d"), noon - 48 * 3_600_000_000_000);
        assert_eq!(nanos("1w"), noon - 7 * 24 * 3_600_000_000_000);
        let refused = time_at("yesterday", Timestamp::UNIX_EPOCH)
            .unwrap_err()
            .to_string();
        assert!(refused.starts_with("expected a time such as"), "{refused}");
    }

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(show(UnixMillis(1_795_262_400_123)), "2026-11-21 12:00:00");
    }
}

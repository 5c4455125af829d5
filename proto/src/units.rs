//! Durations and sizes as Prometheus writes them.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::time::Duration;

/// Units of time in the order in which they may follow each other, in milliseconds.
const TIME_UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

/// Units of size. As in Prometheus, `MB` is `MiB`: powers of 1024.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1 << 30),
    ("MB", 1 << 20),
    ("KB", 1 << 10),
    ("TiB", 1 << 40),
    ("TB", 1 << 40),
    ("B", 1),
];

/// Reads `1h30m`, `15s`, `500ms` or `0`: each unit once, large ones first. Any other text is `None`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut units = TIME_UNITS.iter();
    let mut millis = 0u64;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, unit);
        (number, rest) = split_while(rest, |c| c.is_ascii_digit());
        (unit, rest) = split_while(rest, |c| c.is_ascii_alphabetic());
        let (_, factor) = units.find(|(name, _)| *name == unit)?;
        millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
    }
    (!text.is_empty()).then(|| Duration::from_millis(millis))
}

/// Writes what [`parse_duration`] reads; what is below a millisecond is lost.
pub fn format_duration(duration: Duration) -> String {
    let mut millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    // Years and weeks are read but not written: days say more.
    for (unit, factor) in TIME_UNITS.iter().skip(2) {
        if millis >= *factor {
            text.push_str(&format!("{}{unit}", millis / factor));
            millis %= factor;
        }
    }
    text
}

/// Reads `10MB`, `64KiB`, `100B`: bytes. Any other text is `None`.
pub fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) = split_while(text, |c| c.is_ascii_digit());
    let (_, factor) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Writes what [`parse_size`] reads, in the largest unit that is exact.
pub fn format_size(bytes: u64) -> String {
    let exact = SIZE_UNITS
        .iter()
        .take(3)
        .find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    match exact {
        Some((unit, factor)) => format!("{}{unit}", bytes / factor),
        None => format!("{bytes}B"),
    }
}

fn split_while(text: &str, matches: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !matches(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_those_of_prometheus() {
        assert_eq!(parse_duration("15s"), Some(Duration::from_secs(15)));
        assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
        assert_eq!(
            parse_duration("1h0m500ms"),
            Some(Duration::from_millis(3_600_500))
        );
        assert_eq!(parse_duration("1w"), Some(Duration::from_secs(604_800)));
        for wrong in [
            "",
            "15",
            "s",
            "1.5s",
            "30s1m",
            "1s1s",
            "-1s",
            "1 s",
            "99999999999999y",
        ] {
            assert_eq!(parse_duration(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(parse_size("10MB"), Some(10 << 20));
        assert_eq!(parse_size("64KiB"), Some(64 << 10));
        assert_eq!(parse_size("100B"), Some(100));
        for wrong in ["", "10", "MB", "1.5MB", "10mb", "10 MB", "99999999999GB"] {
            assert_eq!(parse_size(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(millis in 0u64..1 << 40, bytes in 0u64..1 << 45) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
            prop_assert_eq!(parse_size(&format_size(bytes)), Some(bytes));
        }
    }
}

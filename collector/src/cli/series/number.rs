//! Values of metrics as people read them.

/// What a metric's values count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Unit {
    Seconds,
    Bytes,
    Plain,
}

impl Unit {
    /// By the unit that is told, or by the name: Prometheus' names end with it.
    pub(super) fn of(unit: &str, name: &str) -> Self {
        let has = |word: &str| unit == word || (unit.is_empty() && is_in_name(name, word));
        // Buckets and counts are numbers of observations, whatever is observed; so is `_info`.
        let counts = ["_bucket", "_count"];
        match () {
            () if counts.iter().any(|end| name.ends_with(end)) => Self::Plain,
            () if has("seconds") => Self::Seconds,
            () if has("bytes") => Self::Bytes,
            () => Self::Plain,
        }
    }
}

fn is_in_name(name: &str, word: &str) -> bool {
    let base = ["_total", "_sum"]
        .iter()
        .find_map(|end| name.strip_suffix(end));
    base.unwrap_or(name)
        .strip_suffix(word)
        .is_some_and(|before| before.ends_with('_'))
}

const SECONDS: [(&str, f64); 6] = [
    ("d", 86_400.0),
    ("h", 3600.0),
    ("s", 1.0),
    ("ms", 1e-3),
    ("µs", 1e-6),
    ("ns", 1e-9),
];
const BYTES: [(&str, f64); 5] = [
    ("TiB", 1_099_511_627_776.0),
    ("GiB", 1_073_741_824.0),
    ("MiB", 1_048_576.0),
    ("KiB", 1024.0),
    ("B", 1.0),
];
const PLAIN: [(&str, f64); 4] = [("T", 1e12), ("G", 1e9), ("M", 1e6), ("", 1.0)];

/// A value with four digits, in the largest unit that fits.
pub(in crate::cli) fn show(value: f64, unit: Unit) -> String {
    if value.is_nan() {
        return "-".to_owned();
    }
    if value.is_infinite() || value == 0.0 {
        return value.to_string();
    }
    let scale: &[(&str, f64)] = match unit {
        Unit::Seconds => &SECONDS,
        Unit::Bytes => &BYTES,
        Unit::Plain => &PLAIN,
    };
    let fits = scale.iter().find(|(_, size)| value.abs() >= *size);
    let (name, size) = fits.or(scale.last()).copied().unwrap_or(("", 1.0));
    // Times since 1970 and the like stay whole.
    if unit == Unit::Seconds && value.abs() >= 1e8 {
        return format!("{value:.0}s");
    }
    format!("{}{name}", digits(value / size))
}

/// Four digits that count, without zeros at the end.
fn digits(value: f64) -> String {
    let whole = value.abs().log10().floor() as i32 + 1;
    if whole >= 4 {
        return format!("{value:.0}");
    }
    if whole < -3 {
        return format!("{value:.2e}");
    }
    let places = (4 - whole).clamp(0, 8) as usize;
    let text = format!("{value:.places$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short() {
        let cases = [
            (0.001234, Unit::Seconds, "1.234ms"),
            (90.0, Unit::Seconds, "90s"),
            (5400.0, Unit::Seconds, "1.5h"),
            (1_795_262_400.0, Unit::Seconds, "1795262400s"),
            (3_145_728.0, Unit::Bytes, "3MiB"),
            (123_456.0, Unit::Plain, "123456"),
            (12_345_678.0, Unit::Plain, "12.35M"),
            (0.5, Unit::Plain, "0.5"),
            (-2.0, Unit::Plain, "-2"),
            (0.0, Unit::Bytes, "0"),
            (f64::NAN, Unit::Plain, "-"),
            (f64::INFINITY, Unit::Plain, "inf"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(show(value, unit), expected);
        }
    }

    #[test]
    fn units_are_told_or_in_the_name() {
        assert_eq!(Unit::of("seconds", "x"), Unit::Seconds);
        assert_eq!(Unit::of("", "process_resident_memory_bytes"), Unit::Bytes);
        assert_eq!(Unit::of("", "cpu_seconds_total"), Unit::Seconds);
        assert_eq!(Unit::of("", "fsync_duration_seconds_bucket"), Unit::Plain);
        assert_eq!(Unit::of("", "up"), Unit::Plain);
    }
}

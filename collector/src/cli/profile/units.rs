//! Values as people read them.

/// Names and sizes, the largest first, of the units a value may be shown in.
type Scale = &'static [(&'static str, f64)];

const TIME: Scale = &[
    ("h", 3600e9),
    ("min", 60e9),
    ("s", 1e9),
    ("ms", 1e6),
    ("µs", 1e3),
    ("ns", 1.0),
];
const BYTES: Scale = &[
    ("TiB", 1_099_511_627_776.0),
    ("GiB", 1_073_741_824.0),
    ("MiB", 1_048_576.0),
    ("KiB", 1024.0),
    ("B", 1.0),
];

/// Shows a value of a pprof unit: `1.25s` for nanoseconds, `3.4MiB` for bytes; values of other
/// units as they are.
pub(super) fn format(value: i64, unit: &str) -> String {
    if scale_of(unit).is_none() {
        return value.to_string();
    }
    format_fraction(value as f64, unit)
}

/// The same for a mean.
pub(super) fn format_fraction(value: f64, unit: &str) -> String {
    let Some((factor, scale)) = scale_of(unit) else {
        return format!("{value:.2}");
    };
    let value = value * factor;
    let fits = |(_, size): &&(&str, f64)| value.abs() >= *size;
    let Some((name, size)) = scale.iter().find(fits) else {
        return "0".to_owned();
    };
    let text = format!("{:.2}", value / size);
    // 2.50 is 2.5, 3.00 is 3.
    format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
}

fn scale_of(unit: &str) -> Option<(f64, Scale)> {
    match unit {
        "nanoseconds" | "ns" => Some((1.0, TIME)),
        "microseconds" | "us" => Some((1e3, TIME)),
        "milliseconds" | "ms" => Some((1e6, TIME)),
        "seconds" | "s" => Some((1e9, TIME)),
        "bytes" | "byte" | "B" => Some((1.0, BYTES)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_in_the_largest_unit_that_fits() {
        let cases = [
            (1_250_000_000, "nanoseconds", "1.25s"),
            (-90_000, "milliseconds", "-1.5min"),
            (999, "ns", "999ns"),
            (0, "bytes", "0"),
            (3 << 20, "bytes", "3MiB"),
            (100_000, "count", "100000"),
        ];
        for (value, unit, expected) in cases {
            assert_eq!(format(value, unit), expected);
        }
    }
}

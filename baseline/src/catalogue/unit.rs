//! What a signal's values count.

use std::fmt;
use std::time::Duration;

use proto::units;

/// What a signal's values count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A part of a whole: 1 is all of it.
    Ratio,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// Things, or 1 for yes and 0 for no.
    Count,
    /// Events in a second.
    PerSecond,
    /// Bytes in a second.
    BytesPerSecond,
    /// CPU seconds in a second.
    Cores,
}

impl Unit {
    /// Every unit by its name in the catalogue and the configuration.
    pub const ALL: [(&'static str, Self); 7] = [
        ("ratio", Self::Ratio),
        ("seconds", Self::Seconds),
        ("bytes", Self::Bytes),
        ("count", Self::Count),
        ("per_second", Self::PerSecond),
        ("bytes_per_second", Self::BytesPerSecond),
        ("cores", Self::Cores),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, unit)| *unit == self)
            .map_or("", |(name, _)| name)
    }

    /// What the name of a metric in this unit ends with, underscore included; counts have nothing.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Ratio => "_ratio",
            Self::Seconds => "_seconds",
            Self::Bytes => "_bytes",
            Self::Count => "",
            Self::PerSecond => "_per_second",
            Self::BytesPerSecond => "_bytes_per_second",
            Self::Cores => "_cores",
        }
    }

    /// Reads a value: a number, and also `10ms` in seconds or `100MiB` in bytes.
    pub fn parse(self, text: &str) -> Option<f64> {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.or_else(|| match self {
            Self::Seconds => units::parse_duration(text)
                .as_ref()
                .map(Duration::as_secs_f64),
            Self::Bytes | Self::BytesPerSecond => units::parse_size(text).map(|size| size as f64),
            _ => None,
        })
    }

    /// A value as people read it: `12.5 ms`, `3.2 MiB`, `45 %`; three digits that say something.
    pub fn format(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{} %", Short(value * 100.0)),
            Self::Seconds => scaled(value, &TIMES),
            Self::Bytes => scaled(value, &SIZES),
            Self::BytesPerSecond => format!("{}/s", scaled(value, &SIZES)),
            Self::Count => Short(value).to_string(),
            Self::PerSecond => format!("{}/s", Short(value)),
            Self::Cores => format!("{} cores", Short(value)),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Units by how many of the base unit they are; the last that is not above a value is used.
const TIMES: [(f64, &str); 6] = [
    (1e-6, "µs"),
    (1e-3, "ms"),
    (1.0, "s"),
    (60.0, "min"),
    (3600.0, "h"),
    (86_400.0, "d"),
];
const SIZES: [(f64, &str); 5] = [
    (1.0, "B"),
    (1024.0, "KiB"),
    (1_048_576.0, "MiB"),
    (1_073_741_824.0, "GiB"),
    (1_099_511_627_776.0, "TiB"),
];

fn scaled(value: f64, scale: &[(f64, &str)]) -> String {
    let is_reached = |(factor, _): &&(f64, &str)| value.abs() >= *factor;
    // Zero has the base unit.
    let base = scale.iter().find(|(factor, _)| *factor == 1.0);
    let chosen = match value {
        0.0 => base,
        _ => scale.iter().rfind(is_reached).or(scale.first()),
    };
    match chosen {
        Some((factor, unit)) => format!("{} {unit}", Short(value / factor)),
        None => Short(value).to_string(),
    }
}

/// A number with three digits that say something, or all that it has before the point.
struct Short(f64);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.abs();
        let n_decimals = match magnitude {
            _ if magnitude >= 100.0 => 0,
            _ if magnitude >= 10.0 => 1,
            _ if magnitude >= 1.0 => 2,
            _ => 3,
        };
        let text = format!("{:.n_decimals$}", self.0);
        let is_fraction = text.contains('.');
        let short = text.trim_end_matches('0').trim_end_matches('.');
        f.write_str(if is_fraction { short } else { &text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_shown_as_people_read_them() {
        let cases = [
            (Unit::Ratio, 0.455, "45.5 %"),
            (Unit::Seconds, 0.0125, "12.5 ms"),
            (Unit::Seconds, 0.000_000_2, "0.2 µs"),
            (Unit::Seconds, 90.0, "1.5 min"),
            (Unit::Seconds, -7200.0, "-2 h"),
            (Unit::Seconds, 0.0, "0 s"),
            (Unit::Bytes, 104_857_600.0, "100 MiB"),
            (Unit::Bytes, 12.0, "12 B"),
            (Unit::BytesPerSecond, 1536.0, "1.5 KiB/s"),
            (Unit::Count, 1200.0, "1200"),
            (Unit::Count, f64::NAN, "NaN"),
            (Unit::PerSecond, 0.25, "0.25/s"),
            (Unit::Cores, 1.0, "1 cores"),
        ];
        for (unit, value, text) in cases {
            assert_eq!(unit.format(value), text);
        }
    }

    #[test]
    fn values_are_read_in_their_unit() {
        assert_eq!(Unit::Seconds.parse("10ms"), Some(0.01));
        assert_eq!(Unit::Seconds.parse("0.5"), Some(0.5));
        assert_eq!(Unit::Bytes.parse("100MiB"), Some(104_857_600.0));
        assert_eq!(Unit::Count.parse("100MiB"), None);
        assert_eq!(Unit::Ratio.parse("10ms"), None);
        assert_eq!(Unit::Ratio.parse("inf"), None);
        assert_eq!(Unit::Ratio.parse("1e400"), None);
    }
}

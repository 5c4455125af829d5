//! Units as exposed → UCUM, which OTLP uses.

use std::borrow::Cow;

/// Unit names as Prometheus and OpenMetrics write them, with their UCUM codes
/// (compatibility/prometheus_and_openmetrics.md, "Metric Metadata").
const UNITS: [(&str, &str); 28] = [
    ("days", "d"),
    ("hours", "h"),
    ("minutes", "min"),
    ("seconds", "s"),
    ("milliseconds", "ms"),
    ("microseconds", "us"),
    ("nanoseconds", "ns"),
    ("bytes", "By"),
    ("kibibytes", "KiBy"),
    ("mebibytes", "MiBy"),
    ("gibibytes", "GiBy"),
    ("tibibytes", "TiBy"),
    ("kilobytes", "kBy"),
    ("megabytes", "MBy"),
    ("gigabytes", "GBy"),
    ("terabytes", "TBy"),
    ("bits", "bit"),
    ("meters", "m"),
    ("volts", "V"),
    ("amperes", "A"),
    ("joules", "J"),
    ("watts", "W"),
    ("grams", "g"),
    ("kilograms", "kg"),
    ("celsius", "Cel"),
    ("hertz", "Hz"),
    ("percent", "%"),
    ("ratio", "1"),
];

/// The UCUM code of a unit; a unit without one stays as it is. `a_per_b` becomes `a/b`.
pub(super) fn to_ucum(unit: &str) -> Cow<'_, str> {
    if let Some(code) = code(unit) {
        return Cow::Borrowed(code);
    }
    match unit.split_once("_per_") {
        Some((top, bottom)) => {
            let below = code(bottom)
                .or_else(|| code(&format!("{bottom}s")))
                .unwrap_or(bottom);
            Cow::Owned(format!("{}/{below}", code(top).unwrap_or(top)))
        }
        None => Cow::Borrowed(unit),
    }
}

fn code(unit: &str) -> Option<&'static str> {
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_units_become_ucum_and_others_stay() {
        assert_eq!(to_ucum("seconds"), "s");
        assert_eq!(to_ucum("bytes_per_second"), "By/s");
        assert_eq!(to_ucum("requests_per_minute"), "requests/min");
        assert_eq!(to_ucum("furlongs"), "furlongs");
        assert_eq!(to_ucum(""), "");
    }
}

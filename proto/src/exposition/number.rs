//! Numbers as the text formats write them.

/// The one NaN that leaves a decoder (Prometheus' `NormalNaN`, model/value/value.go), so that no
/// target can forge a stale marker.
const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// Integers up to here are exact in an f64.
const MAX_EXACT: u64 = 1 << 53;

/// Powers of ten that are exact in an f64.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];

/// Makes every NaN the ordinary one.
pub(super) fn canonical(value: f64) -> f64 {
    if value.is_nan() {
        f64::from_bits(NORMAL_NAN_BITS)
    } else {
        value
    }
}

/// Reads a number up to the next blank, line end or end of input.
pub(super) fn take(input: &[u8]) -> Option<(f64, &[u8])> {
    match take_exact(input) {
        Some((value, length)) => Some((value, input.get(length..)?)),
        None => {
            let end = input
                .iter()
                .position(|byte| is_end(*byte))
                .unwrap_or(input.len());
            let (token, rest) = input.split_at_checked(end)?;
            Some((parse(token)?, rest))
        }
    }
}

/// Reads a whole token as Go's `strconv.ParseFloat` does, less hexadecimal and underscores, which
/// Prometheus refuses.
pub(super) fn parse(token: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(token).ok()?;
    let value: f64 = text.parse().ok()?;
    let has_sign = text.starts_with(['+', '-']);
    match value {
        _ if value.is_nan() => (!has_sign).then(|| canonical(value)),
        _ if value.is_infinite() => text.contains(['i', 'I']).then_some(value),
        _ => Some(value),
    }
}

fn is_end(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t')
}

/// The numbers that are one exact multiplication or division away from an integer (Clinger's
/// fast path): most values on most pages. `None` says nothing about the others.
fn take_exact(input: &[u8]) -> Option<(f64, usize)> {
    let negative = input.first() == Some(&b'-');
    let start = usize::from(negative);
    let mut mantissa = 0;
    let mut idx = take_digits(input, start, &mut mantissa);
    let mut n_digits = idx - start;
    let mut exponent = 0;
    if input.get(idx) == Some(&b'.') {
        let end = take_digits(input, idx + 1, &mut mantissa);
        let n_fraction = end - idx - 1;
        n_digits += n_fraction;
        exponent -= n_fraction as i32;
        idx = end;
    }
    // 19 digits cannot overflow a u64.
    if n_digits == 0 || n_digits > 19 || mantissa > MAX_EXACT {
        return None;
    }
    if matches!(input.get(idx), Some(b'e' | b'E')) {
        let (written, end) = take_exponent(input, idx + 1)?;
        exponent += written;
        idx = end;
    }
    if !input.get(idx).is_none_or(|byte| is_end(*byte)) {
        return None;
    }
    let power = *EXACT_POWERS.get(exponent.unsigned_abs() as usize)?;
    let magnitude = if exponent < 0 {
        mantissa as f64 / power
    } else {
        mantissa as f64 * power
    };
    Some((if negative { -magnitude } else { magnitude }, idx))
}

fn take_digits(input: &[u8], mut idx: usize, mantissa: &mut u64) -> usize {
    while let Some(digit) = input
        .get(idx)
        .map(|byte| byte.wrapping_sub(b'0'))
        .filter(|d| *d < 10)
    {
        *mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        idx += 1;
    }
    idx
}

fn take_exponent(input: &[u8], start: usize) -> Option<(i32, usize)> {
    let sign = input.get(start).copied();
    let first = start + usize::from(matches!(sign, Some(b'+' | b'-')));
    let mut magnitude = 0;
    let end = take_digits(input, first, &mut magnitude);
    if end == first || end - first > 3 {
        return None;
    }
    let magnitude = i32::try_from(magnitude).ok()?;
    Some((
        if sign == Some(b'-') {
            -magnitude
        } else {
            magnitude
        },
        end,
    ))
}

/// Writes a float as OpenMetrics' canonical numbers: what Prometheus 3 makes of the values of
/// `le` and `quantile`, so that one series has one name in all formats.
pub(super) fn label_form(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let text = shortest(value);
    if text.contains(['.', 'e']) {
        text
    } else {
        text + ".0"
    }
}

/// The shortest text that reads back as `value`, as Go's `%g` chooses between the two notations.
pub(super) fn shortest(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-4..1e6).contains(&magnitude) {
        let text = format!("{value:e}");
        return match text.split_once('e') {
            Some((digits, exponent)) => format!("{digits}e{}", two_digits(exponent)),
            None => text,
        };
    }
    format!("{value}")
}

fn two_digits(exponent: &str) -> String {
    let (sign, digits) = match exponent.strip_prefix('-') {
        Some(digits) => ('-', digits),
        None => ('+', exponent),
    };
    format!("{sign}{digits:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<f64>) {
        let found = take(text.as_bytes()).map(|(value, _)| value.to_bits());
        assert_eq!(found, expected.map(f64::to_bits), "{text}");
    }

    #[test]
    fn spellings_of_go_are_read() {
        check("1.5e+03", Some(1500.0));
        check("-0", Some(-0.0));
        check("+Inf", Some(f64::INFINITY));
        check("-inf", Some(f64::NEG_INFINITY));
        check("infinity", Some(f64::INFINITY));
        check("nAn", Some(f64::from_bits(NORMAL_NAN_BITS)));
        check(".5", Some(0.5));
        check("5.", Some(5.0));
        check("4.9e-324", Some(4.9e-324));
    }

    #[test]
    fn what_prometheus_refuses_is_refused() {
        for text in [
            "", "x", "1_000", "0x1p3", "1e999", "+nan", "1e", "--1", "1.2.3", ".", "1\r",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn label_form_is_openmetrics_canonical() {
        let forms = [1.0, 0.005, 1e-5, 1e21, 123456789.0, f64::INFINITY].map(label_form);
        assert_eq!(
            forms,
            ["1.0", "0.005", "1e-05", "1e+21", "1.23456789e+08", "+Inf"]
        );
    }

    proptest! {
        #[test]
        fn every_float_reads_back_exactly(value in any::<f64>()) {
            prop_assume!(!value.is_nan());
            for text in [format!("{value}"), format!("{value:e}"), shortest(value)] {
                check(&text.replace("inf", "Inf"), Some(value));
            }
        }

        #[test]
        fn agrees_with_the_standard_library(text in "-?[0-9]{0,20}(\\.[0-9]{0,20})?(e[+-]?[0-9]{1,3})?") {
            let expected = text.parse::<f64>().ok().filter(|value| value.is_finite());
            check(&text, expected);
        }
    }
}

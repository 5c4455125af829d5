//! Rows of a CSV file: a time and a number each.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use proto::UnixMillis;

/// From here on (in 1973 as milliseconds, in 5138 as seconds) a number is milliseconds.
const FIRST_MILLIS: f64 = 1e11;

/// Where the two columns are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    timestamp: usize,
    value: usize,
}

/// A row that has a value. The texts are as they were given.
#[derive(Debug, PartialEq)]
pub(super) struct Row {
    pub(super) timestamp: String,
    pub(super) value: String,
    pub(super) time: UnixMillis,
    pub(super) number: f64,
}

impl Columns {
    /// Finds them in the heading, whatever its case.
    pub(super) fn find(heading: &str) -> anyhow::Result<Self> {
        let names = fields(heading.trim_start_matches('\u{feff}'));
        let position = |wanted: &str| {
            names
                .iter()
                .position(|name| name.trim().eq_ignore_ascii_case(wanted))
                .with_context(|| {
                    format!(
                        "there is no column `{wanted}` in the heading `{}`: name it so",
                        heading.trim()
                    )
                })
        };
        Ok(Self {
            timestamp: position("timestamp")?,
            value: position("value")?,
        })
    }

    /// Reads a row; none if its value is empty.
    pub(super) fn read(&self, line: &str) -> anyhow::Result<Option<Row>> {
        let fields = fields(line);
        let field = |idx: usize, name: &str| {
            fields
                .get(idx)
                .map(|field| field.trim().to_owned())
                .with_context(|| {
                    format!("the row has no {name}: give it as many fields as the heading")
                })
        };
        let timestamp = field(self.timestamp, "timestamp")?;
        let value = field(self.value, "value")?;
        if value.is_empty() {
            return Ok(None);
        }
        let number = value.parse().with_context(|| {
            format!("`{value}` is no number: give one, NaN, or leave the value empty")
        })?;
        Ok(Some(Row {
            time: time(&timestamp)?,
            timestamp,
            value,
            number,
        }))
    }
}

fn time(text: &str) -> anyhow::Result<UnixMillis> {
    if let Ok(number) = text.parse::<f64>()
        && number.is_finite()
    {
        let millis = if number.abs() < FIRST_MILLIS {
            number * 1000.0
        } else {
            number
        };
        return Ok(UnixMillis(millis.round() as i64));
    }
    let time = if let Ok(time) = text.parse::<Timestamp>() {
        time
    } else if let Ok(civil) = text.parse::<DateTime>() {
        civil.to_zoned(TimeZone::UTC)?.timestamp()
    } else {
        bail!(
            "`{text}` is no time: expected 2026-11-21T10:00:00Z, 2026-11-21 10:00:00, or seconds or \
             milliseconds since 1970"
        );
    };
    Ok(UnixMillis(time.as_millisecond()))
}

/// The fields of a line. In quotes a comma is text, and two quotes are one.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.trim_end_matches(['\r', '\n']).chars().peekable();
    while let Some(character) = characters.next() {
        let again = characters.peek() == Some(&'"');
        match (character, fields.last_mut()) {
            ('"', Some(field)) if quoted && again => {
                characters.next();
                field.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', _) if !quoted => fields.push(String::new()),
            (other, Some(field)) => field.push(other),
            (_, None) => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(heading: &str, line: &str) -> anyhow::Result<Option<Row>> {
        Columns::find(heading)?.read(line)
    }

    fn check_time(text: &str, millis: i64) {
        assert_eq!(time(text).unwrap(), UnixMillis(millis), "{text}");
    }

    #[test]
    fn times_are_iso_or_numbers() {
        check_time("2014-04-01 00:05:00", 1_396_310_700_000);
        check_time("2014-04-01T00:05:00Z", 1_396_310_700_000);
        check_time("2014-04-01T02:05:00+02:00", 1_396_310_700_000);
        check_time("2014-04-01 00:05:00.250000", 1_396_310_700_250);
        check_time("1396310700", 1_396_310_700_000);
        check_time("1396310700.25", 1_396_310_700_250);
        check_time("1396310700000", 1_396_310_700_000);
        let refused = time("yesterday").unwrap_err().to_string();
        assert!(refused.starts_with("`yesterday` is no time"), "{refused}");
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_case() {
        for (heading, line) in [
            ("timestamp,value", "0,1.5"),
            ("\u{feff}TimeStamp,Value,Label", "0,1.5,1"),
            ("\"label\",\"VALUE\",\"Timestamp\"", "\"a,b\",\"1.5\",\"0\""),
            ("timestamp, value\r", "0, 1.5\r"),
        ] {
            let row = row(heading, line).unwrap().unwrap();
            assert_eq!((row.time, row.number), (UnixMillis(0), 1.5), "{heading}");
            assert_eq!((&*row.timestamp, &*row.value), ("0", "1.5"), "{heading}");
        }
    }

    #[test]
    fn mistakes_name_the_remedy() {
        for (heading, line, part) in [
            ("time,value", "0,1", "no column `timestamp`"),
            ("timestamp,load", "0,1", "no column `value`"),
            ("timestamp,value", "0", "no value: give it as many fields"),
            ("timestamp,value", "0,much", "`much` is no number"),
        ] {
            let refused = row(heading, line).unwrap_err().to_string();
            assert!(refused.contains(part), "{refused}");
        }
    }

    #[test]
    fn an_empty_value_is_no_row_and_nan_is_one() {
        assert_eq!(row("timestamp,value", "0,").unwrap(), None);
        assert!(
            row("timestamp,value", "0,NaN")
                .unwrap()
                .unwrap()
                .number
                .is_nan()
        );
    }
}

//! The two text formats. They differ in what a comment may be, in how a timestamp is written, and
//! in what may follow a sample.

mod lexer;
mod series;

use xxhash_rust::xxh3::xxh3_64;

use super::PageError;
use super::assemble::{Assembler, Key};
use super::columns::{Columns, RawExemplar, Reading};
use super::family::check_unit;
use super::issues::IssueReason;
use super::known::{Known, Outcome};
use super::resolve::RawSeries;
use crate::metrics::Family;
use crate::{Labels, UnixMillis};
use lexer::{Item, Lexer, MetaField, SampleLine};

/// Which text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Text 0.0.4.
    Prometheus,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

/// What is wrong with a line.
pub(super) type Problem = &'static str;

/// Reads a page that has the same lines as the one before. `None` if it has not, or if anything
/// is wrong with it: then `assemble` says what.
pub(super) fn follow(
    dialect: Dialect,
    body: &[u8],
    known: &Known,
    columns: &mut Columns,
) -> Option<()> {
    let mut rest = body;
    for slot in &known.slots {
        let (piece, tail) = rest.split_at_checked(slot.length)?;
        if xxh3_64(piece) != slot.hash {
            return None;
        }
        rest = match slot.outcome {
            Outcome::Meta => tail,
            outcome => follow_sample(dialect, piece, tail, outcome, columns)?,
        };
    }
    rest.is_empty().then_some(())
}

#[inline]
fn follow_sample<'a>(
    dialect: Dialect,
    piece: &[u8],
    tail: &'a [u8],
    outcome: Outcome,
    columns: &mut Columns,
) -> Option<&'a [u8]> {
    let (value, rest) = super::number::take(tail)?;
    if let (Outcome::Series(idx), Some((b'\n', rest))) = (outcome, rest.split_first()) {
        columns.put(idx, value);
        return Some(rest);
    }
    let (after, rest) = lexer::after_value(dialect, rest).ok()?;
    match outcome {
        Outcome::Series(idx) => columns.put_reading(idx, reading(value, after).ok()?),
        Outcome::Created(idx) => columns.put_created(idx, seconds_to_millis(value)?),
        Outcome::Duplicate => columns.issues.add(IssueReason::DuplicateSeries, || {
            String::from_utf8_lossy(piece).trim_end().to_owned()
        }),
        Outcome::Dropped | Outcome::CreatedOfNone | Outcome::Meta => {}
    }
    Some(rest)
}

/// Reads any page.
pub(super) fn assemble(
    dialect: Dialect,
    body: &[u8],
    assembler: &mut Assembler<'_>,
) -> Result<(), PageError> {
    let mut lexer = Lexer::new(dialect, body);
    let mut meta_start = 0;
    loop {
        let start = lexer.offset();
        let fault = |problem| syntax_error(body, start, problem);
        let item = lexer.next_item().map_err(fault)?;
        match item {
            Item::Meta { name, field } => {
                apply_meta(assembler, &name, field).map_err(fault)?;
            }
            Item::Ignored => {}
            Item::Sample(line) => {
                push_meta(assembler, body, meta_start, start);
                assemble_sample(dialect, assembler, line, &fault)?;
                meta_start = lexer.offset();
            }
            Item::End { is_complete } => {
                push_meta(assembler, body, meta_start, body.len());
                return if is_complete {
                    Ok(())
                } else {
                    Err(PageError::MissingEof)
                };
            }
        }
    }
}

fn push_meta(assembler: &mut Assembler<'_>, body: &[u8], start: usize, end: usize) {
    if let Some(piece) = body.get(start..end).filter(|piece| !piece.is_empty()) {
        assembler.meta(Key {
            hash: xxh3_64(piece),
            length: piece.len(),
        });
    }
}

fn apply_meta(
    assembler: &mut Assembler<'_>,
    name: &str,
    field: MetaField<'_>,
) -> Result<(), Problem> {
    if let MetaField::Unit(unit) = &field {
        check_unit(name, unit)?;
    }
    assembler
        .families
        .update(name, |family: &mut Family| match field {
            MetaField::Type(kind) => family.kind = kind,
            MetaField::Help(help) => family.help = help.into_owned(),
            MetaField::Unit(unit) => family.unit = unit.to_owned(),
        });
    Ok(())
}

fn assemble_sample(
    dialect: Dialect,
    assembler: &mut Assembler<'_>,
    line: SampleLine<'_>,
    fault: &impl Fn(Problem) -> PageError,
) -> Result<(), PageError> {
    let key = Key {
        hash: xxh3_64(line.piece),
        length: line.piece.len(),
    };
    let raw = || series::parse(dialect, line.piece).map_err(fault);
    let name = match lexer::plain_name(line.piece) {
        Some(name) => std::borrow::Cow::Borrowed(name),
        None => raw()?.name,
    };
    if let (Dialect::OpenMetrics, Some((family_idx, counting))) =
        (dialect, assembler.families.of_created(&name))
    {
        let time = seconds_to_millis(line.value).ok_or_else(|| fault("bad creation time"))?;
        let series = RawSeries {
            name: counting.into(),
            ..raw()?
        };
        return assembler.created(key, family_idx, &series, time);
    }
    let family_idx = assembler.families.of_sample(&name);
    let reading = reading(line.value, line.after).map_err(fault)?;
    assembler.sample(key, family_idx, reading, raw)
}

fn reading(value: f64, after: lexer::AfterValue<'_>) -> Result<Reading, Problem> {
    let exemplars = match after.exemplar {
        None => Vec::new(),
        Some(exemplar) => {
            let set = series::parse_labels(Dialect::OpenMetrics, exemplar.labels)?;
            let labels = Labels::from_pairs(set.labels.iter().map(|(n, v)| (&**n, &**v)));
            vec![RawExemplar {
                labels,
                value: exemplar.value,
                time: exemplar.time,
            }]
        }
    };
    Ok(Reading {
        value,
        timestamp: after.timestamp,
        exemplars,
        ..Reading::default()
    })
}

/// OpenMetrics' times: seconds with a fraction.
fn seconds_to_millis(seconds: f64) -> Option<UnixMillis> {
    let millis = (seconds * 1000.0).round();
    // An i64 holds every float of this size.
    (millis.abs() < 9.2e18).then_some(UnixMillis(millis as i64))
}

fn syntax_error(body: &[u8], start: usize, problem: Problem) -> PageError {
    let (before, rest) = body.split_at_checked(start).unwrap_or((body, &[]));
    let line = 1 + memchr::memchr_iter(b'\n', before).count();
    let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len()).min(80);
    let excerpt = String::from_utf8_lossy(rest.get(..end).unwrap_or(rest)).into_owned();
    PageError::Syntax {
        line,
        problem,
        excerpt,
    }
}

//! The protobuf format: `io.prometheus.client.MetricFamily` messages, each behind its length.
//! It is the only one that carries native histograms.

mod native;
mod walk;

use std::borrow::Cow;

use super::PageError;
use super::assemble::{Assembler, Key};
use super::columns::{Columns, Reading};
use super::family::check_unit;
use super::issues::IssueReason;
use super::known::{Known, Outcome, Slot};
use super::number::{canonical, label_form};
use super::resolve::RawSeries;
use crate::labels::METRIC_NAME;
use crate::metrics::MetricKind;
use crate::protobuf::{Fields, Problem};
use walk::{FamilyHead, Part, Sample, Visitor, walk};

/// Reads a page that has the same series as the one before. `None` if it has not, or if anything
/// is wrong with it: then `assemble` says what.
pub(super) fn follow(body: &[u8], known: &Known, columns: &mut Columns) -> Option<()> {
    let mut follower = Follower {
        slots: known.slots.iter(),
        columns,
        kind: MetricKind::Unknown,
    };
    walk(body, &mut follower).ok()?;
    follower.slots.next().is_none().then_some(())
}

/// Reads any page.
pub(super) fn assemble(body: &[u8], assembler: &mut Assembler<'_>) -> Result<(), PageError> {
    let mut builder = Builder {
        assembler,
        name: String::new(),
        idx: 0,
        kind: MetricKind::Unknown,
    };
    walk(body, &mut builder).map_err(|stop| match stop {
        BuildStop::Refused(error) => error,
        BuildStop::Problem(problem) => PageError::Message {
            family: builder.name,
            problem,
        },
    })
}

struct Follower<'a> {
    slots: std::slice::Iter<'a, Slot>,
    columns: &'a mut Columns,
    kind: MetricKind,
}

/// The page is not the one before.
struct Deviation;

impl From<Problem> for Deviation {
    fn from(_: Problem) -> Self {
        Self
    }
}

impl Follower<'_> {
    #[inline]
    fn outcome(&mut self, hash: u64) -> Result<Outcome, Deviation> {
        match self.slots.next() {
            Some(slot) if slot.hash == hash => Ok(slot.outcome),
            _ => Err(Deviation),
        }
    }
}

impl Visitor for Follower<'_> {
    type Stop = Deviation;

    fn family(&mut self, head: &FamilyHead<'_>, hash: u64) -> Result<(), Deviation> {
        self.kind = head.kind;
        self.outcome(hash).map(|_| ())
    }

    #[inline]
    fn sample(&mut self, sample: Sample<'_, '_>) -> Result<(), Deviation> {
        match self.outcome(sample.hash())? {
            Outcome::Series(idx) if is_plain(&sample) => {
                self.columns.put(idx, canonical(sample.value));
            }
            Outcome::Series(idx) => self.columns.put_reading(idx, reading(&sample, self.kind)?),
            Outcome::Duplicate => {
                let example = || "a series of the page before".to_owned();
                self.columns
                    .issues
                    .add(IssueReason::DuplicateSeries, example);
            }
            _ => {}
        }
        Ok(())
    }
}

struct Builder<'a, 'k> {
    assembler: &'a mut Assembler<'k>,
    /// The family under way.
    name: String,
    idx: u32,
    kind: MetricKind,
}

enum BuildStop {
    Problem(Problem),
    Refused(PageError),
}

impl From<Problem> for BuildStop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<PageError> for BuildStop {
    fn from(error: PageError) -> Self {
        Self::Refused(error)
    }
}

impl Visitor for Builder<'_, '_> {
    type Stop = BuildStop;

    fn family(&mut self, head: &FamilyHead<'_>, hash: u64) -> Result<(), BuildStop> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| "invalid UTF-8");
        let (name, help, unit) = (text(head.name)?, text(head.help)?, text(head.unit)?);
        name.clone_into(&mut self.name);
        if name.is_empty() {
            return Err("family has no name".into());
        }
        check_unit(name, unit)?;
        self.kind = head.kind;
        self.idx = self.assembler.families.update(name, |family| {
            family.kind = head.kind;
            help.clone_into(&mut family.help);
            unit.clone_into(&mut family.unit);
        });
        self.assembler.meta(Key { hash, length: 0 });
        Ok(())
    }

    fn sample(&mut self, sample: Sample<'_, '_>) -> Result<(), BuildStop> {
        let key = Key {
            hash: sample.hash(),
            length: 0,
        };
        let reading = reading(&sample, self.kind)?;
        let name = &self.name;
        let raw = || {
            raw_series(name, &sample).map_err(|problem| PageError::Message {
                family: name.clone(),
                problem,
            })
        };
        Ok(self.assembler.sample(key, self.idx, reading, raw)?)
    }
}

/// Whether a sample is nothing but its value.
fn is_plain(sample: &Sample<'_, '_>) -> bool {
    sample.metric.timestamp.is_none()
        && sample.exemplar.is_none()
        && sample.created.is_none()
        && !matches!(sample.part, Part::Native(_))
}

fn reading(sample: &Sample<'_, '_>, kind: MetricKind) -> Result<Reading, Problem> {
    let mut reading = Reading {
        value: canonical(sample.value),
        timestamp: sample.metric.timestamp,
        created: sample.created,
        ..Reading::default()
    };
    if let Part::Native(message) = sample.part {
        let is_gauge = kind == MetricKind::GaugeHistogram;
        reading.histogram = Some(Box::new(native::histogram(message, is_gauge)?));
        reading.exemplars = native::exemplars(message)?;
    } else if let Some(message) = sample.exemplar {
        reading.exemplars.push(native::exemplar(message)?);
    }
    Ok(reading)
}

/// The series as a page of text would write it.
fn raw_series<'a>(family: &'a str, sample: &Sample<'a, '_>) -> Result<RawSeries<'a>, Problem> {
    let mut labels: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    for field in Fields::of(sample.metric.labels) {
        let (name, value) = native::label_pair(field?.1.bytes())?;
        if name.is_empty() {
            return Err("label has no name");
        }
        if name == METRIC_NAME {
            return Err("label __name__ is not allowed");
        }
        if labels.iter().any(|(known, _)| known == name) {
            return Err("label is there twice");
        }
        labels.push((name.into(), value.into()));
    }
    let (suffix, bound) = match sample.part {
        Part::Whole | Part::Native(_) => ("", None),
        Part::Count => ("_count", None),
        Part::Sum => ("_sum", None),
        Part::Bucket(bound) => ("_bucket", Some(("le", bound))),
        Part::Quantile(rank) => ("", Some(("quantile", rank))),
    };
    if let Some((name, value)) = bound {
        labels.retain(|(known, _)| known != name);
        labels.push((name.into(), label_form(value).into()));
    }
    let name = if suffix.is_empty() {
        family.into()
    } else {
        format!("{family}{suffix}").into()
    };
    Ok(RawSeries { name, labels })
}

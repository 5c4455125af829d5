//! Profiles merged over any range, targets and labels.
//!
//! Values are added up straight from the columns, by stack and labels; the stacks that came up are
//! read once, at the end. Captures with equal headers (types, mappings, …) are one group: each
//! becomes one profile, and those are merged as any profiles are.

mod day;
mod group;
mod plan;
mod tail;

use std::collections::HashSet;
use std::path::Path;

use proto::profile::Profile;
use proto::profile_ops::Merger;
use proto::selector::Selector;
use proto::{Labels, UnixNanos};

use self::group::{Group, Groups};
use self::plan::DayPlan;
use self::tail::ProfileTail;
use super::scan::{Ids, Scan};
use super::snapshot::{Days, Listing};
use super::{Asked, Recall, RecallError, parallel};
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::profile_query::assemble;
use crate::archive::profile_query::samples::Sample;
use crate::archive::profile_query::stacks::{self, Stacks};
use crate::archive::table::{Resolution, Table};

/// Which profiles to merge.
#[derive(Clone, Debug, Default)]
pub struct ProfileSelection {
    /// What the labels of their targets must be.
    pub selector: Selector,
    /// The kind of profile (`process_cpu`, `memory`, …). With `None` all must be of one kind.
    pub kind: Option<String>,
    /// Names of the sample types to read (`cpu`, `inuse_space`, …); all if empty.
    pub sample_types: Vec<String>,
    /// Captures from this time on.
    pub from: Option<UnixNanos>,
    /// Captures before this time.
    pub to: Option<UnixNanos>,
    /// How fine to read: `Auto` is raw up to two days, then whole windows of an hour, and the rest
    /// of the range at its two ends raw.
    pub resolution: Asked,
}

/// Merged profiles.
#[derive(Debug)]
pub struct MergedProfile {
    /// Their sum.
    pub profile: Profile,
    /// Their kind.
    pub kind: String,
    /// Whether they all count what happened in a time, and not since the process started.
    pub is_delta: bool,
    /// How many captures were merged.
    pub n_captures: u64,
    /// What could not be read. It is missing in the sum.
    pub left_out: Vec<ArchiveError>,
}

const TABLES: [Table; 7] = [
    Table::Stacks,
    Table::ProfileSamples,
    Table::Profiles,
    Table::ProfileSamples5m,
    Table::ProfileSamples1h,
    Table::Profiles5m,
    Table::Profiles1h,
];

const TWO_DAYS: i64 = 2 * 86_400_000_000_000;

impl Recall {
    /// The selected profiles merged; `None` if there is none.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed, or the profiles do not fit together.
    pub fn profile(
        &self,
        selection: &ProfileSelection,
    ) -> Result<Option<MergedProfile>, RecallError> {
        let tail = || ProfileTail::new(selection);
        self.snapshot(&TABLES, selection.days(), tail, |listing, tail| {
            merge(self, selection, listing, tail)
        })
    }
}

impl ProfileSelection {
    fn days(&self) -> Days {
        Days {
            first: self.from.and_then(Day::of_nanos),
            last: self.to.and_then(|to| Day::of_nanos(UnixNanos(to.0 - 1))),
        }
    }

    /// Whether captures of a target are wanted.
    fn matches(&self, labels: &Labels, kind: &str) -> bool {
        self.kind.as_deref().is_none_or(|wanted| wanted == kind) && self.selector.matches(labels)
    }

    fn contains(&self, time: UnixNanos) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }

    fn has_type(&self, name: &str) -> bool {
        self.sample_types.is_empty() || self.sample_types.iter().any(|wanted| wanted == name)
    }

    fn chosen(&self, days: &[Day]) -> Resolution {
        if let Asked::Exactly(resolution) = self.resolution {
            return resolution;
        }
        let first = self.from.or(days.first().map(|day| day.start().into()));
        let last = self.to.or(days.last().map(|day| day.end().into()));
        let range = first
            .zip(last)
            .map_or(0, |(first, last)| last.0.saturating_sub(first.0));
        if range <= TWO_DAYS {
            Resolution::Raw
        } else {
            Resolution::OneHour
        }
    }
}

fn merge(
    recall: &Recall,
    selection: &ProfileSelection,
    listing: &Listing,
    tail: ProfileTail<'_>,
) -> Result<Option<MergedProfile>, RecallError> {
    let days = listing.days(&TABLES[1..]);
    let resolution = selection.chosen(&days);
    let read = parallel::map(&days, |day| {
        let plan = DayPlan::new(selection, listing, *day, resolution);
        day::read(recall, selection, &plan)
    })?;
    let (mut groups, mut left_out) = (Groups::default(), Vec::new());
    for (of_day, errors) in read {
        groups.add_all(of_day);
        left_out.extend(errors);
    }
    let stacks = read_stacks(recall, listing, &days, &groups, &mut left_out)?;
    let (mut kind, mut is_delta, mut n_captures) = (tail.kind().map(str::to_owned), true, 0);
    let mut merger = Merger::new();
    for group in groups.iter() {
        let capture = group.capture();
        let known = kind.get_or_insert_with(|| capture.kind.clone());
        if *known != capture.kind {
            return Err(RecallError::Kinds {
                first: known.clone(),
                second: capture.kind.clone(),
            });
        }
        is_delta &= capture.is_delta;
        n_captures += capture.n_captures;
        let samples = known_samples(group.samples(), &stacks, &mut left_out);
        let record = assemble::profile(capture, &samples, groups.label_sets(), &stacks)?;
        merger.add(&record.profile)?;
    }
    if let Some((profile, tail)) = tail.finish()? {
        merger.add(&profile)?;
        is_delta &= tail.is_delta;
        n_captures += tail.n_captures;
    }
    let Some(kind) = kind else {
        return Ok(None);
    };
    Ok(Some(MergedProfile {
        profile: merger.finish()?,
        kind,
        is_delta,
        n_captures,
        left_out,
    }))
}

/// The stacks of all groups. Most are on many days: each is read from the first file that has it.
fn read_stacks(
    recall: &Recall,
    listing: &Listing,
    days: &[Day],
    groups: &Groups,
    left_out: &mut Vec<ArchiveError>,
) -> Result<Stacks, RecallError> {
    let mut stacks = Stacks::default();
    let mut wanted = Ids::new(groups.iter().flat_map(Group::stack_ids));
    let files = days
        .iter()
        .rev()
        .flat_map(|day| listing.of(Table::Stacks, *day));
    for file in files {
        if wanted.is_empty() {
            break;
        }
        let scan = Scan {
            columns: &stacks::COLUMNS,
            text: None,
            ids: Some(("stack_id", &wanted)),
        };
        let rows = scan.open(&*recall.files, file);
        let path = recall.files.describe(file);
        match rows.and_then(|rows| stacks.read_rows(rows, &path, wanted.set())) {
            Err(error) if error.is_gone() => return Err(error.into()),
            Err(error) => left_out.push(error),
            Ok(()) => {}
        }
        let missing = wanted.set().iter().copied();
        wanted = Ids::new(missing.filter(|id| !stacks.by_id.contains_key(id)));
    }
    Ok(stacks)
}

/// The samples whose stack was found. Damage is told once.
fn known_samples(
    mut samples: Vec<Sample>,
    stacks: &Stacks,
    left_out: &mut Vec<ArchiveError>,
) -> Vec<Sample> {
    let mut missing = HashSet::new();
    samples.retain(|sample| {
        let is_known = stacks.by_id.contains_key(&sample.stack_id);
        if !is_known {
            missing.insert(sample.stack_id);
        }
        is_known
    });
    if !missing.is_empty() {
        let what = format!("{} stacks are missing", missing.len());
        left_out.push(ArchiveError::damaged(Path::new(Table::Stacks.name()), what));
    }
    samples
}

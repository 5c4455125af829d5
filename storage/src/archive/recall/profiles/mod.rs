//! Profiles merged over any range, targets and labels.
//!
//! Values are added up straight from the columns, by stack and labels; the stacks that came up are
//! read once, at the end. Captures with equal headers (types, mappings, …) are one group: each
//! becomes one profile, and those are merged as any profiles are.

mod catalog;
mod day;
mod group;
mod known;
mod plan;
mod tail;
mod tail_rows;
mod totals;

use std::collections::HashSet;
use std::path::Path;

use proto::profile::{Profile, ProfileTypeId};
use proto::profile_ops::{Measure, Merger, measure};
use proto::selector::Selector;
use proto::{Labels, UnixNanos};

pub use self::catalog::ProfileCatalog;
use self::group::{Group, Groups};
use self::known::Known;
use self::plan::DayPlan;
use self::tail::ProfileTail;
pub use self::totals::{ProfileTotals, SeriesTotals, TotalsQuery};
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
    /// The one type to read, told by its unit and period too; any that `kind` and `sample_types`
    /// allow if `None`. Of a type that counts since a process started, captures that do so are left
    /// out where there are others that count since the capture before.
    pub profile_type: Option<ProfileTypeId>,
    /// Captures from this time on.
    pub from: Option<UnixNanos>,
    /// Captures before this time.
    pub to: Option<UnixNanos>,
    /// How fine to read: `Auto` is raw up to two days, then whole windows of an hour, and the rest
    /// of the range at its two ends raw.
    pub resolution: Asked,
}

/// One sample type of one kind of profile, of one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileSeries {
    /// Labels of the target.
    pub labels: Labels,
    /// The type.
    pub type_id: ProfileTypeId,
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
    /// Of how many targets.
    pub n_targets: usize,
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

/// The tables that say which captures there are.
const PROFILES: [Table; 3] = [Table::Profiles, Table::Profiles5m, Table::Profiles1h];

const TWO_DAYS: i64 = 2 * 86_400_000_000_000;

impl Recall {
    /// The selected profiles merged; `None` if there is none.
    ///
    /// # Errors
    /// If the archive or the log cannot be listed, the profiles do not fit together, or the allowance
    /// is used up.
    pub fn profile(
        &self,
        selection: &ProfileSelection,
    ) -> Result<Option<MergedProfile>, RecallError> {
        let before = self.allowance.taken();
        let tail = || ProfileTail::new(self, selection);
        let merged = self.snapshot(&TABLES, selection.days(), tail, |listing, tail| {
            merge(self, selection, listing, tail)
        })?;
        let n_bytes = merged.as_ref().map_or(0, |merged| merged.profile.n_bytes());
        self.allowance.settle(before + n_bytes);
        Ok(merged)
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
        let type_kind = self.profile_type.as_ref().map(|wanted| &*wanted.kind);
        let kinds = [self.kind.as_deref(), type_kind];
        kinds.iter().flatten().all(|wanted| *wanted == kind) && self.selector.matches(labels)
    }

    fn contains(&self, time: UnixNanos) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }

    fn has_type(&self, name: &str) -> bool {
        self.sample_types.is_empty() || self.sample_types.iter().any(|wanted| wanted == name)
    }

    /// Whether a type is wanted.
    fn wants_type(&self, type_id: &ProfileTypeId) -> bool {
        let is_the_one = |wanted: &ProfileTypeId| wanted == type_id;
        self.has_type(&type_id.sample_type) && self.profile_type.as_ref().is_none_or(is_the_one)
    }

    /// Whether a series is wanted.
    fn wants(&self, series: &ProfileSeries) -> bool {
        self.wants_type(&series.type_id) && self.matches(&series.labels, &series.type_id.kind)
    }

    /// Whether captures that count since a process started are left out if there are others.
    fn prefers_deltas(&self) -> bool {
        let of_type = |id: &ProfileTypeId| measure(&id.kind, &id.sample_type);
        self.profile_type.as_ref().map(of_type) == Some(Measure::Cumulative)
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
    let known = Known::new(selection);
    let read = parallel::map(&days, |day| {
        let plan = DayPlan::new(selection, listing, *day, resolution);
        day::read(recall, selection, &known, &plan)
    })?;
    let (mut groups, mut left_out) = (Groups::default(), Vec::new());
    for (of_day, errors) in read {
        groups.add_all(of_day);
        left_out.extend(errors);
    }
    let n_targets = groups.targets().union(tail.targets()).count();
    let parts = tail.finish()?;
    let deltas = groups.iter().map(|group| group.capture().is_delta);
    let has_deltas = deltas
        .chain(parts.iter().map(|part| part.is_delta))
        .any(|is| is);
    let is_left_out = |is_delta: bool| selection.prefers_deltas() && has_deltas && !is_delta;
    let stacks = read_stacks(recall, listing, &days, &groups, &mut left_out)?;
    let mut sum = Sum::default();
    let groups_to_add = groups.iter();
    for group in groups_to_add.filter(|group| !is_left_out(group.capture().is_delta)) {
        let capture = group.capture();
        let samples = known_samples(group.samples(), &stacks, &mut left_out);
        let record = assemble::profile(capture, &samples, groups.label_sets(), &stacks)?;
        let (is_delta, n_captures) = (capture.is_delta, capture.n_captures);
        sum.add(recall, &capture.kind, &record.profile, is_delta, n_captures)?;
    }
    for part in parts.iter().filter(|part| !is_left_out(part.is_delta)) {
        sum.add(
            recall,
            &part.kind,
            &part.profile,
            part.is_delta,
            part.n_captures,
        )?;
    }
    sum.finish(n_targets, left_out)
}

/// What is merged so far.
#[derive(Default)]
struct Sum {
    merger: Merger,
    kind: Option<String>,
    has_whole: bool,
    n_captures: u64,
    n_bytes: usize,
}

impl Sum {
    fn add(
        &mut self,
        recall: &Recall,
        kind: &str,
        profile: &Profile,
        is_delta: bool,
        n_captures: u64,
    ) -> Result<(), RecallError> {
        let known = self.kind.get_or_insert_with(|| kind.to_owned());
        if known != kind {
            return Err(RecallError::Kinds {
                first: known.clone(),
                second: kind.to_owned(),
            });
        }
        // Beside the profile there is room for it to be added.
        recall.allowance.take(profile.n_bytes())?;
        self.merger.add(profile)?;
        let before = std::mem::replace(&mut self.n_bytes, self.merger.n_bytes());
        recall.allowance.take(self.n_bytes.saturating_sub(before))?;
        recall.allowance.give_back(profile.n_bytes());
        self.has_whole |= !is_delta;
        self.n_captures += n_captures;
        Ok(())
    }

    fn finish(
        self,
        n_targets: usize,
        left_out: Vec<ArchiveError>,
    ) -> Result<Option<MergedProfile>, RecallError> {
        let Some(kind) = self.kind else {
            return Ok(None);
        };
        Ok(Some(MergedProfile {
            profile: self.merger.finish()?,
            kind,
            is_delta: !self.has_whole,
            n_captures: self.n_captures,
            n_targets,
            left_out,
        }))
    }
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
        recall.allowance.check()?;
        let rows = scan.open(&*recall.files, file);
        let path = recall.files.describe(file);
        let before = stacks.n_bytes();
        match rows.and_then(|rows| stacks.read_rows(rows, &path, wanted.set())) {
            Err(error) if error.is_gone() => return Err(error.into()),
            Err(error) => left_out.push(error),
            Ok(()) => {}
        }
        recall.allowance.take(stacks.n_bytes() - before)?;
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

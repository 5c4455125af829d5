//! Which files a day's profiles are read from, and which times of each.

use std::ops::Range;

use crate::archive::day::Day;
use crate::archive::file_name::WriterId;
use crate::archive::files::TablePath;
use crate::archive::recall::series::window_millis;
use crate::archive::recall::snapshot::Listing;
use crate::archive::table::{Resolution, Table};

use super::{PROFILES, ProfileSelection};

/// Files of one writer and resolution.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) resolution: Resolution,
    /// Of `profiles`, or of a table of their windows.
    pub(super) profiles: Vec<TablePath>,
    /// Of the table of their samples.
    pub(super) samples: Vec<TablePath>,
    /// Times of the captures (starts of the windows) that count. Nanoseconds.
    pub(super) times: Vec<Range<i64>>,
}

/// The parts that make up a day, each capture once.
#[derive(Debug, Default)]
pub(super) struct DayPlan {
    pub(super) parts: Vec<Part>,
}

impl DayPlan {
    pub(super) fn new(
        selection: &ProfileSelection,
        listing: &Listing,
        day: Day,
        resolution: Resolution,
    ) -> Self {
        let nanos = |millis: i64| millis.saturating_mul(1_000_000);
        let (start, end) = (nanos(day.start().0), nanos(day.end().0));
        let start = selection.from.map_or(start, |from| start.max(from.0));
        let end = selection.to.map_or(end, |to| end.min(to.0));
        let mut plan = Self::default();
        for writer in writers(listing, day) {
            let all = Of {
                listing,
                day,
                writer,
            };
            plan.add(&all, resolution, start..end);
        }
        plan
    }

    fn add(&mut self, all: &Of<'_>, resolution: Resolution, range: Range<i64>) {
        let raw = all.profiles(Resolution::Raw);
        let rolled_at = [resolution, Resolution::OneHour, Resolution::FiveMinutes];
        let rolled_at = rolled_at
            .into_iter()
            .find(|at| *at != Resolution::Raw && !all.profiles(*at).is_empty());
        let Some(at) = rolled_at.filter(|_| resolution != Resolution::Raw || raw.is_empty()) else {
            return self.push(all, Resolution::Raw, raw, vec![range]);
        };
        let rolled = all.profiles(at);
        let reached = rolled.iter().map(|file| file.name.to).max();
        let reached = reached.unwrap_or_default();
        let oldest = |files: &[TablePath]| files.iter().map(|file| file.name.from).min();
        let is_stale = raw.iter().any(|file| file.name.to > reached);
        let raw_has_all = oldest(&raw)
            .zip(oldest(&rolled))
            .is_some_and(|(raw, rolled)| raw <= rolled);
        if is_stale && raw_has_all {
            return self.push(all, Resolution::Raw, raw, vec![range]);
        }
        let width = window_millis(at).saturating_mul(1_000_000);
        let whole = whole_windows(&range, width);
        if whole.is_empty() {
            return self.push(all, Resolution::Raw, raw, vec![range]);
        }
        let edges = vec![range.start..whole.start, whole.end..range.end];
        // What came after the windows were made counts in full.
        let (late, rest): (Vec<_>, Vec<_>) =
            raw.into_iter().partition(|file| file.name.from >= reached);
        if rest.is_empty() && at == Resolution::OneHour {
            let edges = edges.iter().map(|edge| whole_windows(edge, FIVE_MINUTES));
            let minutes = all.profiles(Resolution::FiveMinutes);
            self.push(all, Resolution::FiveMinutes, minutes, edges.collect());
        }
        self.push(all, at, rolled, vec![whole]);
        self.push(all, Resolution::Raw, late, vec![range]);
        self.push(all, Resolution::Raw, rest, edges);
    }

    fn push(
        &mut self,
        all: &Of<'_>,
        resolution: Resolution,
        profiles: Vec<TablePath>,
        mut times: Vec<Range<i64>>,
    ) {
        times.retain(|range| !range.is_empty());
        if !profiles.is_empty() && !times.is_empty() {
            self.parts.push(Part {
                resolution,
                profiles,
                samples: all.samples(resolution),
                times,
            });
        }
    }
}

const FIVE_MINUTES: i64 = 300_000_000_000;

/// The part of a range that whole windows of some length make up. Nanoseconds.
fn whole_windows(range: &Range<i64>, width: i64) -> Range<i64> {
    let is_within = i64::from(range.start.rem_euclid(width) > 0);
    let first = range.start.div_euclid(width) + is_within;
    first * width..range.end.div_euclid(width) * width
}

/// Files of a day and writer.
struct Of<'a> {
    listing: &'a Listing,
    day: Day,
    writer: WriterId,
}

impl Of<'_> {
    fn profiles(&self, resolution: Resolution) -> Vec<TablePath> {
        self.files(match resolution {
            Resolution::Raw => Table::Profiles,
            Resolution::FiveMinutes => Table::Profiles5m,
            Resolution::OneHour => Table::Profiles1h,
        })
    }

    fn samples(&self, resolution: Resolution) -> Vec<TablePath> {
        self.files(match resolution {
            Resolution::Raw => Table::ProfileSamples,
            Resolution::FiveMinutes => Table::ProfileSamples5m,
            Resolution::OneHour => Table::ProfileSamples1h,
        })
    }

    fn files(&self, table: Table) -> Vec<TablePath> {
        let files = self.listing.of(table, self.day).iter();
        let ours = files.filter(|file| file.name.writer == self.writer);
        ours.cloned().collect()
    }
}

fn writers(listing: &Listing, day: Day) -> Vec<WriterId> {
    let files = PROFILES.iter().flat_map(|table| listing.of(*table, day));
    let mut writers: Vec<WriterId> = files.map(|file| file.name.writer).collect();
    writers.sort_by_key(|writer| writer.0);
    writers.dedup();
    writers
}

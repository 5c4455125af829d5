//! What a day's captures are, as far as merging their samples needs it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::BuildHasherDefault;
use std::path::Path;

use arrow_array::{BooleanArray, Int64Array, StringArray, StructArray};
use proto::{Labels, Target};

use super::RollUp;
use super::function_trend::CaptureCounts;
use super::plan::Stretch;
use super::window::Grid;
use crate::archive::content_hash;
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::reading::{self, Columns};
use crate::archive::seen::IdHasher;

type ById<T> = HashMap<u64, T, BuildHasherDefault<IdHasher>>;

/// Which captures are merged: those of a window that are deltas, or those that are not. A target's
/// first capture may hold all that was counted since it started, where the others hold what was
/// counted since the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct WindowKey {
    /// Start of the window. Milliseconds.
    pub(super) start: i64,
    pub(super) is_delta: bool,
}

impl WindowKey {
    /// The window of another length that this one lies in.
    pub(super) fn within(self, grid: Grid) -> Self {
        Self {
            start: grid.start(self.start),
            ..self
        }
    }
}

/// The profiles of one type of one target.
#[derive(Clone, Debug)]
pub(super) struct ProfileSeries {
    /// Identity of target and kind: see [`content_hash::profile_source_id`].
    pub(super) source_id: u64,
    pub(super) job: String,
    pub(super) instance: String,
    pub(super) kind: String,
    pub(super) sample_type: String,
    pub(super) sample_unit: String,
}

/// The captures of a stretch. About 50 bytes a profile.
#[derive(Debug, Default)]
pub(super) struct ProfileIndex {
    /// Series and window of five minutes of each profile.
    windows: ById<(u64, WindowKey)>,
    series: ById<ProfileSeries>,
}

const COLUMNS: [&str; 10] = [
    "profile_id",
    "series_id",
    "time_nanos",
    "is_delta",
    "labels",
    "kind",
    "job",
    "instance",
    "sample_type",
    "sample_unit",
];

impl ProfileIndex {
    /// Reads the files of a stretch.
    pub(super) fn read(
        job: &RollUp<'_>,
        stretch: &Stretch,
        minutes: Grid,
    ) -> Result<Self, ArchiveError> {
        let mut index = Self::default();
        let (table, day) = (stretch.group.raw(), stretch.day);
        for &name in &stretch.raw {
            let path = TablePath { table, day, name }.path(job.root);
            for batch in reading::open(&path, &COLUMNS)? {
                job.pause()?;
                index.add(&StructArray::from(batch?), &path, minutes)?;
            }
        }
        Ok(index)
    }

    /// The window of five minutes of a profile.
    pub(super) fn window(&self, profile_id: u64) -> Option<WindowKey> {
        self.windows.get(&profile_id).map(|(_, window)| *window)
    }

    /// How many captures of each series its windows of another length have.
    pub(super) fn count_captures(&self, grid: Grid) -> CaptureCounts {
        let mut counts = CaptureCounts::new();
        for (series_id, window) in self.windows.values() {
            *counts.entry((*series_id, window.within(grid))).or_default() += 1;
        }
        counts
    }

    /// What a series is.
    pub(super) fn series(&self, series_id: u64) -> Option<&ProfileSeries> {
        self.series.get(&series_id)
    }

    fn add(&mut self, batch: &StructArray, path: &Path, minutes: Grid) -> Result<(), ArchiveError> {
        let columns = Columns::new(batch, path);
        let ids = |name| Ok::<_, ArchiveError>(columns.get::<Int64Array>(name)?.values());
        let (profile_ids, series_ids) = (ids("profile_id")?.iter(), ids("series_id")?);
        let (times, is_delta) = (ids("time_nanos")?, columns.get::<BooleanArray>("is_delta")?);
        let pairs = profile_ids.zip(series_ids.iter().zip(times));
        for (row, (profile_id, (series_id, nanos))) in pairs.enumerate() {
            let key = WindowKey {
                start: minutes.start(nanos.div_euclid(1_000_000)),
                is_delta: is_delta.value(row),
            };
            let series_id = series_id.cast_unsigned();
            self.windows
                .insert(profile_id.cast_unsigned(), (series_id, key));
            if let Entry::Vacant(entry) = self.series.entry(series_id) {
                entry.insert(series(&columns, row)?);
            }
        }
        Ok(())
    }
}

fn series(columns: &Columns<'_>, row: usize) -> Result<ProfileSeries, ArchiveError> {
    let text = |name| {
        let texts = columns.get::<StringArray>(name)?;
        Ok::<_, ArchiveError>(texts.value(row).to_owned())
    };
    let labels = columns.labels(columns.get("labels")?, row)?;
    Ok(ProfileSeries {
        source_id: source_id(labels, &text("kind")?),
        job: text("job")?,
        instance: text("instance")?,
        kind: text("kind")?,
        sample_type: text("sample_type")?,
        sample_unit: text("sample_unit")?,
    })
}

fn source_id(labels: Labels, kind: &str) -> u64 {
    let target = Target {
        labels,
        scheme: String::new(),
        address: String::new(),
    };
    content_hash::profile_source_id(&target, kind)
}

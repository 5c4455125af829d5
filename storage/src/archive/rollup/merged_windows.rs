//! Identity and totals of merged captures.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::plan::{Start, Stretch};
use super::profile_index::{ProfileSeries, WindowKey};
use super::window::Grid;
use crate::Position;
use crate::archive::content_hash;
use crate::archive::seen::IdHasher;

/// The windows of one length.
pub(super) struct MergedWindows {
    pub(super) grid: Grid,
    from: Position,
    /// Sum of the values and number of the samples of each profile. About 40 bytes each.
    totals: HashMap<u64, (i64, i64), BuildHasherDefault<IdHasher>>,
}

impl MergedWindows {
    pub(super) fn new(grid: Grid, stretch: &Stretch) -> Self {
        let from = match stretch.start {
            Start::DayBefore => Position(0),
            Start::Beside => stretch.name.from,
        };
        Self {
            grid,
            from,
            totals: HashMap::default(),
        }
    }

    /// Capture and profile of a series in a window.
    pub(super) fn ids(&self, key: WindowKey, series: &ProfileSeries, series_id: u64) -> [u64; 2] {
        let window = (key.start, self.grid.end(0));
        let source = series.source_id;
        let capture = content_hash::merged_capture_id(source, key.is_delta, window, self.from);
        let profile = content_hash::merged_profile_id(capture, series_id);
        [capture, profile]
    }

    /// Counts a sample of a profile.
    pub(super) fn count(&mut self, profile_id: u64, value: i64) {
        let (total, n_samples) = self.totals.entry(profile_id).or_default();
        *total = total.saturating_add(value);
        *n_samples += 1;
    }

    /// Sum of the values and number of the samples of a profile.
    pub(super) fn totals(&self, profile_id: u64) -> (i64, i64) {
        self.totals.get(&profile_id).copied().unwrap_or_default()
    }
}

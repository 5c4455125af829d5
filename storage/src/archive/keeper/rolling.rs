//! Rolling everything up at once, for an archive that is not kept by a running leadsman.

use proto::UnixMillis;

use super::job::Job;
use super::keeping::Keeper;
use super::pace::Pace;
use super::rollups;
use crate::archive::error::ArchiveError;

impl Keeper {
    /// Makes all rollups that are missing or older than the raw rows, without rest; those of a day that
    /// lasts at `now` as far as its windows have ended. Tells of each (its day as `YYYY-MM-DD`: metrics,
    /// native histograms and profiles are rolled up one by one), and how many they were.
    ///
    /// # Errors
    /// When the file system refuses; what was rolled up until then stays.
    pub fn roll_up_all(
        &mut self,
        now: UnixMillis,
        mut progress: impl FnMut(&str),
    ) -> Result<usize, ArchiveError> {
        let mut pace = Pace::new(self.stop.clone(), 1.0);
        let mut n_tried = 0;
        loop {
            let n_damaged = self.damaged.len();
            for stretch in rollups::stale(&self.list()?, &self.damaged, now) {
                let day = stretch.day.to_string();
                self.perform(&mut pace, &Job::RollUp(stretch))?;
                progress(&day);
                n_tried += 1;
            }
            // Where a damaged file was found, once more without it.
            if self.damaged.len() == n_damaged {
                return Ok(n_tried);
            }
        }
    }
}

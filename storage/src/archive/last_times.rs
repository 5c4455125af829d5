//! Times of samples that have times of their own.
//!
//! A target that says when it measured (cAdvisor) shows the same sample until it has a newer
//! one. Within a flush it is one row anyway; this keeps the next flush from writing it again.

use std::collections::HashMap;

use proto::UnixMillis;
use proto::metrics::SeriesId;

/// Series whose last time is remembered. Past that all are forgotten, at the cost of a repeated
/// row each.
const MAX_REMEMBERED: usize = 200_000;

/// The time of the last written sample of each series with times of its own.
#[derive(Clone, Debug, Default)]
pub(super) struct LastTimes(HashMap<SeriesId, UnixMillis>);

impl LastTimes {
    /// Leaves out the sample that was written last, and remembers the new last one. `samples`
    /// are in order of time.
    pub(super) fn unwritten<'a>(
        &mut self,
        id: SeriesId,
        samples: &'a [(UnixMillis, f64)],
    ) -> &'a [(UnixMillis, f64)] {
        let Some((last, _)) = samples.last() else {
            return samples;
        };
        if self.0.len() >= MAX_REMEMBERED {
            self.0.clear();
        }
        match (self.0.insert(id, *last), samples) {
            (Some(written), [first, rest @ ..]) if first.0 == written => rest,
            _ => samples,
        }
    }
}

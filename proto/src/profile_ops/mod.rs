//! What is done with profiles: merging, differences, tables of functions, comparison, choosing samples,
//! trees of calls.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[cfg(test)]
mod against_go;
mod canonical;
mod delta;
mod diff;
mod flame;
mod import;
mod measure;
mod merge;
mod samples;
mod top;

pub use canonical::{Canonical, canonical};
pub use delta::{delta, has_cumulative_types};
pub use diff::{BASE_LABEL, DiffRow, compare, compare_rows, diff};
pub use flame::{DiffLevels, DiffTree, FlameTree, Levels, OTHER};
pub use measure::{Measure, measure};
pub use merge::{MergeError, Merger, merge};
pub use samples::samples_with;
pub use top::{TopRow, top};

#[cfg(test)]
pub(crate) mod strategies;

//! What is done with profiles: merging, differences, tables of functions, comparison.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[cfg(test)]
mod against_go;
mod canonical;
mod delta;
mod diff;
mod import;
mod merge;
mod top;

pub use canonical::{Canonical, canonical};
pub use delta::{delta, has_cumulative_types};
pub use diff::{BASE_LABEL, DiffRow, compare, diff};
pub use merge::{MergeError, Merger, merge};
pub use top::{TopRow, top};

#[cfg(test)]
pub(crate) mod strategies;

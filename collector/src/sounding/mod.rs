//! Soundings: when (schedule, budgets) apart from how (scrape, profile).
//!
//! [`Sounder`] keeps one loop for the metrics of each target and one for each kind of its
//! profiles. A loop decides when by a [`schedule`], never twice at once; profiles also pass a
//! gate of budgets. What a sounding brings is appended to the log and nothing else: this module
//! does not know who reads it, nor how targets are found.

pub mod budget;
mod clock;
mod context;
mod gate;
mod looping;
mod metrics;
mod profile;
pub(crate) mod profile_body;
mod profile_error;
mod running;
pub mod schedule;
mod scrape;
mod site;
mod sounder;
mod status;
#[cfg(test)]
mod tests;
mod ticker;

pub(crate) use clock::{Beat, now};
pub use metrics::SoundingMetrics;
pub use sounder::{Sounder, SounderHandle};
pub use status::StatusBoard;

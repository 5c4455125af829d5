//! Discovery: from `scrape_configs` to the current set of targets.
//!
//! Sources give groups of addresses with labels; relabelling turns each into a
//! [`DiscoveredTarget`] or drops it. What cannot become a target is a [`Problem`] with a reason,
//! never silence. This module does not scrape: it only knocks at well-known local doors.

mod discoverer;
mod files;
mod glob;
mod group;
mod local;
mod populate;
mod set;
mod target;
#[cfg(test)]
mod tests;

pub use discoverer::{Discoverer, DiscoveryOptions};
pub use group::{Problem, Severity};
pub use target::{Address, AddressError, DiscoveredTarget};

//! Discovery: from `scrape_configs` to the current set of targets.

mod target;

pub use target::{Address, AddressError, DiscoveredTarget};

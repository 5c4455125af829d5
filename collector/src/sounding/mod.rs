//! Soundings: when (schedule, budgets) apart from how (scrape, profile).

pub mod budget;
pub mod schedule;

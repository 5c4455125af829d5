//! Soundings: when (schedule, budgets) apart from how (scrape, profile).

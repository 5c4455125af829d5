//! Discovery: from `scrape_configs` to the current set of targets.

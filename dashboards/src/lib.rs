//! Grafana's dashboards, and the assets of the pages.
//!
//! Knows nothing of the rest of leadsman but the signal catalogue, which dashboards are made of, the
//! archive's tables, which the notebooks read, and the paths of its API, which the pages ask.

pub mod grafana;
pub mod pages;

//! Grafana and Jaeger files, and the assets of the pages. Still empty; it grows with the pages.
//!
//! Knows nothing of the rest of leadsman but the archive's tables, which the notebooks read.

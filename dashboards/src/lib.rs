//! Grafana and Jaeger files, and the assets of the pages.
//!
//! Knows nothing of the rest of leadsman. Still empty; it grows with the pages.

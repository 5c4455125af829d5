//! Prometheus' relabelling.

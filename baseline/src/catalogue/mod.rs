//! The signal catalogue: which numbers of a target are watched, and what is known of them.
//!
//! Signals are data. Ours are in the files of `baseline/catalogue/`, embedded here as text; anyone's
//! own have the same shape in the configuration. This module knows what a signal is and whether it
//! can be; it does not know YAML, nor which targets there are.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod check;
mod from_profile;
mod signal;
#[cfg(test)]
mod tests;
mod unit;
pub mod words;

pub use check::{SignalError, check_all};
pub(crate) use check::{is_name, is_reference};
pub use from_profile::{FromProfile, Measure};
pub use signal::{
    Bound, Comparison, Direction, Guard, Healthy, Severity, Signal, Source, Threshold,
};
pub use unit::Unit;

/// Our signals: the name of each file of the catalogue, and its text.
pub const FILES: [(&str, &str); 7] = [
    ("etcd.yaml", include_str!("../../catalogue/etcd.yaml")),
    (
        "cluster-etcd-operator.yaml",
        include_str!("../../catalogue/cluster-etcd-operator.yaml"),
    ),
    (
        "containerd.yaml",
        include_str!("../../catalogue/containerd.yaml"),
    ),
    ("kubelet.yaml", include_str!("../../catalogue/kubelet.yaml")),
    ("go.yaml", include_str!("../../catalogue/go.yaml")),
    ("process.yaml", include_str!("../../catalogue/process.yaml")),
    (
        "profiles.yaml",
        include_str!("../../catalogue/profiles.yaml"),
    ),
];

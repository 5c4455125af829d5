//! Harness of the black-box tests: starts real systems and the binary, sees only their outside.
//!
//! It knows none of leadsman's crates, but for `storage`, which reads the log. Everything started here has a free loopback port, a
//! temporary folder, and ends with the value that stands for it.

pub mod alertmanager;
pub mod certs;
pub mod cgroup;
pub mod containerd;
pub mod contents;
pub mod counting_target;
pub mod etcd;
pub mod history;
pub mod hostile_target;
pub mod http;
pub mod leadsman;
pub mod otlp_receiver;
pub mod page_server;
pub mod patient;
pub mod pprof;
pub mod process;
pub mod prometheus;
pub mod proxy;
pub mod registry;
pub mod s3_server;
pub mod setting;
pub mod small_disk;
pub mod strace;
pub mod told_receiver;
pub mod tools;
pub mod usage;
pub mod victoria_metrics;
pub mod wait;
pub mod wall_clock;
pub mod webhook;

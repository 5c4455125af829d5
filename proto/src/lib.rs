//! The model of leadsman and every format that goes into it or out of it.
//!
//! This crate is pure functions over bytes. It does not know files, sockets, an async runtime,
//! clocks or configuration: whoever calls it passes the time, the limits and the bytes.
//!
//! The model:
//! - [`Labels`]: a sorted set of label pairs, packed into one allocation.
//! - [`Target`]: who was sounded; the labels every row of it carries.
//! - [`metrics`]: one scrape is a [`metrics::MetricBatch`], a column of values over a shared,
//!   immutable [`metrics::Layout`].
//! - [`profile`]: one [`profile::Profile`], columnar tables with handle types.
//! - [`Event`]: what happened, to a target or to leadsman itself.
//! - [`Finding`]: one change of state of a trouble that a judge found.
//! - [`span`]: spans of traces, as the archive keeps them.
//! - [`Record`]: what is appended to the log.

pub mod compress;
pub mod event;
pub mod exposition;
pub mod finding;
pub mod flame_graph;
pub mod folded;
pub mod goroutine;
pub mod labels;
pub mod metrics;
pub mod otlp;
pub mod pattern;
pub mod pprof;
pub mod profile;
pub mod profile_ops;
mod protobuf;
pub mod record;
pub mod selector;
pub mod span;
pub mod speedscope;
pub mod target;
pub mod time;
pub mod units;

pub use event::Event;
pub use finding::Finding;
pub use labels::{Labels, LabelsBuilder};
pub use record::{ProfileRecord, Record};
pub use target::Target;
pub use time::{UnixMillis, UnixNanos};

//! The model → OTLP (proto 1.10): metrics, profiles (v1development), traces and logs. Traces also come
//! in, and become the model's spans, and calls that are counted.
//!
//! This module makes request messages of bounded size, and checks those of others. It does not know
//! how they are carried.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub mod calls;
pub mod logs;
pub mod metrics;
pub mod profiles;
pub mod received;
mod resource;
pub mod spans;
pub mod traces;
mod wire;

use opentelemetry_proto::tonic::common::v1::InstrumentationScope;

pub use metrics::{EncodedMetrics, MetricsEncoder};

/// One or more encoded fields of a request message. Protobuf appends repeated fields, so the
/// fragments of a request are put one behind the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// The encoded fields.
    pub bytes: Vec<u8>,
    /// Number of data points, spans or log records in them.
    pub n_items: usize,
}

/// The scope of what no other scope claims: leadsman and its version.
fn own_scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "leadsman".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..Default::default()
    }
}

//! The durable log, and the Parquet archive that is written from it.
//!
//! This crate does not know HTTP, targets' addresses, alerts or the configuration file: whoever
//! opens it passes options, and feeds it [`proto::Record`]s.

pub mod archive;
mod error_chain;
mod layout_part;
pub mod log;
mod position;

pub use error_chain::ErrorChain;
pub use position::Position;

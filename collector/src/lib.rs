//! The binary `leadsman`: finds targets, decides when to sound them, fetches, and wires the rest.
//!
//! This crate does not know the insides of wire formats (`proto`), files (`storage`) or what
//! leaves (`exporter`): it passes options and records between them.

pub mod cli;
pub mod config;
pub mod discovery;
pub mod fetch;
#[doc(hidden)]
pub mod fuzz;
mod judging;
pub mod relabel;
mod service;
pub mod simulate;
pub mod sounding;
mod span_metrics;
pub mod telemetry;
#[cfg(test)]
mod testing;

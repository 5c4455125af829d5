//! Everything that leaves leadsman: OTLP to receivers, alerts, `/metrics`, the HTTP API. And what
//! comes to our endpoints: traces of others.
//!
//! This crate does not know how targets are found, scheduled or fetched.

pub mod alert;
pub mod auth;
mod client;
pub mod finding_json;
pub mod listen;
pub mod otlp;
#[cfg(test)]
mod testing;
pub mod tls;
pub mod web;

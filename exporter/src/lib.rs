//! Everything that leaves leadsman: OTLP to receivers, `/metrics`, the HTTP API.
//!
//! This crate does not know how targets are found, scheduled or fetched.

pub mod auth;
pub mod otlp;
pub mod tls;
pub mod web;

//! pprof: `perftools.profiles.Profile`, as Go, Rust, Python, Java and jemalloc tools write it.
//!
//! The format is `proto/profile.proto` of <https://github.com/google/pprof>. This module works
//! on the protobuf bytes; gzip and zstd are [`crate::compress`]'s. The text forms (`debug=1`) are
//! not read here, and goroutine text is [`crate::goroutine`]'s.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod decode;
mod encode;
mod error;
mod id_map;
mod raw;
mod wire;

pub use decode::decode;
pub use encode::encode;
pub use error::PprofError;

#[cfg(test)]
mod tests;

//! The mirror and readers against a bucket in memory that fails on demand, and against a folder.

mod any_history;
#[cfg(feature = "object-store")]
mod folder;
pub(in crate::archive) mod mirrored;
mod mirroring;
mod reading;
mod scene;
mod thread;

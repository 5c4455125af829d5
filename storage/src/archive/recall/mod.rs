//! Fast answers from the archive, in bounded memory and without a query engine.
//!
//! Recall knows the tables and how to read little of them. It does not know who asks, nor where the
//! files are: that is behind [`source::Files`].

#![expect(dead_code, reason = "what asks comes next")]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

pub(in crate::archive) mod source;

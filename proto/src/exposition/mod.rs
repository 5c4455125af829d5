//! Prometheus' exposition formats: text 0.0.4, OpenMetrics 1.0 and delimited protobuf in,
//! text 0.0.4 out.
//!
//! A [`PageDecoder`] belongs to one target and follows Prometheus' rules for what a scrape means
//! (scrape/scrape.go): a page with one bad line is refused whole, a failed scrape equals an empty
//! one, a series that vanishes gets a stale marker, `up` and the `scrape_*` series are added.
//!
//! Two ways through a page:
//! - **Follow**: the page has the same lines in the same order as the one before. The decoder
//!   keeps a length and a hash of every line's text before its value; a sample costs one hash and
//!   one float, and nothing is allocated for it.
//! - **Assemble**: anything else. The page is read again from its start; lines known by their
//!   hash keep their series, new ones are parsed, relabelled and checked against the limits.
//!
//! This module does not fetch, does not decompress and reads no clock.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod assemble;
mod columns;
mod decoder;
mod error;
mod exemplars;
mod family;
mod format;
mod issues;
mod known;
mod number;
mod places;
mod protobuf;
mod report;
mod resolve;
mod rules;
mod settle;
mod text;
mod write;

pub use decoder::{Page, PageDecoder, ScrapeFacts};
pub use error::PageError;
pub use format::Format;
pub use issues::{IssueReason, Issues};
pub use rules::{LabelConflict, PageRules, SeriesRules, TimestampPolicy};
pub use write::write_text;

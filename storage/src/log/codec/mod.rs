//! Records as payload bytes, and back. Pure: bytes in, records out.
//!
//! A payload is read only together with its kind, which the frame carries. Metrics refer to
//! their layout by the place of its definition in the same segment, so that the labels of a page
//! are written once a segment and not once a scrape, and damage elsewhere cannot give a scrape
//! the labels of another.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod event;
mod finding;
mod layout;
mod metrics;
mod profile;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use proto::metrics::Layout;
use proto::{Record, Target};

use super::wire::{DecodeError, Input, put_bytes};

pub(super) use layout::{decode_layout, encode_layout};

/// What a frame holds; the byte in its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    /// A definition that the metrics of the same segment refer to; not a record.
    Layout = 1,
    Metrics = 2,
    Profile = 3,
    Traces = 4,
    /// Added to version 1 of the format: a leadsman of before takes it for damage, and steps over.
    Event = 5,
    /// Added to version 1 as well.
    Finding = 6,
}

impl Kind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        let all = [
            Self::Layout,
            Self::Metrics,
            Self::Profile,
            Self::Traces,
            Self::Event,
            Self::Finding,
        ];
        all.into_iter().find(|kind| *kind as u8 == byte)
    }

    /// Whether a reader gets an entry for it.
    pub(super) fn is_record(self) -> bool {
        self != Self::Layout
    }
}

/// Where a layout is defined: bytes between the segment's first frame and the definition's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct LayoutRef(pub(super) u64);

/// Appends the payload of a record. `layout` is where the layout of a metrics record is
/// defined; other records ignore it.
pub(super) fn encode_record(out: &mut Vec<u8>, record: &Record, layout: LayoutRef) -> Kind {
    match record {
        Record::Metrics(batch) => {
            metrics::encode(out, batch, layout);
            Kind::Metrics
        }
        Record::Profile(profile) => {
            profile::encode(out, profile);
            Kind::Profile
        }
        Record::Traces(bytes) => {
            out.extend_from_slice(bytes);
            Kind::Traces
        }
        Record::Event(event) => {
            event::encode(out, event);
            Kind::Event
        }
        Record::Finding(finding) => {
            finding::encode(out, finding);
            Kind::Finding
        }
    }
}

/// Reads a record back; `resolve` finds the layout that is defined at a place.
///
/// # Errors
/// If the payload is not what [`encode_record`] writes, or its layout is unknown.
pub(super) fn decode_record<E: From<DecodeError>>(
    kind: Kind,
    payload: &[u8],
    resolve: impl FnOnce(LayoutRef) -> Result<Arc<Layout>, E>,
) -> Result<Record, E> {
    match kind {
        Kind::Metrics => {
            let batch = metrics::decode(payload, resolve)?;
            Ok(Record::Metrics(Arc::new(batch)))
        }
        Kind::Profile => Ok(Record::Profile(Arc::new(profile::decode(payload)?))),
        Kind::Traces => Ok(Record::Traces(payload.into())),
        Kind::Event => Ok(Record::Event(Arc::new(event::decode(payload)?))),
        Kind::Finding => Ok(Record::Finding(Arc::new(finding::decode(payload)?))),
        Kind::Layout => Err(DecodeError::Tag {
            what: "record kind",
            value: kind as u8,
        }
        .into()),
    }
}

fn put_target(out: &mut Vec<u8>, target: &Target) {
    put_bytes(out, target.labels.as_packed());
    put_bytes(out, target.scheme.as_bytes());
    put_bytes(out, target.address.as_bytes());
}

fn take_target(input: &mut Input<'_>) -> Result<Target, DecodeError> {
    let labels = take_labels(input)?;
    let scheme = input.str()?.to_owned();
    let address = input.str()?.to_owned();
    Ok(Target {
        labels,
        scheme,
        address,
    })
}

fn take_labels(input: &mut Input<'_>) -> Result<proto::Labels, DecodeError> {
    proto::Labels::from_packed(input.bytes()?).ok_or(DecodeError::Labels)
}

fn take_text(input: &mut Input<'_>) -> Result<String, DecodeError> {
    input.str().map(str::to_owned)
}

//! A layout's definition: target, families, series.

use std::sync::Arc;

use proto::metrics::{Family, Layout, MetricKind, Series, SeriesId};

use super::{put_target, take_labels, take_target};
use crate::log::wire::{DecodeError, Input, put_bytes, put_varint};

/// Every kind with the number it is written as. Numbers are never given again.
const KINDS: [(MetricKind, u8); 8] = [
    (MetricKind::Unknown, 0),
    (MetricKind::Counter, 1),
    (MetricKind::Gauge, 2),
    (MetricKind::Histogram, 3),
    (MetricKind::GaugeHistogram, 4),
    (MetricKind::Summary, 5),
    (MetricKind::Info, 6),
    (MetricKind::StateSet, 7),
];

/// Appends the definition of `layout`.
pub(in crate::log) fn encode_layout(out: &mut Vec<u8>, layout: &Layout) {
    put_target(out, &layout.target);
    put_varint(out, layout.families.len() as u64);
    for family in &layout.families {
        put_bytes(out, family.name.as_bytes());
        out.push(kind_byte(family.kind));
        put_bytes(out, family.help.as_bytes());
        put_bytes(out, family.unit.as_bytes());
    }
    put_varint(out, layout.series.len() as u64);
    for series in &layout.series {
        put_varint(out, u64::from(series.family_idx));
        put_bytes(out, series.labels.as_packed());
    }
}

/// Reads a definition back. Identities are derived from the content again.
pub(in crate::log) fn decode_layout(payload: &[u8]) -> Result<Layout, DecodeError> {
    let mut input = Input::new(payload);
    let target = Arc::new(take_target(&mut input)?);
    let families = input.list(4, take_family)?;
    let n_families = families.len();
    let series = input.list(2, |input| take_series(input, n_families))?;
    input.finish()?;
    Ok(Layout::new(target, families, series))
}

fn take_family(input: &mut Input<'_>) -> Result<Family, DecodeError> {
    let name = input.str()?.to_owned();
    let kind = kind_from_byte(input.u8()?)?;
    let help = input.str()?.to_owned();
    let unit = input.str()?.to_owned();
    Ok(Family {
        name,
        kind,
        help,
        unit,
    })
}

fn take_series(input: &mut Input<'_>, n_families: usize) -> Result<Series, DecodeError> {
    let family_idx = input.varint_u32("family index")?;
    if family_idx as usize >= n_families {
        return Err(DecodeError::OutOfRange {
            what: "family index",
        });
    }
    let labels = take_labels(input)?;
    Ok(Series {
        id: SeriesId(labels.hash64()),
        labels,
        family_idx,
    })
}

fn kind_byte(kind: MetricKind) -> u8 {
    KINDS
        .iter()
        .find(|(candidate, _)| *candidate == kind)
        .map_or(0, |(_, byte)| *byte)
}

fn kind_from_byte(byte: u8) -> Result<MetricKind, DecodeError> {
    KINDS
        .iter()
        .find(|(_, candidate)| *candidate == byte)
        .map(|(kind, _)| *kind)
        .ok_or(DecodeError::Tag {
            what: "metric kind",
            value: byte,
        })
}

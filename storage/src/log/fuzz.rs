//! Entry points for fuzzing: whatever the bytes are, these return.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use proto::metrics::{Family, Layout, Series, SeriesId};
use proto::{Labels, Target};

use super::codec::{self, Kind};
use super::segment::{self, SegmentHeader};
use super::segment_reader::SegmentReader;
use super::shared::Segment;
use super::wire::DecodeError;
use crate::Position;

/// Reads a payload: the first byte is its kind, the second how many series its layout has.
pub fn payload(bytes: &[u8]) {
    let [kind, n_series, payload @ ..] = bytes else {
        return;
    };
    let Some(kind) = Kind::from_byte(*kind) else {
        return;
    };
    if kind == Kind::Layout {
        let _ = codec::decode_layout(payload);
        return;
    }
    let layout = layout(*n_series);
    let _ = codec::decode_record::<DecodeError>(kind, payload, |_| Ok(layout));
}

/// Reads a segment file from its header to its end; returns how many records it has.
///
/// # Errors
/// If the bytes cannot be put into a file in memory.
pub fn segment(bytes: &[u8]) -> io::Result<usize> {
    let Ok(header) = SegmentHeader::decode(bytes) else {
        return Ok(0);
    };
    let memory = rustix::fs::memfd_create("segment", rustix::fs::MemfdFlags::CLOEXEC)?;
    let mut file = File::from(memory);
    file.write_all(bytes)?;
    let length = (bytes.len() as u64).saturating_sub(segment::HEADER_LEN);
    let end = Position(header.base.0.saturating_add(length));
    let segment = Segment {
        base: header.base,
        end,
        salt: Some(header.salt),
    };
    let mut reader = SegmentReader::new(file, header.salt, "in memory".into(), segment.base);
    let (mut next, mut n_records) = (segment.base, 0);
    while next < end {
        let batch = reader.read(next, end).map_err(io::Error::other)?;
        n_records += batch.entries.len();
        next = batch.next;
    }
    Ok(n_records)
}

fn layout(n_series: u8) -> Arc<Layout> {
    let labels = Labels::from_pairs([("__name__", "m")]);
    let series = Series {
        id: SeriesId(labels.hash64()),
        labels,
        family_idx: 0,
    };
    let target = Target {
        labels: Labels::default(),
        scheme: String::new(),
        address: String::new(),
    };
    let series = vec![series; usize::from(n_series)];
    Arc::new(Layout::new(
        Arc::new(target),
        vec![Family::default()],
        series,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GOLDEN: &[u8] = include_bytes!("../../testdata/log-v1.seg");

    #[test]
    fn the_golden_segment_has_its_records() {
        assert_eq!(segment(GOLDEN).unwrap(), 4);
    }

    proptest! {
        #[test]
        fn damaged_segments_are_read_to_their_end(
            place in segment::HEADER_LEN as usize..GOLDEN.len(),
            mask in 1u8..,
            cut in 0..GOLDEN.len(),
        ) {
            let mut bytes = GOLDEN.to_vec();
            bytes[place] ^= mask;
            prop_assert!(segment(&bytes).unwrap() < 4);
            prop_assert!(segment(&GOLDEN[..cut]).unwrap() < 4);
        }

        #[test]
        fn payloads_of_any_bytes_return(bytes in prop::collection::vec(0u8..8, 0..200)) {
            payload(&bytes);
        }
    }
}

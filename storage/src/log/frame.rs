//! Frames: what a segment is a sequence of.
//!
//! A frame is a 20-byte header and a payload, LZ4-compressed where that makes it smaller:
//!
//! | bytes | what (little-endian) |
//! |---|---|
//! | 0..4 | length of the payload as stored |
//! | 4..8 | length of the payload decompressed |
//! | 8 | kind, see [`Kind`] |
//! | 9 | 0 stored as it is, 1 LZ4 block |
//! | 10..12 | zero |
//! | 12..16 | CRC-32C of the stored payload |
//! | 16..20 | CRC-32C of bytes 0..16, the segment's salt and the frame's position |
//!
//! A reader takes a frame of a kind it does not know for damage, and steps over it: kinds may be
//! added under the same version of the format, where a reader of before can do without them.
//!
//! The header's checksum lets a reader step over a frame with a damaged payload, and find the
//! next frame behind a damaged header. Salt and position in it keep bytes that look like a frame
//! (in a payload, or left on the disk by a deleted file) from being taken for one.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use crc32c::{crc32c, crc32c_append};

use super::codec::Kind;
use super::wire::Input;
use crate::Position;

/// Length of a frame's header. Bytes.
pub(super) const HEADER_LEN: usize = 20;

/// Longest payload, decompressed. Bytes. A record beyond it is refused when appended, and a
/// header that claims more is damaged.
pub(super) const MAX_PAYLOAD: usize = 256 << 20;

/// LZ4 turns one byte into at most 255, so a header that claims more is damaged.
const LZ4_MAX_RATIO: usize = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Codec {
    Plain = 0,
    Lz4 = 1,
}

/// Which segment's frames: mixed into each header's checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Salt(pub(super) u64);

/// A frame's header, found valid.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameHeader {
    pub(super) kind: Kind,
    codec: Codec,
    stored_len: usize,
    raw_len: usize,
    payload_crc: u32,
}

impl FrameHeader {
    /// Reads the header at the start of `bytes`. `None` if it is not one of this place.
    pub(super) fn parse(bytes: &[u8], salt: Salt, position: Position) -> Option<Self> {
        let fields = bytes.get(..HEADER_LEN - 4)?;
        let mut input = Input::new(bytes);
        let stored_len = input.u32_le().ok()? as usize;
        let raw_len = input.u32_le().ok()? as usize;
        let kind = Kind::from_byte(input.u8().ok()?)?;
        let codec = match input.u8().ok()? {
            0 => Codec::Plain,
            1 => Codec::Lz4,
            _ => return None,
        };
        if input.take(2).ok()? != [0, 0] {
            return None;
        }
        let payload_crc = input.u32_le().ok()?;
        let header_crc = input.u32_le().ok()?;
        let header = Self {
            kind,
            codec,
            stored_len,
            raw_len,
            payload_crc,
        };
        (header.is_plausible() && checksum(fields, salt, position) == header_crc).then_some(header)
    }

    /// Length of the frame, header included. Bytes.
    pub(super) fn frame_len(&self) -> u64 {
        (HEADER_LEN + self.stored_len) as u64
    }

    /// Length of the payload in the file. Bytes.
    pub(super) fn stored_len(&self) -> usize {
        self.stored_len
    }

    /// Checks the stored payload and decompresses it. `None` if it is damaged.
    pub(super) fn unpack(&self, stored: &[u8]) -> Option<Vec<u8>> {
        if !self.is_intact(stored) {
            return None;
        }
        match self.codec {
            Codec::Plain => Some(stored.to_vec()),
            Codec::Lz4 => {
                let mut raw = vec![0; self.raw_len];
                let length = lz4_flex::block::decompress_into(stored, &mut raw).ok()?;
                (length == self.raw_len).then_some(raw)
            }
        }
    }

    /// Whether `stored` is the payload that was written.
    pub(super) fn is_intact(&self, stored: &[u8]) -> bool {
        stored.len() == self.stored_len && crc32c(stored) == self.payload_crc
    }

    fn is_plausible(&self) -> bool {
        let fits = match self.codec {
            Codec::Plain => self.stored_len == self.raw_len,
            Codec::Lz4 => self.raw_len <= self.stored_len.saturating_mul(LZ4_MAX_RATIO),
        };
        fits && self.raw_len <= MAX_PAYLOAD
    }
}

/// Turns payloads into frames. Keeps its scratch space from one to the next.
#[derive(Debug, Default)]
pub(super) struct FrameEncoder {
    compressed: Vec<u8>,
}

/// A record whose payload is longer than a frame may be. Bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLong(pub(super) usize);

impl FrameEncoder {
    /// Appends the frame of `payload` to `out`; returns its length.
    pub(super) fn append(
        &mut self,
        out: &mut Vec<u8>,
        kind: Kind,
        payload: &[u8],
        salt: Salt,
        position: Position,
    ) -> Result<u64, TooLong> {
        if payload.len() > MAX_PAYLOAD {
            return Err(TooLong(payload.len()));
        }
        let (codec, stored) = self.compress(payload);
        let start = out.len();
        out.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        out.extend_from_slice(&[kind as u8, codec as u8, 0, 0]);
        out.extend_from_slice(&crc32c(stored).to_le_bytes());
        let crc = checksum(out.get(start..).unwrap_or_default(), salt, position);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(stored);
        Ok((out.len() - start) as u64)
    }

    fn compress<'a>(&'a mut self, payload: &'a [u8]) -> (Codec, &'a [u8]) {
        let bound = lz4_flex::block::get_maximum_output_size(payload.len());
        if self.compressed.len() < bound {
            self.compressed.resize(bound, 0);
        }
        match lz4_flex::block::compress_into(payload, &mut self.compressed) {
            Ok(length) if length < payload.len() => (
                Codec::Lz4,
                self.compressed.get(..length).unwrap_or_default(),
            ),
            _ => (Codec::Plain, payload),
        }
    }

    /// Gives back scratch space beyond `limit` bytes, so that one huge profile does not hold its
    /// size for ever.
    pub(super) fn shrink_to(&mut self, limit: usize) {
        if self.compressed.len() > limit {
            self.compressed.truncate(limit);
            self.compressed.shrink_to(limit);
        }
    }
}

fn checksum(fields: &[u8], salt: Salt, position: Position) -> u32 {
    let crc = crc32c(fields);
    let crc = crc32c_append(crc, &salt.0.to_le_bytes());
    crc32c_append(crc, &position.0.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SALT: Salt = Salt(7);
    const PLACE: Position = Position(1000);

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        FrameEncoder::default()
            .append(&mut out, Kind::Traces, payload, SALT, PLACE)
            .unwrap();
        out
    }

    fn unframed(frame: &[u8], salt: Salt, position: Position) -> Option<Vec<u8>> {
        let header = FrameHeader::parse(frame, salt, position)?;
        header.unpack(frame.get(HEADER_LEN..)?)
    }

    proptest! {
        #[test]
        fn payloads_round_trip(payload in prop::collection::vec(0u8..4, 0..2000)) {
            prop_assert_eq!(unframed(&framed(&payload), SALT, PLACE), Some(payload));
        }

        #[test]
        fn any_flipped_bit_is_noticed(payload in prop::collection::vec(any::<u8>(), 0..100), bit: prop::sample::Index) {
            let mut frame = framed(&payload);
            let bit = bit.index(frame.len() * 8);
            frame[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(unframed(&frame, SALT, PLACE), None);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = unframed(&bytes, SALT, PLACE);
        }
    }

    #[test]
    fn a_frame_of_another_place_or_segment_is_not_taken() {
        let frame = framed(b"payload");
        assert!(unframed(&frame, SALT, Position(1001)).is_none());
        assert!(unframed(&frame, Salt(8), PLACE).is_none());
        assert!(unframed(&frame, SALT, PLACE).is_some());
    }

    #[test]
    fn compressible_payloads_are_stored_smaller() {
        assert!(framed(&[1; 10_000]).len() < 200);
        assert_eq!(framed(b"x").len(), HEADER_LEN + 1);
    }
}

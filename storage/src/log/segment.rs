//! Segment files: their names and their 48-byte header. Frames follow (see [`super::frame`]).
//!
//! | bytes | what (little-endian) |
//! |---|---|
//! | 0..8 | `leadslog` |
//! | 8..12 | version of the format, 1 |
//! | 12..16 | zero |
//! | 16..24 | salt, random |
//! | 24..32 | position of the first frame; also the file's name |
//! | 32..40 | position at which the segment before ended |
//! | 40..44 | zero |
//! | 44..48 | CRC-32C of bytes 0..44 |
//!
//! A frame at file offset `48 + n` has the position `first + n`. Positions may jump between two
//! segments; within one they do not.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};

use super::frame::Salt;
use super::wire::Input;
use crate::Position;

/// Length of a segment's header. Bytes.
pub(super) const HEADER_LEN: u64 = 48;

/// The version this code writes, and the newest it reads.
pub(super) const VERSION: u32 = 1;

const MAGIC: &[u8; 8] = b"leadslog";
const SUFFIX: &str = ".seg";

/// What stands at the start of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) salt: Salt,
    /// Position of the first frame.
    pub(super) base: Position,
    /// Where the segment before ended. Less than `base` if positions jumped.
    pub(super) previous_end: Position,
}

/// Why a segment's header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    /// Too short, or the checksum is wrong.
    Damaged,
    /// Written by a newer leadsman.
    Version(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN as usize);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.salt.0.to_le_bytes());
        out.extend_from_slice(&self.base.0.to_le_bytes());
        out.extend_from_slice(&self.previous_end.0.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads the header at the start of `bytes`.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        let damaged = |_| HeaderError::Damaged;
        let fields = bytes
            .get(..HEADER_LEN as usize - 4)
            .ok_or(HeaderError::Damaged)?;
        let mut input = Input::new(bytes);
        let magic = input.take(MAGIC.len()).map_err(damaged)?;
        let version = input.u32_le().map_err(damaged)?;
        input.take(4).map_err(damaged)?;
        let salt = Salt(input.u64_le().map_err(damaged)?);
        let base = Position(input.u64_le().map_err(damaged)?);
        let previous_end = Position(input.u64_le().map_err(damaged)?);
        input.take(4).map_err(damaged)?;
        let crc = input.u32_le().map_err(damaged)?;
        if magic != MAGIC || crc32c::crc32c(fields) != crc {
            return Err(HeaderError::Damaged);
        }
        if version == 0 || version > VERSION {
            return Err(HeaderError::Version(version));
        }
        Ok(Self {
            salt,
            base,
            previous_end,
        })
    }
}

/// The file of the segment whose first frame is at `base`.
pub(super) fn path_of(folder: &Path, base: Position) -> PathBuf {
    folder.join(format!("{:020}{SUFFIX}", base.0))
}

/// The position in a segment's file name; `None` for other files.
pub(super) fn base_of(file_name: &str) -> Option<Position> {
    let digits = file_name.strip_suffix(SUFFIX)?;
    let is_ours = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_ours.then(|| digits.parse().ok().map(Position)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SegmentHeader = SegmentHeader {
        salt: Salt(1),
        base: Position(2),
        previous_end: Position(3),
    };

    #[test]
    fn header_round_trips_and_every_flipped_bit_is_noticed() {
        let bytes = HEADER.encode();
        assert_eq!(bytes.len() as u64, HEADER_LEN);
        assert_eq!(SegmentHeader::decode(&bytes), Ok(HEADER));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                SegmentHeader::decode(&damaged),
                Err(HeaderError::Damaged),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_newer_version_is_told_apart_from_damage() {
        let mut bytes = HEADER.encode();
        bytes[8] = 2;
        let crc = crc32c::crc32c(&bytes[..44]);
        bytes[44..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(SegmentHeader::decode(&bytes), Err(HeaderError::Version(2)));
    }

    #[test]
    fn names_sort_as_positions_and_come_back() {
        let path = path_of(Path::new("log"), Position(42));
        assert_eq!(path.to_str(), Some("log/00000000000000000042.seg"));
        assert_eq!(base_of("00000000000000000042.seg"), Some(Position(42)));
        assert_eq!(base_of("42.seg"), None);
        assert_eq!(base_of("lock"), None);
    }
}

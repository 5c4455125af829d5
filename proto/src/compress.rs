//! gzip and zstd, with a bound on the decompressed size.
//!
//! What a body is compressed with is told by its first bytes, not by a header: targets send
//! gzip'd profiles without saying so, and files carry no headers at all.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

/// RFC 1952, section 2.3.1.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878, section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// 8 MiB: the largest window RFC 9659 lets an HTTP body ask of its receiver.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Deflate cannot do better than this: 258 bytes for two bits, so a longer promise is a lie.
const DEFLATE_MAX_RATIO: usize = 1032;
/// The level Go's `compress/gzip` calls `BestSpeed` is 1; 6 halves what a profile archive weighs
/// in files at a cost nobody notices on one profile.
const GZIP_LEVEL: u32 = 6;

/// Why a body could not be decompressed.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    /// The decompressed body is longer than allowed.
    #[error("body is longer than {limit} bytes after decompression")]
    LimitExceeded {
        /// The limit in bytes.
        limit: usize,
    },
    /// The compressed bytes are damaged or cut short.
    #[error("damaged {format} data")]
    Damaged {
        /// `gzip` or `zstd`.
        format: &'static str,
        /// What the decoder said.
        #[source]
        source: io::Error,
    },
}

/// Decompresses gzip (all members) or zstd (all frames), told by the first bytes; anything else
/// is passed through as it is.
///
/// # Errors
/// If the result would be longer than `limit` bytes, or the compressed data is damaged. No more
/// than `limit` bytes are ever held.
pub fn decompress(body: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, CompressError> {
    if body.starts_with(&GZIP_MAGIC) {
        let size = gzip_size_hint(body);
        read_bounded(MultiGzDecoder::new(body), size, limit, "gzip").map(Cow::Owned)
    } else if body.starts_with(&ZSTD_MAGIC) {
        let size = zstd::zstd_safe::get_frame_content_size(body)
            .ok()
            .flatten()
            .unwrap_or(0);
        let decoder = zstd_decoder(body).map_err(|source| damaged("zstd", source))?;
        read_bounded(decoder, size.try_into().unwrap_or(limit), limit, "zstd").map(Cow::Owned)
    } else if body.len() > limit {
        Err(CompressError::LimitExceeded { limit })
    } else {
        Ok(Cow::Borrowed(body))
    }
}

/// Compresses into one gzip member, as pprof files are kept.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    gzip_at(bytes, Compression::new(GZIP_LEVEL))
}

/// The same at the least cost, for what is sent and not kept.
pub fn gzip_fast(bytes: &[u8]) -> Vec<u8> {
    gzip_at(bytes, Compression::fast())
}

/// Compresses into one zstd frame; levels are 1 (fast) to 22 (small).
///
/// # Errors
/// There is no memory for it.
pub fn zstd(bytes: &[u8], level: i32) -> io::Result<Vec<u8>> {
    zstd::bulk::compress(bytes, level)
}

fn gzip_at(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    // A `Vec` takes every write, so neither call can fail.
    let written = encoder.write_all(bytes);
    debug_assert!(written.is_ok());
    encoder.finish().unwrap_or_default()
}

fn zstd_decoder(body: &[u8]) -> io::Result<zstd::stream::read::Decoder<'static, &[u8]>> {
    let mut decoder = zstd::stream::read::Decoder::with_buffer(body)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// The last member's length modulo 2^32, from the last four bytes (RFC 1952, ISIZE). Only a
/// hint for the first allocation.
fn gzip_size_hint(body: &[u8]) -> usize {
    let promised = body
        .last_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
    promised.min(body.len().saturating_mul(DEFLATE_MAX_RATIO))
}

fn read_bounded(
    decoder: impl Read,
    size_hint: usize,
    limit: usize,
    format: &'static str,
) -> Result<Vec<u8>, CompressError> {
    // One byte over the hint, so that the last read sees the end without growing the buffer.
    let mut out = Vec::with_capacity(size_hint.min(limit).saturating_add(1));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(most)
        .read_to_end(&mut out)
        .map_err(|source| damaged(format, source))?;
    if out.len() > limit {
        return Err(CompressError::LimitExceeded { limit });
    }
    Ok(out)
}

fn damaged(format: &'static str, source: io::Error) -> CompressError {
    CompressError::Damaged { format, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    fn zstd_of(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 3).unwrap()
    }

    #[test]
    fn plain_bytes_pass_through_without_a_copy() {
        let out = decompress(b"plain", LIMIT).unwrap();
        assert!(matches!(out, Cow::Borrowed(b"plain")));
    }

    #[test]
    fn all_members_of_a_gzip_body_are_read() {
        let body = [gzip(b"one "), gzip(b"two")].concat();
        assert_eq!(decompress(&body, LIMIT).unwrap().as_ref(), b"one two");
    }

    #[test]
    fn all_frames_of_a_zstd_body_are_read() {
        let body = [zstd_of(b"one "), zstd_of(b"two")].concat();
        assert_eq!(decompress(&body, LIMIT).unwrap().as_ref(), b"one two");
    }

    #[test]
    fn a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_not() {
        for body in [vec![7; 1000], gzip(&[7; 1000]), zstd_of(&[7; 1000])] {
            assert_eq!(decompress(&body, 1000).unwrap().len(), 1000);
            let refused = decompress(&body, 999);
            assert!(matches!(
                refused,
                Err(CompressError::LimitExceeded { limit: 999 })
            ));
        }
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let zeros = vec![0; 64 << 20];
        for bomb in [gzip(&zeros), zstd_of(&zeros)] {
            assert!(bomb.len() < 100_000);
            let refused = decompress(&bomb, LIMIT);
            assert!(matches!(
                refused,
                Err(CompressError::LimitExceeded { limit: LIMIT })
            ));
        }
    }

    #[test]
    fn a_truncated_body_is_damaged() {
        let text: Vec<u8> = (0..5000u32).flat_map(u32::to_le_bytes).collect();
        for body in [gzip(&text), zstd_of(&text)] {
            let cut = &body[..body.len() - 5];
            assert!(matches!(
                decompress(cut, LIMIT),
                Err(CompressError::Damaged { .. })
            ));
        }
    }

    #[test]
    fn a_window_larger_than_http_allows_is_refused() {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&vec![1; 1000]).unwrap();
        let body = encoder.finish().unwrap();
        assert!(matches!(
            decompress(&body, LIMIT),
            Err(CompressError::Damaged { .. })
        ));
    }

    proptest! {
        #[test]
        fn decompress_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
            let _ = decompress(&[&GZIP_MAGIC[..], &bytes].concat(), LIMIT);
            let _ = decompress(&[&ZSTD_MAGIC[..], &bytes].concat(), LIMIT);
        }
    }
}

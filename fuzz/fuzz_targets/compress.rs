//! Bodies that claim to be compressed: what comes out is never longer than the limit, and what
//! we compress ourselves comes back. The first byte of the input chooses which of the two is
//! tried with the rest.

#![no_main]

use leadsman_proto::compress::{decompress, gzip};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 16;

fuzz_target!(|input: &[u8]| {
    match input {
        [0..128, body @ ..] => bounded(body),
        [_, body @ ..] => round_trip(body),
        [] => {}
    }
});

fn bounded(body: &[u8]) {
    if let Ok(plain) = decompress(body, LIMIT) {
        assert!(plain.len() <= LIMIT);
    }
}

fn round_trip(body: &[u8]) {
    let packed = gzip(body);
    let unpacked = decompress(&packed, LIMIT).expect("what we compress is in order");
    assert_eq!(unpacked, body);
}

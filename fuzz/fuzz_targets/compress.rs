//! Bodies that claim to be compressed: what comes out is never longer than the limit, and what
//! we compress ourselves comes back.

#![no_main]

use leadsman_proto::compress::{decompress, gzip};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 16;

fuzz_target!(|input: &[u8]| {
    if let Ok(body) = decompress(input, LIMIT) {
        assert!(body.len() <= LIMIT);
    }
    if input.len() <= LIMIT {
        let packed = gzip(input);
        let unpacked = decompress(&packed, LIMIT).expect("what we compress is in order");
        assert_eq!(unpacked, input);
    }
});

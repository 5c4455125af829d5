//! Bytes as a segment file of the log: it is read to its end, whatever is damaged.

#![no_main]

use leadsman_storage::log::fuzz::segment;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let records = segment(input).expect("a file in memory can be written and read");
    assert!(records <= input.len());
});

//! Bytes as the payload of a frame of the log, of every kind: the checksum that guards it on the
//! disk is not in the way here.

#![no_main]

use leadsman_storage::log::fuzz::payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| payload(input));

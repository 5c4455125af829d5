//! What clients ask of the archive: bodies of Pyroscope's calls in both codecs, and queries of the API.

#![no_main]

use leadsman_exporter::web::fuzz;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    fuzz::connect_message(input);
    if let Ok(text) = std::str::from_utf8(input) {
        fuzz::query(text);
    }
});

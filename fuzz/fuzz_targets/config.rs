//! Text as a configuration file: it is taken, or refused with a message.

#![no_main]

use std::path::Path;

use collector::config::parse;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    if let Err(errors) = parse(Path::new("/nowhere/leadsman.yml"), input) {
        assert!(!errors.to_string().is_empty(), "refused without a word");
    }
});

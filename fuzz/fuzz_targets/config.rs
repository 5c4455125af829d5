//! Text as a configuration file: it is taken, or refused with a message.

#![no_main]

use collector::fuzz::config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| config(input));

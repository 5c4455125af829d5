//! Text as a relabelling rule: the regex, the replacement and the target label on a line each, and
//! the value they meet on the rest. It is refused with a reason, or applied.

#![no_main]

use collector::fuzz::relabel;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    relabel(line(), line(), line(), line());
});

//! What a server sends as an answer of HTTP/1.1: it means the same however it is cut. The first byte
//! is the length of the pieces.

#![no_main]

use collector::fuzz::http_answer;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let [step, answer @ ..] = input {
        http_answer(answer, *step);
    }
});

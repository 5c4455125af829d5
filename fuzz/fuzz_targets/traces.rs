//! Requests with spans that others send: refused, or taken with every span either counted or left out,
//! and what is taken is read for the archive and counted without losing one. The first byte chooses.

#![no_main]

use leadsman_exporter::otlp::fuzz::grpc_request;
use leadsman_proto::UnixNanos;
use leadsman_proto::otlp::calls::each_call;
use leadsman_proto::otlp::received::{RequestLimits, take_spans};
use leadsman_proto::otlp::spans::{read_spans, write_spans};
use libfuzzer_sys::fuzz_target;

const LIMITS: RequestLimits = RequestLimits {
    n_spans: 50,
    n_parts: 200,
    earliest: UnixNanos(0),
    latest: UnixNanos(i64::MAX),
};

fuzz_target!(|input: &[u8]| {
    match input {
        [0, bytes @ ..] => taken(bytes),
        [1, bytes @ ..] => {
            if let Some(message) = grpc_request(bytes) {
                taken(message);
            }
        }
        _ => {}
    }
});

fn taken(bytes: &[u8]) {
    let Ok(request) = take_spans(bytes.to_vec(), &LIMITS) else {
        return;
    };
    if request.rejected.total() == 0 {
        assert_eq!(request.bytes, bytes);
    }
    let spans = read_spans(&request.bytes).unwrap_or_default();
    assert_eq!(spans.len(), request.n_spans);
    let mut n_calls = 0;
    assert!(each_call(&request.bytes, |_| n_calls += 1).is_ok());
    assert_eq!(n_calls, request.n_spans);
    let again = read_spans(&write_spans(&spans));
    assert_eq!(again.ok(), Some(spans));
}

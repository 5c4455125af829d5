//! What comes from outside in OTLP: a receiver's answers, over HTTP and gRPC, and requests with
//! traces, which are divided without losing a span. The first byte chooses.

#![no_main]

use leadsman_exporter::otlp::fuzz::{grpc_answer, grpc_details, http_answer};
use leadsman_proto::otlp::{metrics, traces};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let [choice, limit, bytes @ ..] = input else {
        return;
    };
    let limit = 16 * usize::from(*limit);
    match choice {
        0 => http_answer(bytes),
        1 => grpc_answer(bytes),
        2 => grpc_details(bytes),
        3 => divided(limit, |limit| items(traces::to_fragments(bytes, limit))),
        4 => divided(limit, |limit| items(metrics::to_fragments(bytes, limit))),
        _ => {}
    }
});

/// Items and, where there are several, bytes of each fragment; none if it is no request.
fn items<E>(
    fragments: Result<Vec<leadsman_proto::otlp::Fragment>, E>,
) -> Option<Vec<(usize, usize)>> {
    let fragments = fragments.ok()?.into_iter();
    Some(
        fragments
            .map(|part| (part.n_items, part.bytes.len()))
            .collect(),
    )
}

/// There are as many items in the parts as in the whole, and no part of several is too long.
fn divided(limit: usize, divide: impl Fn(usize) -> Option<Vec<(usize, usize)>>) {
    let (Some(whole), Some(parts)) = (divide(usize::MAX), divide(limit)) else {
        return;
    };
    let count = |parts: &[(usize, usize)]| parts.iter().map(|(n, _)| n).sum::<usize>();
    assert_eq!(count(&parts), count(&whole));
    assert!(parts.iter().all(|(n, bytes)| *n <= 1 || *bytes <= limit));
}

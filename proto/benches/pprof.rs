//! What it costs to decompress, decode, merge and encode a profile, on captures of etcd 3.4.23.
//!
//! `go tool pprof -proto` on the same files is the peer: it decompresses, decodes, merges,
//! encodes and compresses. Compare its time for many copies of a file, divided by their number,
//! with `gz_to_merged`. The heap capture is 8 kB of gzip and 17 kB without.

#![expect(
    clippy::expect_used,
    reason = "a benchmark of a bad capture has nothing to measure"
)]

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use leadsman_proto as proto;
use proto::compress::decompress;
use proto::profile::Profile;
use proto::profile_ops::Merger;
use proto::{goroutine, pprof};

const LIMIT: usize = 64 << 20;
const CAPTURES: [Capture; 3] = [
    Capture("etcd-heap", include_bytes!("../testdata/etcd-heap-3.pb.gz")),
    Capture("etcd-cpu", include_bytes!("../testdata/etcd-cpu.pb.gz")),
    Capture(
        "etcd-goroutine",
        include_bytes!("../testdata/etcd-goroutine.pb.gz"),
    ),
];
const GOROUTINES: &[u8] = include_bytes!("../testdata/etcd-goroutine-debug2.txt");

/// Name and bytes of a capture.
struct Capture(&'static str, &'static [u8]);

impl Capture {
    fn unpacked(&self) -> Vec<u8> {
        decompress(self.1, LIMIT)
            .expect("a capture is good gzip")
            .into_owned()
    }

    fn profile(&self) -> Profile {
        pprof::decode(&self.unpacked()).expect("a capture is a good profile")
    }
}

impl std::fmt::Display for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

fn main() {
    divan::main();
}

#[divan::bench(args = &CAPTURES)]
fn gunzip(bencher: Bencher<'_, '_>, capture: &Capture) {
    let bencher = bencher.counter(BytesCount::new(capture.unpacked().len()));
    bencher.bench(|| decompress(black_box(capture.1), LIMIT).map(|bytes| bytes.len()));
}

#[divan::bench(args = &CAPTURES)]
fn decode(bencher: Bencher<'_, '_>, capture: &Capture) {
    let unpacked = capture.unpacked();
    let bencher = bencher.counter(BytesCount::new(unpacked.len()));
    bencher.bench(|| pprof::decode(black_box(&unpacked)));
}

/// Into a merge that already knows the stacks, as when a day's profiles are merged.
#[divan::bench(args = &CAPTURES)]
fn merge(bencher: Bencher<'_, '_>, capture: &Capture) {
    let profile = capture.profile();
    let mut merger = Merger::new();
    bencher.bench_local(|| merger.add(black_box(&profile)));
}

#[divan::bench(args = &CAPTURES)]
fn encode(bencher: Bencher<'_, '_>, capture: &Capture) {
    let profile = capture.profile();
    bencher.bench(|| pprof::encode(black_box(&profile)));
}

/// One file on its way into a merge: what the peer's time for each file is compared with.
#[divan::bench(args = &CAPTURES)]
fn gz_to_merged(bencher: Bencher<'_, '_>, capture: &Capture) {
    let mut merger = Merger::new();
    let bencher = bencher.counter(BytesCount::new(capture.unpacked().len()));
    bencher.bench_local(|| {
        let bytes = decompress(black_box(capture.1), LIMIT).expect("a capture is good gzip");
        let profile = pprof::decode(&bytes).expect("a capture is a good profile");
        merger.add(&profile)
    });
}

#[divan::bench]
fn goroutine_dump(bencher: Bencher<'_, '_>) {
    let bencher = bencher.counter(BytesCount::new(GOROUTINES.len()));
    bencher.bench(|| goroutine::parse_debug2(black_box(GOROUTINES)));
}

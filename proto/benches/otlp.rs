//! Encoding of OTLP on captures of etcd: what a scrape and a profile cost on one core, and what
//! they weigh on the wire. `metrics` is a page with the layout of the one before, the case of
//! nearly every scrape; a request of it is then compressed as it is before it is sent.
//! Not to be compared with an encoder that is given data points instead of a page.

#![expect(
    clippy::expect_used,
    reason = "a benchmark of a bad capture has nothing to measure"
)]

use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use leadsman_proto as proto;
use proto::compress::{decompress, gzip, gzip_fast, zstd};
use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::metrics::MetricBatch;
use proto::otlp::profiles::{Part, to_requests};
use proto::otlp::{Fragment, MetricsEncoder};
use proto::{Labels, ProfileRecord, Target, UnixMillis, pprof};

/// What a receiver takes by default.
const LIMIT: usize = 3 << 20;
/// Scrapes of one target in a request. Their values are the same, which flatters the compressed
/// sizes: less so gzip, which looks back 32 KiB only.
const SCRAPES: i64 = 4;

const PAGES: [(&str, &[u8]); 2] = [
    ("etcd", include_bytes!("../testdata/etcd-3.4.txt")),
    (
        "containerd",
        include_bytes!("../testdata/containerd-1.6.txt"),
    ),
];
const PROFILES: [(&str, &[u8]); 3] = [
    ("etcd-cpu", include_bytes!("../testdata/etcd-cpu.pb.gz")),
    ("etcd-heap", include_bytes!("../testdata/etcd-heap-3.pb.gz")),
    (
        "etcd-goroutine",
        include_bytes!("../testdata/etcd-goroutine.pb.gz"),
    ),
];

/// A way to compress.
type Compress = fn(&[u8]) -> Vec<u8>;
const COMPRESSIONS: [(&str, Compress); 5] = [
    ("plain", <[u8]>::to_vec),
    ("gzip-1", gzip_fast),
    ("gzip-6", gzip),
    ("zstd-1", |bytes| zstd(bytes, 1).expect("there is memory")),
    ("zstd-3", |bytes| zstd(bytes, 3).expect("there is memory")),
];

fn main() {
    print_sizes();
    divan::main();
}

fn target() -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", "127.0.0.1:2379")]),
        scheme: "http".to_owned(),
        address: "127.0.0.1:2379".to_owned(),
    })
}

/// A page, scraped as often as there are scrapes in a request, and its number of samples.
fn scrapes(page: &[u8]) -> (Vec<MetricBatch>, usize) {
    let mut decoder = PageDecoder::new(target(), PageRules::default());
    let mut n_samples = 0;
    let batches = (1..=SCRAPES).map(|nth| {
        let facts = ScrapeFacts {
            time: UnixMillis(1_700_000_000_000 + 15_000 * nth),
            duration_seconds: 0.01,
        };
        let decoded = decoder.decode(Format::Text, page, facts);
        let batch = decoded.expect("the capture is good").batch;
        n_samples += batch.samples().count();
        batch
    });
    (batches.collect(), n_samples)
}

/// A request of these scrapes.
fn metrics_request(batches: &[MetricBatch]) -> Vec<u8> {
    let mut encoder = MetricsEncoder::new(LIMIT);
    let fragments = batches
        .iter()
        .flat_map(|batch| encoder.encode(batch).fragments);
    fragments
        .flat_map(|fragment: Fragment| fragment.bytes)
        .collect()
}

fn part(capture: &[u8]) -> Part {
    let bytes = decompress(capture, LIMIT).expect("a capture is good gzip");
    Part::whole(Arc::new(ProfileRecord {
        target: target(),
        kind: "process_cpu".to_owned(),
        is_delta: true,
        profile: pprof::decode(&bytes).expect("a capture is a good profile"),
    }))
}

fn profiles_request(part: &Part) -> Vec<u8> {
    let requests = to_requests(std::slice::from_ref(part), LIMIT);
    requests
        .into_iter()
        .flat_map(|request| request.fragment.bytes)
        .collect()
}

fn print_sizes() {
    println!("bytes on the wire, per sample or per profile:");
    for (name, page) in PAGES {
        let (batches, n_samples) = scrapes(page);
        print_row(name, &metrics_request(&batches), n_samples);
    }
    for (name, capture) in PROFILES {
        print_row(name, &profiles_request(&part(capture)), 1);
    }
}

fn print_row(name: &str, request: &[u8], n_items: usize) {
    let sizes = COMPRESSIONS.map(|(name, compress)| {
        format!(
            "{name} {:.1}",
            compress(request).len() as f64 / n_items as f64
        )
    });
    println!("  {name:15} {}", sizes.join("  "));
}

#[divan::bench(args = ["etcd", "containerd"])]
fn metrics(bencher: Bencher<'_, '_>, name: &str) {
    let (batches, n_samples) = scrapes(page(name));
    let batch = &batches[0];
    let mut encoder = MetricsEncoder::new(LIMIT);
    encoder.encode(batch);
    bencher
        .counter(ItemsCount::new(n_samples / batches.len()))
        .bench_local(|| encoder.encode(black_box(batch)));
}

#[divan::bench(args = ["etcd-cpu", "etcd-heap", "etcd-goroutine"])]
fn profiles(bencher: Bencher<'_, '_>, name: &str) {
    let (_, capture) = PROFILES
        .iter()
        .find(|(of, _)| *of == name)
        .expect("a capture");
    let part = part(capture);
    bencher
        .counter(ItemsCount::new(1_usize))
        .bench_local(|| to_requests(std::slice::from_ref(black_box(&part)), LIMIT));
}

#[divan::bench(args = ["gzip-1", "gzip-6", "zstd-1", "zstd-3"])]
fn compress_etcd(bencher: Bencher<'_, '_>, name: &str) {
    let (_, compress) = COMPRESSIONS
        .iter()
        .find(|(of, _)| *of == name)
        .expect("a way");
    let (batches, n_samples) = scrapes(page("etcd"));
    let request = metrics_request(&batches);
    bencher
        .counter(ItemsCount::new(n_samples))
        .counter(BytesCount::of_slice(&request))
        .bench_local(|| compress(black_box(&request)));
}

fn page(name: &str) -> &'static [u8] {
    let found = PAGES.iter().find(|(of, _)| *of == name);
    found.expect("a capture").1
}

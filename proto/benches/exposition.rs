//! Decoding of captured pages: nanoseconds and throughput per sample.
//!
//! `follow` is a page with the series of the one before, the case of nearly every scrape;
//! `assemble_new` is the first page of a target, with every series new; `assemble_known` a page
//! that is not quite the one before. All end in a finished batch.
//! Not to be compared with a parser that does not resolve a series' identity.

#![expect(
    clippy::expect_used,
    reason = "a benchmark of a bad capture has nothing to measure"
)]

use std::sync::Arc;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use leadsman_proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts, write_text};
use leadsman_proto::{Labels, Target, UnixMillis};

const PAGES: [Capture; 3] = [
    Capture {
        name: "etcd text",
        format: Format::Text,
        body: include_bytes!("../testdata/etcd-3.4.txt"),
    },
    Capture {
        name: "etcd protobuf",
        format: Format::Protobuf,
        body: include_bytes!("../testdata/etcd-3.4.pb"),
    },
    Capture {
        name: "containerd text",
        format: Format::Text,
        body: include_bytes!("../testdata/containerd-1.6.txt"),
    },
];

/// A page as a real target sent it.
#[derive(Clone, Copy)]
struct Capture {
    name: &'static str,
    format: Format,
    body: &'static [u8],
}

impl std::fmt::Display for Capture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const SCRAPE: ScrapeFacts = ScrapeFacts {
    time: UnixMillis(1_700_000_000_000),
    duration_seconds: 0.01,
};

fn main() {
    divan::main();
}

fn decoder() -> PageDecoder {
    let labels = Labels::from_pairs([("job", "etcd"), ("instance", "127.0.0.1:2379")]);
    let target = Target {
        labels,
        scheme: "http".to_owned(),
        address: "127.0.0.1:2379".to_owned(),
    };
    PageDecoder::new(Arc::new(target), PageRules::default())
}

#[divan::bench(args = PAGES)]
fn follow(bencher: Bencher<'_, '_>, page: Capture) {
    let mut decoder = decoder();
    let first = decoder
        .decode(page.format, page.body, SCRAPE)
        .expect("the capture is good");
    bencher
        .counter(ItemsCount::new(first.n_scraped))
        .counter(BytesCount::of_slice(page.body))
        .bench_local(|| decoder.decode(page.format, black_box(page.body), SCRAPE));
}

#[divan::bench(args = PAGES)]
fn assemble_new(bencher: Bencher<'_, '_>, page: Capture) {
    let first = decoder()
        .decode(page.format, page.body, SCRAPE)
        .expect("the capture is good");
    bencher
        .counter(ItemsCount::new(first.n_scraped))
        .counter(BytesCount::of_slice(page.body))
        .with_inputs(decoder)
        .bench_local_values(|mut decoder| decoder.decode(page.format, page.body, SCRAPE));
}

/// A series in the middle of the page comes and goes.
#[divan::bench]
fn assemble_known(bencher: Bencher<'_, '_>) {
    let text = std::str::from_utf8(PAGES[0].body).expect("text is UTF-8");
    let (before, after) = text
        .split_once("\n# HELP process_")
        .expect("etcd has process metrics");
    let pages = ["", "\ncomes_and_goes{a=\"b\"} 1"]
        .map(|line| format!("{before}{line}\n# HELP process_{after}"));
    let mut decoder = decoder();
    let first = decoder.decode(Format::Text, pages[0].as_bytes(), SCRAPE);
    let mut turn = 0;
    bencher
        .counter(ItemsCount::new(
            first.expect("the capture is good").n_scraped,
        ))
        .bench_local(|| {
            turn += 1;
            decoder.decode(Format::Text, black_box(pages[turn % 2].as_bytes()), SCRAPE)
        });
}

#[divan::bench(args = PAGES)]
fn write(bencher: Bencher<'_, '_>, page: Capture) {
    let first = decoder()
        .decode(page.format, page.body, SCRAPE)
        .expect("the capture is good");
    bencher
        .counter(ItemsCount::new(first.n_scraped))
        .bench_local(|| {
            let mut out = String::new();
            write_text(&mut out, black_box(&first.batch));
            out
        });
}

//! Pages of all three formats, one after the other, so that a decoder's memory is fuzzed too:
//! what it says of a page must be what a fresh one says.
//!
//! The first byte of the input chooses the format, the second where the rest is cut into two
//! pages.

#![no_main]

use std::sync::{Arc, LazyLock};

use leadsman_proto::exposition::{
    Format, Page, PageDecoder, PageError, PageRules, ScrapeFacts, write_text,
};
use leadsman_proto::{Labels, Target, UnixMillis};
use libfuzzer_sys::fuzz_target;

const SCRAPE: ScrapeFacts = ScrapeFacts {
    time: UnixMillis(1_700_000_000_000),
    duration_seconds: 0.01,
};

static TARGET: LazyLock<Arc<Target>> = LazyLock::new(|| {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "j"), ("instance", "i")]),
        scheme: "http".to_owned(),
        address: "h:1".to_owned(),
    })
});

fuzz_target!(|input: &[u8]| {
    let [format, cut, body @ ..] = input else {
        return;
    };
    let format = [Format::Text, Format::OpenMetrics, Format::Protobuf][usize::from(*format) % 3];
    let (first, second) = body.split_at(body.len() * usize::from(*cut) / 256);
    let pages = [first, second].map(|page| (page, decoder().decode(format, page, SCRAPE)));
    let mut remembering = decoder();
    let mut written = String::new();
    for (page, fresh) in [&pages[0], &pages[1], &pages[1], &pages[0]] {
        let found = remembering.decode(format, page, SCRAPE);
        check_same(fresh, &found);
        match found {
            Ok(page) => check_written(&page, &mut written),
            Err(_) => drop(remembering.fail(SCRAPE)),
        }
    }
});

fn check_same(fresh: &Result<Page, PageError>, found: &Result<Page, PageError>) {
    match (fresh, found) {
        (Ok(fresh), Ok(found)) => {
            assert_eq!(fresh.n_scraped, found.n_scraped);
            assert_eq!(fresh.n_post_relabel, found.n_post_relabel);
        }
        (Err(fresh), Err(found)) => assert_eq!(fresh, found),
        (fresh, found) => panic!("{:?}, {:?}", fresh.as_ref().err(), found.as_ref().err()),
    }
}

/// What is written can be read. `last` is what was written and read before.
fn check_written(page: &Page, last: &mut String) {
    let mut text = String::with_capacity(last.len());
    write_text(&mut text, &page.batch);
    if text != *last {
        let read_back = decoder().decode(Format::Text, text.as_bytes(), SCRAPE);
        read_back.expect("what is written can be read");
        *last = text;
    }
}

fn decoder() -> PageDecoder {
    PageDecoder::new(Arc::clone(&TARGET), PageRules::default())
}

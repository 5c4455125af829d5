//! Pages of all three formats, one after the other, so that a decoder's memory is fuzzed too:
//! what it says of a page must be what a fresh one says.
//!
//! The first byte of the input chooses the format, the second where the rest is cut into two
//! pages. Seed the corpus with `proto/testdata`.

#![no_main]

use std::sync::Arc;

use leadsman_proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts, write_text};
use leadsman_proto::{Labels, Target, UnixMillis};
use libfuzzer_sys::fuzz_target;

const SCRAPE: ScrapeFacts = ScrapeFacts {
    time: UnixMillis(1_700_000_000_000),
    duration_seconds: 0.01,
};

fuzz_target!(|input: &[u8]| {
    let [format, cut, body @ ..] = input else {
        return;
    };
    let format = [Format::Text, Format::OpenMetrics, Format::Protobuf][usize::from(*format) % 3];
    let (first, second) = body.split_at(body.len() * usize::from(*cut) / 256);
    let mut remembering = decoder();
    for page in [first, second, second, first] {
        let fresh = decoder().decode(format, page, SCRAPE);
        match (fresh, remembering.decode(format, page, SCRAPE)) {
            (Ok(fresh), Ok(found)) => {
                assert_eq!(fresh.n_scraped, found.n_scraped);
                assert_eq!(fresh.n_post_relabel, found.n_post_relabel);
                let mut text = String::new();
                write_text(&mut text, &found.batch);
                let read_back = decoder().decode(Format::Text, text.as_bytes(), SCRAPE);
                read_back.expect("what is written can be read");
            }
            (Err(fresh), Err(found)) => {
                assert_eq!(fresh, found);
                remembering.fail(SCRAPE);
            }
            (fresh, found) => panic!("{:?}, {:?}", fresh.err(), found.err()),
        }
    }
});

fn decoder() -> PageDecoder {
    let labels = Labels::from_pairs([("job", "j"), ("instance", "i")]);
    let target = Target {
        labels,
        scheme: "http".to_owned(),
        address: "h:1".to_owned(),
    };
    PageDecoder::new(Arc::new(target), PageRules::default())
}

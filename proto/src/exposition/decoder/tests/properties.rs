//! What holds for every page.

use super::*;
use crate::metrics::MetricKind;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// A line of a page that is often good, and often known from the page before.
fn line() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[0-9]{1,4}",
        "-?[0-9]{1,3}\\.[0-9]{1,3}",
        Just("NaN".to_owned())
    ];
    let labels = prop_oneof![
        Just(String::new()),
        "\\{l=\"[a-c]\"\\}",
        "\\{l=\"x\",m=\"\\PC{0,3}\"\\}"
    ];
    let time = prop_oneof![3 => Just(String::new()), 1 => " [0-9]{5}"];
    let sample = ("[a-d]", labels, value, time)
        .prop_map(|(name, labels, value, time)| format!("{name}{labels} {value}{time}"));
    prop_oneof![
        12 => sample,
        2 => "# TYPE [a-d] (counter|gauge|histogram)",
        1 => "# HELP [a-d] [a-z\\\\]{0,5}",
        1 => "[ #]{0,2}",
    ]
}

fn page() -> impl Strategy<Value = String> {
    prop::collection::vec(line(), 0..12).prop_map(|lines| lines.join("\n"))
}

/// A page and an edit of it, again and again: what a target does over its life.
fn pages() -> impl Strategy<Value = Vec<String>> {
    (
        page(),
        prop::collection::vec((any::<prop::sample::Index>(), line(), 0..4u8), 1..8),
    )
        .prop_map(|(first, edits)| {
            let mut pages = vec![first];
            for (place, line, edit) in edits {
                let last = pages.last().cloned().unwrap_or_default();
                let mut lines: Vec<&str> = last.lines().collect();
                let at = place.index(lines.len() + 1);
                match edit {
                    0 => lines.insert(at, &line),
                    1 if at < lines.len() => drop(lines.remove(at)),
                    2 if at < lines.len() => lines.swap(0, at),
                    _ => {}
                }
                pages.push(lines.join("\n"));
            }
            pages
        })
}

/// Everything a batch says of its samples, stale markers left out.
fn said(batch: &MetricBatch) -> BTreeMap<String, (u64, UnixMillis, MetricKind, String)> {
    let samples = batch.samples().filter(|(_, _, value)| !is_stale(*value));
    samples
        .filter(|(series, ..)| series.labels.metric_name() != "scrape_series_added")
        .map(|(series, time, value)| {
            let family = batch.layout.family(series).unwrap();
            let what = (value.to_bits(), time, family.kind, family.help.clone());
            (series.labels.to_string(), what)
        })
        .collect()
}

fn stale(batch: &MetricBatch) -> Vec<String> {
    let stale = batch.samples().filter(|(_, _, value)| is_stale(*value));
    stale
        .map(|(series, ..)| series.labels.to_string())
        .collect()
}

proptest! {
    #[test]
    fn memory_changes_nothing_but_the_stale_markers(pages in pages()) {
        let mut remembering = decoder(PageRules::default());
        let mut before: Option<MetricBatch> = None;
        for (page, seconds) in pages.iter().zip(100..) {
            let fresh = decoder(PageRules::default()).decode(Format::Text, page.as_bytes(), at(seconds));
            let found = remembering.decode(Format::Text, page.as_bytes(), at(seconds));
            let (Ok(fresh), Ok(found)) = (&fresh, &found) else {
                prop_assert_eq!(fresh.unwrap_err(), found.unwrap_err());
                before = Some(remembering.fail(at(seconds)));
                continue;
            };
            prop_assert_eq!(said(&fresh.batch), said(&found.batch));
            prop_assert_eq!(counted(&fresh.issues), counted(&found.issues));
            check_stale(before.as_ref(), &found.batch)?;
            prop_assert!(is_consistent(&found.batch));
            before = Some(found.batch.clone());
        }
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
            let _ = decoder(PageRules::default()).decode(format, &bytes, at(1));
        }
    }

    #[test]
    fn a_written_page_reads_back(page in page()) {
        let Ok(first) = decoder(PageRules::default()).decode(Format::Text, page.as_bytes(), at(1)) else {
            return Ok(());
        };
        let mut text = String::new();
        write_text(&mut text, &first.batch);
        let own = text.split("# HELP up ").next().unwrap();
        let second = decoder(PageRules::default()).decode(Format::Text, own.as_bytes(), at(1)).unwrap();
        prop_assert_eq!(samples_only(&first.batch), samples_only(&second.batch), "{}", text);
    }
}

proptest! {
    // A capture takes long without optimisation.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_damaged_capture_is_decoded_or_refused(at_byte in 0..140_000usize, byte: u8, cut: bool) {
        let captures: [(Format, &[u8]); 2] = [
            (Format::Text, include_bytes!("../../../../testdata/etcd-3.4.txt")),
            (Format::Protobuf, include_bytes!("../../../../testdata/etcd-3.4.pb")),
        ];
        for (format, capture) in captures {
            let mut page = capture.to_vec();
            let place = at_byte % page.len();
            page[place] = byte;
            page.truncate(if cut { place + 1 } else { page.len() });
            let mut decoder = decoder(PageRules::default());
            if let Ok(page) = decoder.decode(format, &page, at(1)) {
                prop_assert!(is_consistent(&page.batch));
            }
        }
    }
}

fn counted(issues: &Issues) -> Vec<usize> {
    IssueReason::ALL.map(|reason| issues.count(reason)).to_vec()
}

/// Exactly the series that are gone have a marker, unless they had a timestamp of their own.
fn check_stale(before: Option<&MetricBatch>, now: &MetricBatch) -> Result<(), TestCaseError> {
    let mut expected: Vec<String> = before.map_or_else(Vec::new, |before| {
        let stamped = |time: UnixMillis| time != before.time;
        let live = before
            .samples()
            .filter(|(_, time, value)| !is_stale(*value) && !stamped(*time));
        let now = said(now);
        live.map(|(series, ..)| series.labels.to_string())
            .filter(|name| !now.contains_key(name) && !name.starts_with("scrape_"))
            .collect()
    });
    let mut found = stale(now);
    expected.sort();
    found.sort();
    prop_assert_eq!(found, expected);
    Ok(())
}

fn is_consistent(batch: &MetricBatch) -> bool {
    let layout = &batch.layout;
    let mut ids: Vec<_> = layout.series.iter().map(|series| series.id).collect();
    ids.sort();
    ids.dedup();
    ids.len() == layout.series.len()
        && batch.values.len() == layout.series.len()
        && layout
            .series
            .iter()
            .all(|series| layout.family(series).is_some())
        && (batch.timestamps.is_empty() || batch.timestamps.len() == batch.values.len())
}

fn samples_only(batch: &MetricBatch) -> Vec<String> {
    let mut samples = samples(batch);
    samples.sort();
    samples
}

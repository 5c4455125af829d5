//! What a real Prometheus makes of odd pages.
//!
//! `prometheus-3.5-verdicts.json` was recorded from Prometheus 3.5.3: each page was served to it,
//! `samples` is what its query API had of it afterwards, or null if the scrape had failed.
//! Four pages of the same run are not in it, as leadsman differs on purpose:
//! - blanks before a metric's name do not become part of it (two pages);
//! - a NUL is a bad character, not the end of the page;
//! - `le` of a gauge histogram is written canonically in text, as Prometheus has it from protobuf.

use std::collections::BTreeMap;

use super::*;
use serde_json::Value;

const VERDICTS: &str = include_str!("../../../../testdata/prometheus-3.5-verdicts.json");

/// Labels as JSON, and the value.
type Samples = BTreeMap<String, String>;

#[test]
fn odd_pages_mean_what_they_mean_to_prometheus() {
    let verdicts: Value = serde_json::from_str(VERDICTS).unwrap();
    let time = UnixMillis(verdicts["scrape_millis"].as_i64().unwrap());
    for case in verdicts["cases"].as_array().unwrap() {
        // One char is one byte of the page.
        let page = case["page"].as_str().unwrap();
        let body: Vec<u8> = page
            .chars()
            .map(|char| u8::try_from(char).unwrap())
            .collect();
        let format = match case["format"].as_str().unwrap() {
            "text" => Format::Text,
            _ => Format::OpenMetrics,
        };
        assert_eq!(
            ours(format, &body, time),
            theirs(&case["samples"]),
            "{page:?}"
        );
    }
}

fn theirs(samples: &Value) -> Option<Samples> {
    let samples = samples.as_object()?.iter();
    Some(
        samples
            .map(|(labels, value)| (labels.clone(), number(value.as_str().unwrap())))
            .collect(),
    )
}

fn ours(format: Format, body: &[u8], time: UnixMillis) -> Option<Samples> {
    let labels = Labels::from_pairs([("job", "diff")]);
    let target = Target {
        labels,
        scheme: "http".to_owned(),
        address: "h:1".to_owned(),
    };
    let mut decoder = PageDecoder::new(Arc::new(target), PageRules::default());
    let scrape = ScrapeFacts {
        time,
        duration_seconds: 0.0,
    };
    let batch = decoder.decode(format, body, scrape).ok()?.batch;
    let n_own = batch.layout.series.len() - N_REPORTS;
    let own = batch.layout.series.iter().zip(&batch.values).take(n_own);
    let own = own
        .filter(|(_, value)| !is_absent(**value))
        .map(|(series, value)| {
            let labels: BTreeMap<_, _> = series.labels.iter().collect();
            (
                serde_json::to_string(&labels).unwrap(),
                number(&value.to_string()),
            )
        });
    Some(own.collect())
}

/// One spelling for each value.
fn number(text: &str) -> String {
    text.parse::<f64>().unwrap().to_string()
}

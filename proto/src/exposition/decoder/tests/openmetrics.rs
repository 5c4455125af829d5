//! Pages of OpenMetrics.

use super::*;
use crate::metrics::MetricKind;

const PAGE: &str = "# TYPE requests counter\n# UNIT requests \n# HELP requests How many.\n\
    requests_total{a=\"b\"} 17.0 99.5 # {trace_id=\"t\",x=\"y\"} 0.67 98.25\n\
    requests_created{a=\"b\"} 50.25\n\
    # TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n\
    wait_seconds_bucket{le=\"1\"} 2 # {} 0.5\n\
    wait_seconds_bucket{le=\"+Inf\"} 3\n\
    wait_seconds_sum 4.5\nwait_seconds_count 3\nwait_seconds_created 40\n\
    # TYPE build info\nbuild_info{version=\"1\"} 1\n# EOF\n";

#[test]
fn timestamps_exemplars_and_creation_times_are_kept() {
    let mut decoder = decoder(PageRules::default());
    for _ in 0..2 {
        let page = decoder
            .decode(Format::OpenMetrics, PAGE.as_bytes(), at(100))
            .unwrap();
        let expected = [
            r#"requests_total{a="b"} 17 @99500"#,
            r#"wait_seconds_bucket{le="1.0"} 2"#,
            r#"wait_seconds_bucket{le="+Inf"} 3"#,
            "wait_seconds_sum{} 4.5",
            "wait_seconds_count{} 3",
            r#"build_info{version="1"} 1"#,
        ];
        assert_eq!(samples(&page.batch), expected);
        assert_eq!(page.n_scraped, expected.len());
        assert_eq!(
            page.batch.created,
            [(0, UnixMillis(50_250)), (4, UnixMillis(40_000))]
        );
    }
    assert!(
        decoder
            .follow(Format::OpenMetrics, PAGE.as_bytes(), at(101))
            .is_some()
    );
}

#[test]
fn an_exemplar_is_passed_on_once() {
    let mut decoder = decoder(PageRules::default());
    let mut decode = |page: &str| {
        let page = decoder
            .decode(Format::OpenMetrics, page.as_bytes(), at(100))
            .unwrap();
        let exemplars = page.batch.exemplars.iter();
        let labels = exemplars
            .clone()
            .map(|e| e.labels.to_string())
            .collect::<Vec<_>>();
        (
            labels,
            exemplars
                .map(|e| (e.series_idx, e.value, e.time))
                .collect::<Vec<_>>(),
        )
    };
    let (labels, exemplars) = decode(PAGE);
    assert_eq!(labels, [r#"{trace_id="t",x="y"}"#, "{}"]);
    assert_eq!(
        exemplars,
        [(0, 0.67, Some(UnixMillis(98_250))), (1, 0.5, None)]
    );
    assert_eq!(decode(PAGE).1, []);
    assert_eq!(
        decode(&PAGE.replace("# {} 0.5", "# {} 0.75")).1,
        [(1, 0.75, None)]
    );
}

#[test]
fn families_have_their_names_without_suffixes_and_their_units() {
    let mut decoder = decoder(PageRules::default());
    let page = decoder
        .decode(Format::OpenMetrics, PAGE.as_bytes(), at(100))
        .unwrap();
    let families = page.batch.layout.families.iter().take(3);
    let families: Vec<_> = families
        .map(|f| (f.name.as_str(), f.kind, f.unit.as_str()))
        .collect();
    assert_eq!(
        families,
        [
            ("requests", MetricKind::Counter, ""),
            ("wait_seconds", MetricKind::Histogram, "seconds"),
            ("build", MetricKind::Info, ""),
        ]
    );
    let mut text = String::new();
    write_text(&mut text, &page.batch);
    assert!(text.contains("# TYPE requests_total counter\nrequests_total{a=\"b\"} 17 99500\n"));
    assert!(text.contains("# TYPE build_info gauge\n"), "{text}");
}

fn check(page: &str, expected: &str) {
    check_refused(Format::OpenMetrics, page, expected);
}

#[test]
fn what_only_the_older_format_allows_is_refused() {
    check("a 1\n", "page does not end with # EOF");
    check("a 1\n# EOF\nb 1\n", "line 3: data after # EOF, at \"b 1\"");
    check("\n# EOF\n", "line 1: empty line, at \"\"");
    check(
        "# remark\n# EOF\n",
        "line 1: comment is no metadata, at \"# remark\"",
    );
    check(
        "# TYPE a untyped\n# EOF\n",
        "line 1: unknown metric type, at \"# TYPE a untyped\"",
    );
    check(
        "# UNIT a seconds\n# EOF\n",
        "line 1: unit is not the suffix of the metric's name, at \"# UNIT a seconds\"",
    );
    check(
        "a 1 # {x=\"y\" 1\n# EOF\n",
        "line 1: labels do not end, at \"a 1 # {x=\\\"y\\\" 1\"",
    );
}

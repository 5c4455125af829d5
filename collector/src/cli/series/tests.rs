//! What is printed.

use std::sync::Arc;

use proto::{Labels, UnixMillis};
use storage::archive::{Resolution, Sample, Series, SeriesAnswer, SeriesQuery};
use storage::archive::{Window, WindowValues};

use super::{export, list, table};

const NOON: i64 = 1_795_262_400_000;

fn series(name: &str, kind: &str, instance: &str) -> Series {
    Series {
        labels: Labels::from_pairs([("__name__", name), ("job", "etcd"), ("instance", instance)]),
        kind: Arc::from(kind),
        unit: Arc::from(""),
        help: Arc::from("What it is."),
        samples: Vec::new(),
        windows: Vec::new(),
    }
}

fn answer() -> SeriesAnswer {
    let sample = |idx: i64| Sample {
        time: UnixMillis(NOON + idx * 60_000),
        value: (idx * idx) as f64,
    };
    let window = |idx: i64| Window {
        time: UnixMillis(NOON + idx * 300_000),
        resolution: Resolution::FiveMinutes,
        count: 20,
        first: 1.0,
        last: 2048.0,
        values: WindowValues::Gauge {
            min: 1.0,
            max: 2048.0,
            sum: 40.0,
            p50: 1.0,
            p90: 2.0,
            p99: f64::NAN,
        },
    };
    let mut counter = [
        series("requests_total", "counter", "a"),
        series("requests_total", "counter", "b"),
    ];
    for series in &mut counter {
        series.samples = (0..32).map(sample).collect();
    }
    let mut gauge = series("memory_bytes", "gauge", "a");
    gauge.windows = (0..6).map(window).collect();
    let [first, second] = counter;
    SeriesAnswer {
        series: vec![gauge, first, second],
        resolution: Some(Resolution::FiveMinutes),
        n_native_histograms: 0,
        left_out: Vec::new(),
    }
}

#[test]
fn people_get_a_line_for_each_series() {
    let query = SeriesQuery {
        from: Some(UnixMillis(NOON)),
        to: Some(UnixMillis(NOON + 32 * 60_000)),
        ..SeriesQuery::default()
    };
    let expected = "\
memory_bytes  (gauge)
  instance=\"a\" job=\"etcd\"
  What it is.
  value                             samples        min        max       last
  ▄    ▄    ▄    ▄    ▄    ▄            120         1B       2KiB       2KiB

requests_total  (counter)
  job=\"etcd\"
  What it is.
  rate                              samples   increase      per s       last
  ▁▁▁▁▁▂▂▂▂▃▃▃▄▄▄▄▅▅▅▅▆▆▆▆▇▇▇▇████       32        961     0.5167        961  instance=\"a\"
  ▁▁▁▁▁▂▂▂▂▃▃▃▄▄▄▄▅▅▅▅▆▆▆▆▇▇▇▇████       32        961     0.5167        961  instance=\"b\"

2026-11-21 12:00:00 to 2026-11-21 12:32:00 UTC, windows of 5 minutes, 3 series
";
    assert_eq!(
        table::render(&query, &answer(), table::Style::Plain),
        expected
    );
}

#[test]
fn programs_get_every_point() {
    let csv = export::csv(&answer());
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 6 + 2 * 32);
    assert_eq!(
        lines[1],
        r#""memory_bytes{instance=""a"",job=""etcd""}",1795262400000,5m,20,1,2048,1,2048,40,1,2,NaN,,"#
    );
    assert!(
        lines.iter().all(|line| line.matches(',').count() >= 13),
        "{csv}"
    );
    let json = export::json(&answer());
    assert_eq!(json[0]["windows"][0]["p99"], "NaN");
    assert_eq!(json[1]["samples"][2][1], 4.0);
    assert_eq!(json[1]["metric"]["instance"], "a");
}

#[test]
fn a_list_tells_metrics_and_label_values() {
    let expected = "\
memory_bytes    gauge          1 series  What it is.
requests_total  counter        2 series  What it is.
";
    assert_eq!(list::render(&answer(), false), expected);
    let listed = list::render(&answer(), true);
    assert!(listed.contains("  instance: \"a\", \"b\"\n"), "{listed}");
}

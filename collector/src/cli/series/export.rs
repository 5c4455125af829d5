//! Series for other programs.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use storage::archive::{Resolution, Sample, Series, SeriesAnswer, Window, WindowValues};

/// A heading and a line for each point; times in milliseconds since 1970. Three columns if there
/// are only raw samples.
pub(super) fn csv(answer: &SeriesAnswer) -> String {
    let is_raw = answer.series.iter().all(|series| series.windows.is_empty());
    let mut out = String::from(if is_raw {
        "series,time,value\n"
    } else {
        "series,time,resolution,count,first,last,min,max,sum,p50,p90,p99,increase,resets\n"
    });
    for series in &answer.series {
        let name = format!("\"{}\"", series.labels.to_string().replace('"', "\"\""));
        for Sample { time, value } in &series.samples {
            // A String takes every write.
            let _ = if is_raw {
                writeln!(out, "{name},{},{value}", time.0)
            } else {
                writeln!(out, "{name},{},raw,1,{value},{value},,,,,,,,", time.0)
            };
        }
        for window in &series.windows {
            let Window {
                time,
                resolution,
                count,
                first,
                last,
                ..
            } = window;
            let resolution = resolution_name(*resolution);
            let values = match window.values {
                WindowValues::Counter { increase, resets } => format!(",,,,,,{increase},{resets}"),
                WindowValues::Gauge {
                    min,
                    max,
                    sum,
                    p50,
                    p90,
                    p99,
                } => {
                    format!("{min},{max},{sum},{p50},{p90},{p99},,")
                }
            };
            let _ = writeln!(
                out,
                "{name},{},{resolution},{count},{first},{last},{values}",
                time.0
            );
        }
    }
    out
}

/// An array with an object for each series. Times are in milliseconds since 1970; what is no number
/// in JSON is a text, as in Prometheus.
pub(super) fn json(answer: &SeriesAnswer) -> Value {
    answer.series.iter().map(series).collect()
}

fn series(series: &Series) -> Value {
    let labels = series.labels.iter();
    let metric: Map<String, Value> = labels
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    let samples = series.samples.iter();
    let samples: Vec<Value> = samples
        .map(|sample| json!([sample.time.0, number(sample.value)]))
        .collect();
    let windows: Vec<Value> = series.windows.iter().map(window).collect();
    json!({
        "metric": metric,
        "kind": &*series.kind,
        "unit": &*series.unit,
        "samples": samples,
        "windows": windows,
    })
}

fn window(window: &Window) -> Value {
    let mut value = json!({
        "time": window.time.0,
        "resolution": resolution_name(window.resolution),
        "count": window.count,
        "first": number(window.first),
        "last": number(window.last),
    });
    let more = match window.values {
        WindowValues::Counter { increase, resets } => {
            json!({"increase": number(increase), "resets": resets})
        }
        WindowValues::Gauge {
            min,
            max,
            sum,
            p50,
            p90,
            p99,
        } => json!({
            "min": number(min), "max": number(max), "sum": number(sum),
            "p50": number(p50), "p90": number(p90), "p99": number(p99),
        }),
    };
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}

fn number(value: f64) -> Value {
    match value {
        f64::INFINITY => "+Inf".into(),
        f64::NEG_INFINITY => "-Inf".into(),
        value if value.is_nan() => "NaN".into(),
        value => value.into(),
    }
}

fn resolution_name(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Raw => "raw",
        Resolution::FiveMinutes => "5m",
        Resolution::OneHour => "1h",
    }
}

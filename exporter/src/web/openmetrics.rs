//! Our own metrics as OpenMetrics 1.0 text (github.com/prometheus/OpenMetrics, specification 1.0).

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

/// Content type of what [`encode`] writes.
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Writes the families, and the `# EOF` that tells a whole page from a cut one.
pub(super) fn encode(families: &[MetricFamily]) -> String {
    let mut out = String::new();
    for family in families {
        push_family(&mut out, family);
    }
    out.push_str("# EOF\n");
    out
}

fn push_family(out: &mut String, family: &MetricFamily) {
    // A counter's family is named without the `_total` that its samples carry; a counter that
    // was not given one at all can only be of unknown type.
    let (name, kind) = match family.get_field_type() {
        MetricType::COUNTER => match family.name().strip_suffix("_total") {
            Some(name) => (name, "counter"),
            None => (family.name(), "unknown"),
        },
        MetricType::GAUGE => (family.name(), "gauge"),
        MetricType::HISTOGRAM => (family.name(), "histogram"),
        MetricType::SUMMARY => (family.name(), "summary"),
        MetricType::UNTYPED => (family.name(), "unknown"),
    };
    out.push_str(&format!("# TYPE {name} {kind}\n"));
    if !family.help().is_empty() {
        out.push_str(&format!("# HELP {name} {}\n", escape(family.help())));
    }
    for metric in family.get_metric() {
        push_metric(out, family, metric);
    }
}

fn push_metric(out: &mut String, family: &MetricFamily, metric: &Metric) {
    let name = family.name();
    let mut line = |suffix: &str, extra: Option<(&str, f64)>, value: f64| {
        out.push_str(name);
        out.push_str(suffix);
        push_labels(out, metric.get_label(), extra);
        out.push_str(&format!(" {}\n", number(value)));
    };
    match family.get_field_type() {
        MetricType::COUNTER => line("", None, metric.get_counter().get_value()),
        MetricType::GAUGE => line("", None, metric.get_gauge().get_value()),
        MetricType::HISTOGRAM => {
            let histogram = metric.get_histogram();
            let finite = |bound: f64| bound != f64::INFINITY;
            for bucket in histogram
                .get_bucket()
                .iter()
                .filter(|b| finite(b.upper_bound()))
            {
                line(
                    "_bucket",
                    Some(("le", bucket.upper_bound())),
                    bucket.cumulative_count() as f64,
                );
            }
            let count = histogram.get_sample_count() as f64;
            line("_bucket", Some(("le", f64::INFINITY)), count);
            line("_count", None, count);
            line("_sum", None, histogram.get_sample_sum());
        }
        MetricType::SUMMARY => {
            let summary = metric.get_summary();
            for quantile in summary.get_quantile() {
                line(
                    "",
                    Some(("quantile", quantile.quantile())),
                    quantile.value(),
                );
            }
            line("_count", None, summary.sample_count() as f64);
            line("_sum", None, summary.sample_sum());
        }
        // The `prometheus` crate has no values of this type without its protobuf feature.
        MetricType::UNTYPED => {}
    }
}

fn push_labels(out: &mut String, labels: &[LabelPair], extra: Option<(&str, f64)>) {
    let own = labels
        .iter()
        .map(|pair| format!("{}=\"{}\"", pair.name(), escape(pair.value())));
    let extra = extra.map(|(name, value)| format!("{name}=\"{}\"", number(value)));
    let pairs: Vec<String> = own.chain(extra).collect();
    if !pairs.is_empty() {
        out.push_str(&format!("{{{}}}", pairs.join(",")));
    }
}

/// A number in its canonical form: whole ones with `.0`, as the specification wants of `le`.
fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => format!("{value:?}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\n', "\\n")
        .replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use prometheus::{Gauge, Histogram, HistogramOpts, IntCounterVec, Opts, Registry};

    use super::*;

    #[test]
    fn a_registry_is_written_as_openmetrics() {
        let registry = Registry::new();
        let counter = IntCounterVec::new(Opts::new("a_total", "With \"quotes\"."), &["k"]).unwrap();
        counter.with_label_values(&["v\\\n\""]).inc();
        let gauge = Gauge::new("b_bytes", "Gauge.").unwrap();
        gauge.set(f64::NAN);
        let options = HistogramOpts::new("c_seconds", "Histogram.").buckets(vec![0.5, 1.0]);
        let histogram = Histogram::with_opts(options).unwrap();
        histogram.observe(0.75);
        registry.register(Box::new(counter)).unwrap();
        registry.register(Box::new(gauge)).unwrap();
        registry.register(Box::new(histogram)).unwrap();
        let expected = r##"# TYPE a counter
# HELP a With \"quotes\".
a_total{k="v\\\n\""} 1.0
# TYPE b_bytes gauge
# HELP b_bytes Gauge.
b_bytes NaN
# TYPE c_seconds histogram
# HELP c_seconds Histogram.
c_seconds_bucket{le="0.5"} 0.0
c_seconds_bucket{le="1.0"} 1.0
c_seconds_bucket{le="+Inf"} 1.0
c_seconds_count 1.0
c_seconds_sum 0.75
# EOF
"##;
        assert_eq!(encode(&registry.gather()), expected);
    }
}

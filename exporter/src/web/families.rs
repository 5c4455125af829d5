//! Samples of many targets as families of one page: all series of a metric together.
//!
//! It knows gauges, counters and classic histograms: what is worked out here has nothing else.

use std::collections::BTreeMap;

use prometheus::proto::{
    Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType,
};
use proto::metrics::{Family, MetricBatch, MetricKind, Series, is_absent, is_stale};
use proto::{Labels, LabelsBuilder};

/// The live samples of `batches`, with all their labels, by name.
pub(super) fn of<'a>(batches: impl Iterator<Item = &'a MetricBatch>) -> Vec<MetricFamily> {
    let mut pages = BTreeMap::<String, Page>::new();
    for batch in batches {
        let live = batch
            .samples()
            .filter(|(.., value)| !is_stale(*value) && !is_absent(*value));
        for (series, _, value) in live {
            let family = batch.layout.family(series);
            let kind = family.map(|family| family.kind).unwrap_or_default();
            let name = match (kind, family) {
                (MetricKind::Histogram, Some(family)) => &family.name,
                _ => series.labels.metric_name(),
            };
            match pages.get_mut(name) {
                Some(page) => page.add(series, value),
                None => {
                    let mut page = Page::new(kind, family);
                    page.add(series, value);
                    pages.insert(name.to_owned(), page);
                }
            }
        }
    }
    let families = pages.into_iter();
    families.map(|(name, page)| page.finish(name)).collect()
}

/// A family in the making.
struct Page {
    kind: MetricKind,
    help: String,
    metrics: Vec<Metric>,
    /// Histograms by the labels that all series of one have.
    histograms: BTreeMap<Labels, Parts>,
}

/// The samples of one histogram.
#[derive(Default)]
struct Parts {
    /// Finite bounds, and counts.
    buckets: Vec<(f64, f64)>,
    sum: f64,
    count: f64,
}

impl Page {
    fn new(kind: MetricKind, family: Option<&Family>) -> Self {
        Self {
            kind,
            help: family.map_or_else(String::new, |family| family.help.clone()),
            metrics: Vec::new(),
            histograms: BTreeMap::new(),
        }
    }

    fn add(&mut self, series: &Series, value: f64) {
        if self.kind != MetricKind::Histogram {
            self.metrics.push(number(self.kind, series, value));
            return;
        }
        let name = series.labels.metric_name();
        let mut labels = LabelsBuilder::from(&series.labels);
        labels.remove("__name__").remove("le");
        let parts = self.histograms.entry(labels.build()).or_default();
        if name.ends_with("_sum") {
            parts.sum = value;
        } else if name.ends_with("_count") {
            parts.count = value;
        } else if let Some(Ok(bound)) = series.labels.get("le").map(str::parse::<f64>) {
            // Both encoders write the last bucket, which has no end, from the count.
            parts
                .buckets
                .extend(bound.is_finite().then_some((bound, value)));
        }
    }

    fn finish(mut self, name: String) -> MetricFamily {
        let histograms = self.histograms.into_iter();
        self.metrics
            .extend(histograms.map(|(labels, parts)| parts.metric(&labels)));
        let mut family = MetricFamily::default();
        family.set_name(name);
        family.set_help(self.help);
        family.set_field_type(match self.kind {
            MetricKind::Counter => MetricType::COUNTER,
            MetricKind::Histogram => MetricType::HISTOGRAM,
            _ => MetricType::GAUGE,
        });
        family.set_metric(self.metrics);
        family
    }
}

impl Parts {
    fn metric(mut self, labels: &Labels) -> Metric {
        self.buckets
            .sort_by(|(left, _), (right, _)| left.total_cmp(right));
        let buckets = self.buckets.into_iter().map(|(bound, count)| {
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound);
            bucket.set_cumulative_count(count as u64);
            bucket
        });
        let mut histogram = Histogram::default();
        histogram.set_bucket(buckets.collect());
        histogram.set_sample_sum(self.sum);
        histogram.set_sample_count(self.count as u64);
        let mut metric = Metric::default();
        metric.set_label(pairs(labels));
        metric.set_histogram(histogram);
        metric
    }
}

fn number(kind: MetricKind, series: &Series, value: f64) -> Metric {
    let mut metric = Metric::default();
    metric.set_label(pairs(&series.labels));
    if kind == MetricKind::Counter {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

fn pairs(labels: &Labels) -> Vec<LabelPair> {
    let own = labels.iter().filter(|(name, _)| *name != "__name__");
    let pairs = own.map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use prometheus::TextEncoder;
    use proto::metrics::{Layout, SeriesId};
    use proto::{Target, UnixMillis};

    use super::*;

    /// A counter and a histogram of a service.
    fn of_spans(job: &str, n_calls: f64) -> MetricBatch {
        let target = Target {
            labels: Labels::from_pairs([("job", job)]),
            scheme: proto::target::OF_SPANS.to_owned(),
            address: String::new(),
        };
        let family = |name: &str, kind| Family {
            name: name.to_owned(),
            kind,
            help: format!("Help of {name}."),
            ..Family::default()
        };
        let families = vec![
            family("calls", MetricKind::Counter),
            family("took_ms", MetricKind::Histogram),
        ];
        let series = [
            (0, "calls_total", ""),
            (1, "took_ms_bucket", "10"),
            (1, "took_ms_bucket", "2"),
            (1, "took_ms_bucket", "+Inf"),
            (1, "took_ms_sum", ""),
            (1, "took_ms_count", ""),
        ];
        let series = series.map(|(family_idx, name, le)| {
            let labels = Labels::from_pairs([("__name__", name), ("job", job), ("le", le)]);
            let id = SeriesId(labels.hash64());
            Series {
                id,
                labels,
                family_idx,
            }
        });
        let layout = Layout::new(Arc::new(target), families, series.into());
        let values = vec![n_calls, n_calls, 1.0, n_calls, 7.5, n_calls];
        MetricBatch::new(Arc::new(layout), UnixMillis(0), values)
    }

    #[test]
    fn counters_and_histograms_of_several_targets_are_one_family_each() {
        let batches = [of_spans("a", 2.0), of_spans("b", 3.0)];
        let families = of(batches.iter());
        let text = TextEncoder::new().encode_to_string(&families).unwrap();
        let expected = r#"# HELP calls_total Help of calls.
# TYPE calls_total counter
calls_total{job="a"} 2
calls_total{job="b"} 3
# HELP took_ms Help of took_ms.
# TYPE took_ms histogram
took_ms_bucket{job="a",le="2"} 1
took_ms_bucket{job="a",le="10"} 2
took_ms_bucket{job="a",le="+Inf"} 2
took_ms_sum{job="a"} 7.5
took_ms_count{job="a"} 2
took_ms_bucket{job="b",le="2"} 1
took_ms_bucket{job="b",le="10"} 3
took_ms_bucket{job="b",le="+Inf"} 3
took_ms_sum{job="b"} 7.5
took_ms_count{job="b"} 3
"#;
        assert_eq!(text, expected);
        let page = super::super::openmetrics::encode(&families);
        assert!(page.starts_with("# TYPE calls counter\n"), "{page}");
        assert!(page.contains("calls_total{job=\"a\"} 2.0\n"), "{page}");
        assert!(
            page.contains("took_ms_bucket{job=\"b\",le=\"+Inf\"} 3.0\n"),
            "{page}"
        );
    }
}

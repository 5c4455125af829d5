//! Gauges of many targets as families of one page: all series of a metric together.

use std::collections::BTreeMap;

use prometheus::proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType};
use proto::Labels;
use proto::metrics::{MetricBatch, Series, is_absent, is_stale};

/// The live samples of `batches`, with all their labels, by name.
pub(super) fn of<'a>(batches: impl Iterator<Item = &'a MetricBatch>) -> Vec<MetricFamily> {
    let mut families = BTreeMap::<&str, (&str, Vec<Metric>)>::new();
    for batch in batches {
        let live = batch
            .samples()
            .filter(|(.., value)| !is_stale(*value) && !is_absent(*value));
        for (series, _, value) in live {
            let help = batch
                .layout
                .family(series)
                .map_or("", |family| &family.help);
            let family = families.entry(series.labels.metric_name());
            let (_, metrics) = family.or_insert_with(|| (help, Vec::new()));
            metrics.push(metric(series, value));
        }
    }
    let families = families.into_iter().map(|(name, (help, metrics))| {
        let mut family = MetricFamily::default();
        family.set_name(name.to_owned());
        family.set_help(help.to_owned());
        family.set_field_type(MetricType::GAUGE);
        family.set_metric(metrics);
        family
    });
    families.collect()
}

fn metric(series: &Series, value: f64) -> Metric {
    let mut gauge = Gauge::default();
    gauge.set_value(value);
    let mut metric = Metric::default();
    metric.set_label(pairs(&series.labels));
    metric.set_gauge(gauge);
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

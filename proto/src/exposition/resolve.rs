//! From a series as the page writes it to its labels: the target's labels, relabelling, limits.

use std::borrow::Cow;
use std::sync::Arc;

use super::PageError;
use super::number;
use super::rules::{LabelConflict, PageRules};
use crate::labels::METRIC_NAME;
use crate::metrics::MetricKind;
use crate::{Labels, LabelsBuilder, Target};

/// A series as the page writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawSeries<'a> {
    pub(super) name: Cow<'a, str>,
    /// Pairs in the order of the page; each name once.
    pub(super) labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Works out the labels of series of one target.
#[derive(Debug)]
pub(super) struct Resolver {
    pub(super) target: Arc<Target>,
    pub(super) rules: PageRules,
}

impl Resolver {
    /// The labels of a series whose family is of `kind`; `None` if relabelling drops it.
    pub(super) fn resolve(
        &self,
        series: &RawSeries<'_>,
        kind: MetricKind,
    ) -> Result<Option<Labels>, PageError> {
        let mut builder = LabelsBuilder::default();
        builder.set(METRIC_NAME, &*series.name);
        for (name, value) in &series.labels {
            builder.set(&**name, canonical_value(kind, name, value));
        }
        match self.rules.honor_labels {
            LabelConflict::HonorMetric => self.add_missing(&mut builder, series),
            LabelConflict::HonorTarget => self.add_and_rename(&mut builder),
        }
        if !self
            .rules
            .series
            .as_ref()
            .is_none_or(|rules| rules.relabel(&mut builder))
        {
            return Ok(None);
        }
        let labels = builder.build();
        if labels.is_empty() {
            return Ok(None);
        }
        self.check(&labels)?;
        Ok(Some(labels))
    }

    /// A label that the page exposes with an empty value keeps the target's out, too: this is
    /// how a Pushgateway says "no instance".
    fn add_missing(&self, builder: &mut LabelsBuilder, series: &RawSeries<'_>) {
        for (name, value) in &self.target.labels {
            if !series.labels.iter().any(|(exposed, _)| exposed == name) {
                builder.set(name, value);
            }
        }
    }

    fn add_and_rename(&self, builder: &mut LabelsBuilder) {
        let mut conflicts = Vec::new();
        for (name, value) in &self.target.labels {
            let exposed = builder.get(name);
            if !exposed.is_empty() {
                conflicts.push((name, exposed.to_owned()));
            }
            builder.set(name, value);
        }
        // Shortest first, so that `a` takes `exported_a` before an exposed `exported_a` moves on.
        conflicts.sort_by_key(|(name, _)| name.len());
        for (name, exposed) in conflicts {
            let mut renamed = format!("exported_{name}");
            while !builder.get(&renamed).is_empty() {
                renamed.insert_str(0, "exported_");
            }
            builder.set(renamed, exposed);
        }
    }

    fn check(&self, labels: &Labels) -> Result<(), PageError> {
        let rules = &self.rules;
        let metric = labels.metric_name();
        if metric.is_empty() {
            return Err(PageError::NameMissing {
                labels: labels.clone(),
            });
        }
        let metric = || metric.to_owned();
        let (found, limit) = (labels.len(), rules.label_limit);
        if exceeds(found, limit) {
            return Err(PageError::LabelLimit {
                metric: metric(),
                found,
                limit,
            });
        }
        for (name, value) in labels {
            let (found, limit) = (name.len(), rules.label_name_length_limit);
            if exceeds(found, limit) {
                return Err(PageError::LabelNameLength {
                    metric: metric(),
                    found,
                    limit,
                });
            }
            let (found, limit) = (value.len(), rules.label_value_length_limit);
            if exceeds(found, limit) {
                let label = name.to_owned();
                return Err(PageError::LabelValueLength {
                    metric: metric(),
                    label,
                    found,
                    limit,
                });
            }
        }
        Ok(())
    }
}

/// Whether `found` is over `limit`, where 0 is no limit.
pub(super) fn exceeds(found: usize, limit: usize) -> bool {
    limit > 0 && found > limit
}

fn canonical_value<'a>(kind: MetricKind, name: &str, value: &'a str) -> Cow<'a, str> {
    let is_bound = match kind {
        MetricKind::Histogram | MetricKind::GaugeHistogram => name == "le",
        MetricKind::Summary => name == "quantile",
        _ => false,
    };
    match is_bound.then(|| number::parse(value.as_bytes())).flatten() {
        Some(bound) => Cow::Owned(number::label_form(bound)),
        None => Cow::Borrowed(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(target: &[(&str, &str)], rules: PageRules) -> Resolver {
        let labels = Labels::from_pairs(target.iter().copied());
        let target = Target {
            labels,
            scheme: "http".to_owned(),
            address: "h:1".to_owned(),
        };
        Resolver {
            target: Arc::new(target),
            rules,
        }
    }

    fn series<'a>(name: &'a str, labels: &[(&'a str, &'a str)]) -> RawSeries<'a> {
        let labels = labels
            .iter()
            .map(|(n, v)| (Cow::Borrowed(*n), Cow::Borrowed(*v)))
            .collect();
        RawSeries {
            name: name.into(),
            labels,
        }
    }

    fn check(resolver: &Resolver, exposed: &[(&str, &str)], expected: &str) {
        let labels = resolver
            .resolve(&series("m", exposed), MetricKind::Gauge)
            .unwrap()
            .unwrap();
        assert_eq!(labels.to_string(), expected);
    }

    #[test]
    fn conflicting_labels_of_the_page_are_kept_as_exported() {
        let resolver = resolver(&[("job", "j"), ("exported_job", "x")], PageRules::default());
        check(
            &resolver,
            &[("a", "1")],
            r#"m{a="1",exported_job="x",job="j"}"#,
        );
        check(
            &resolver,
            &[("job", "p"), ("exported_job", "q")],
            r#"m{exported_exported_exported_job="q",exported_exported_job="p",exported_job="x",job="j"}"#,
        );
    }

    #[test]
    fn honoured_labels_win_and_an_empty_one_keeps_the_targets_out() {
        let rules = PageRules {
            honor_labels: LabelConflict::HonorMetric,
            ..Default::default()
        };
        let resolver = resolver(&[("job", "j"), ("instance", "i")], rules);
        check(&resolver, &[("job", "p")], r#"m{instance="i",job="p"}"#);
        check(&resolver, &[("instance", "")], r#"m{job="j"}"#);
    }

    #[test]
    fn each_limit_names_what_is_over_it() {
        let exposed = series("metric", &[("label", "a value")]);
        let check = |rules: PageRules, reason: &str| {
            let error = resolver(&[], rules)
                .resolve(&exposed, MetricKind::Gauge)
                .unwrap_err();
            assert_eq!(error.reason(), reason);
        };
        check(
            PageRules {
                label_limit: 1,
                ..Default::default()
            },
            "label_limit",
        );
        check(
            PageRules {
                label_name_length_limit: 7,
                ..Default::default()
            },
            "label_name_length_limit",
        );
        check(
            PageRules {
                label_value_length_limit: 6,
                ..Default::default()
            },
            "label_value_length_limit",
        );
    }

    #[test]
    fn bounds_of_histograms_are_written_one_way() {
        let resolver = resolver(&[], PageRules::default());
        let resolve = |kind| {
            resolver
                .resolve(&series("m", &[("le", "10")]), kind)
                .unwrap()
                .unwrap()
        };
        assert_eq!(resolve(MetricKind::Histogram).get("le"), Some("10.0"));
        assert_eq!(resolve(MetricKind::Gauge).get("le"), Some("10"));
    }
}

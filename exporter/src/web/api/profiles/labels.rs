//! `GET /api/v1/profile/labels`: the labels of samples, such as the state of goroutines, and what each
//! value of them comes to.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use proto::profile::Profile;
use serde::Serialize;

use super::super::params::Params;
use super::super::{ApiError, Body};
use crate::web::App;

/// Values that are told of a label: the largest.
const MAX_VALUES: usize = 1000;

#[derive(Serialize)]
struct Answer {
    labels: Vec<Label>,
    left_out: Vec<String>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Label {
    name: String,
    values: Vec<Value>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Value {
    value: String,
    total: i64,
}

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ApiError> {
    let params = Params::of(&uri)?;
    let choice = super::choice(&params)?;
    let gzip = (&headers).into();
    let asked = app.questions.ask(move |recall| {
        let mut answer = Answer {
            labels: Vec::new(),
            left_out: Vec::new(),
        };
        if let Some(merged) = choice.merge(recall)? {
            answer.labels = labels(&merged.profile, |total| merged.facts.shared(total));
            answer.left_out = merged.facts.left_out;
        }
        Body::json(&answer, gzip)
    });
    asked.await
}

/// What the labels of a profile's one type come to, each sum put through `share`.
fn labels(profile: &Profile, share: impl Fn(i64) -> i64) -> Vec<Label> {
    let mut of_set = vec![0i64; profile.label_sets.len()];
    for (_, set, values) in profile.samples() {
        if let Some(sum) = of_set.get_mut(set.0 as usize) {
            *sum = sum.saturating_add(values.first().copied().unwrap_or(0));
        }
    }
    let mut labels: BTreeMap<&str, BTreeMap<String, i64>> = BTreeMap::new();
    for (set, sum) in profile.label_sets.iter().zip(of_set) {
        for label in set {
            let value = profile.label_text(label.value).into_owned();
            let values = labels.entry(profile.strings.get(label.key)).or_default();
            let total = values.entry(value).or_default();
            *total = total.saturating_add(sum);
        }
    }
    let labels = labels.into_iter().map(|(name, values)| {
        let values = values.into_iter().map(|(value, total)| Value {
            value,
            total: share(total),
        });
        let mut values: Vec<Value> = values.collect();
        values.sort_by_key(|value| Reverse(value.total));
        values.truncate(MAX_VALUES);
        Label {
            name: name.to_owned(),
            values,
        }
    });
    labels.collect()
}

#[cfg(test)]
mod tests {
    use proto::profile::{LabelValue, ProfileBuilder, SampleLabel};

    use super::*;

    #[test]
    fn every_value_has_its_sum_and_the_largest_is_first() {
        let mut builder = ProfileBuilder::new();
        builder.profile_mut().sample_types = vec![Default::default()];
        let (state, minutes, unit) = (
            builder.string("state"),
            builder.string("waits"),
            builder.string("minutes"),
        );
        let stack = builder.stack(&[]);
        for (text, number, value) in [("select", 1, 3), ("running", 2, 5), ("select", 2, 4)] {
            let text = builder.string(text);
            let labels = builder.label_set(&[
                SampleLabel {
                    key: state,
                    value: LabelValue::Str(text),
                },
                SampleLabel {
                    key: minutes,
                    value: LabelValue::Num(number, unit),
                },
            ]);
            builder.add_sample(stack, labels, &[value]);
        }
        let label = |name: &str, values: [(&str, i64); 2]| Label {
            name: name.to_owned(),
            values: values
                .map(|(value, total)| Value {
                    value: value.to_owned(),
                    total,
                })
                .into(),
        };
        let expected = [
            label("state", [("select", 7), ("running", 5)]),
            label("waits", [("2 minutes", 9), ("1 minutes", 3)]),
        ];
        assert_eq!(labels(&builder.finish(), |total| total), expected);
    }
}

//! `GET /pyroscope/render` and `/pyroscope/render-diff`: flame graphs as Pyroscope had them before its
//! query API, which Profiles Drilldown still asks for.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri};
use proto::profile::ProfileTypeId;
use proto::profile_ops::{DiffLevels, FlameTree, Levels};
use proto::selector::Selector;
use serde::Serialize;
use storage::archive::{Recall, TotalsQuery};

use super::connect::ConnectError;
use super::dot;
use super::select::{Stacktraces, compared};
use crate::web::App;
use crate::web::api::params::Params;
use crate::web::api::time::Range;
use crate::web::api::{ApiError, Body};
use crate::web::profiles::{Choice, Wanted};

/// Points of the timeline at most.
const POINTS: i64 = 1500;
/// Steps of the timeline are this long at least: Pyroscope's own. Milliseconds.
const LEAST_STEP: i64 = 15_000;
/// Functions in a graph unless it is told.
const DOT_NODES: u64 = 100;

/// A flame graph with what is said about it.
#[derive(Serialize)]
struct Profile {
    version: u32,
    flamebearer: Flamebearer,
    metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<Timeline>,
    #[serde(rename = "leftTicks", skip_serializing_if = "Option::is_none")]
    left_ticks: Option<i64>,
    #[serde(rename = "rightTicks", skip_serializing_if = "Option::is_none")]
    right_ticks: Option<i64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Flamebearer {
    names: Vec<String>,
    levels: Vec<Vec<i64>>,
    num_ticks: i64,
    max_self: i64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    /// `single` or `double`.
    format: &'static str,
    spy_name: &'static str,
    /// By what values are divided to be in `units`.
    sample_rate: u64,
    units: &'static str,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timeline {
    /// Seconds.
    start_time: i64,
    samples: Vec<i64>,
    /// Seconds.
    duration_delta: i64,
}

pub(super) async fn single(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ConnectError> {
    let params = Params::of(&uri)?;
    let choice = choice(&params, ["query", "from", "until"])?;
    let gzip = (&headers).into();
    match params.get("format").unwrap_or("json") {
        "json" => {
            let question = Stacktraces::all(choice, max_nodes(&params)?)?;
            let asked = app.questions.ask(move |recall| {
                let answer = rendered(recall, &question)?;
                Ok::<_, ConnectError>(Body::json(&answer, gzip)?)
            });
            asked.await
        }
        "dot" => {
            let max_nodes = max_nodes(&params)?.map_or(DOT_NODES, i64::unsigned_abs);
            let asked = app.questions.ask(move |recall| {
                let merged = choice.merge(recall)?;
                let tree = merged.map_or_else(FlameTree::default, |merged| merged.tree(&[]));
                let text = dot::write(&tree, usize::try_from(max_nodes).unwrap_or(usize::MAX));
                let text_type = HeaderValue::from_static("text/plain; charset=utf-8");
                Ok::<_, ConnectError>(Body::new(text.into_bytes(), text_type, gzip))
            });
            asked.await
        }
        other => Err(ConnectError::invalid(format!(
            "format is {other:?}: expected json or dot"
        ))),
    }
}

pub(super) async fn double(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ConnectError> {
    let params = Params::of(&uri)?;
    let max_nodes = max_nodes(&params)?;
    let left = choice(&params, ["leftQuery", "leftFrom", "leftUntil"])?;
    let right = choice(&params, ["rightQuery", "rightFrom", "rightUntil"])?;
    if left.type_id != right.type_id {
        let message = "leftQuery and rightQuery have to name the same type of profiles";
        return Err(ConnectError::invalid(message));
    }
    let gzip = (&headers).into();
    let asked = app.questions.ask(move |recall| {
        let type_id = left.type_id.clone();
        let (left, right) = (
            Stacktraces::all(left, max_nodes)?,
            Stacktraces::all(right, max_nodes)?,
        );
        let DiffLevels {
            names,
            levels,
            left_total,
            right_total,
            max_self,
        } = compared(recall, &left, &right)?;
        let answer = Profile {
            version: 1,
            flamebearer: Flamebearer {
                names,
                levels,
                num_ticks: left_total.saturating_add(right_total),
                max_self,
            },
            metadata: metadata(&type_id, "double"),
            timeline: None,
            left_ticks: Some(left_total),
            right_ticks: Some(right_total),
        };
        Ok::<_, ConnectError>(Body::json(&answer, gzip)?)
    });
    asked.await
}

fn rendered(recall: &Recall, question: &Stacktraces) -> Result<Profile, ConnectError> {
    let timeline = timeline(recall, &question.choice)?;
    let tree = question.tree(recall)?.unwrap_or_default();
    let Levels {
        names,
        levels,
        total,
        max_self,
    } = tree.bounded(question.max_nodes).levels();
    Ok(Profile {
        version: 1,
        flamebearer: Flamebearer {
            names,
            levels,
            num_ticks: total,
            max_self,
        },
        metadata: metadata(&question.choice.type_id, "single"),
        timeline: Some(timeline),
        left_ticks: None,
        right_ticks: None,
    })
}

/// What the profiles come to over time.
fn timeline(recall: &Recall, choice: &Choice) -> Result<Timeline, ConnectError> {
    let Range { from, to } = choice.range;
    let least = (choice.range.length() / POINTS).max(LEAST_STEP);
    let step_millis = (least / 1000) * 1000;
    let mut points: BTreeMap<i64, f64> = BTreeMap::new();
    if choice.wanted.may_be(&choice.type_id) {
        let totals = recall.profile_totals(&TotalsQuery {
            selection: choice.selection(),
            step_millis,
        })?;
        for (time, value) in totals.series.iter().flat_map(|series| &series.points) {
            *points.entry(time.0).or_default() += value;
        }
    }
    let starts = (0..).map(|idx| from.0 + idx * step_millis);
    let starts = starts.take_while(|start| *start < to.0);
    let samples = starts.map(|start| points.get(&start).map_or(0, |value| value.round() as i64));
    Ok(Timeline {
        start_time: from.0.div_euclid(1000),
        samples: samples.collect(),
        duration_delta: step_millis / 1000,
    })
}

/// What values are, in Pyroscope's words.
fn metadata(type_id: &ProfileTypeId, format: &'static str) -> Metadata {
    let (units, sample_rate) = match (&*type_id.sample_type, &*type_id.unit) {
        ("cpu", "nanoseconds") => ("samples", 1_000_000_000),
        ("delay", "nanoseconds") => ("lock_nanoseconds", 1),
        ("contentions", _) => ("lock_samples", 1),
        ("goroutine", _) => ("goroutines", 1),
        (_, "bytes") => ("bytes", 1),
        (_, "nanoseconds") => ("samples", 1_000_000_000),
        _ => ("objects", 1),
    };
    Metadata {
        format,
        spy_name: "unknown",
        sample_rate,
        units,
        name: type_id.sample_type.clone(),
    }
}

/// A query such as `process_cpu:cpu:nanoseconds:cpu:nanoseconds{service_name="etcd"}`, with its range.
fn choice(params: &Params, [query, from, until]: [&str; 3]) -> Result<Choice, ConnectError> {
    params.required(query)?;
    let wanted = Wanted::new(params.selector(query)?)?;
    let type_id = wanted.only_type().ok_or_else(|| {
        ConnectError::invalid(format!(
            "{query} names no type of profiles: write it before the braces"
        ))
    })?;
    let type_id = type_id
        .parse()
        .map_err(|error| ConnectError::invalid(format!("{query}: {error}")))?;
    let params = params.clone().with_numbers(&[from, until], in_millis);
    Ok(Choice {
        wanted: wanted.of_any_type(),
        type_id,
        range: params.range(from, until)?,
        samples: Selector::default(),
    })
}

fn max_nodes(params: &Params) -> Result<Option<i64>, ApiError> {
    for name in ["max-nodes", "maxNodes", "max_nodes"] {
        if let Some(max_nodes) = params.parsed(name)? {
            return Ok(Some(max_nodes));
        }
    }
    Ok(None)
}

/// Times that are too small to be milliseconds of a time in which there were profiles are seconds:
/// clients send both.
fn in_millis(time: i64) -> i64 {
    /// 1973 in milliseconds, 5138 in seconds.
    const MOST: i64 = 100_000_000_000;
    if (0..MOST).contains(&time) {
        time.saturating_mul(1000)
    } else {
        time
    }
}

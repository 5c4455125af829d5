//! Profiles merged, compared, and over time.

use std::collections::{BTreeMap, BTreeSet};

use proto::Labels;
use proto::profile::Profile;
use proto::profile_ops::{DiffLevels, DiffTree, FlameTree, Levels};
use proto::selector::Selector;
use storage::archive::{Recall, TotalsQuery};

use super::catalog::{pairs, range, selector};
use super::connect::{Answer, Code, Codec, ConnectError};
use super::messages::{
    DiffRequest, DiffResponse, FlameGraph, FlameGraphDiff, Level, Point, SelectMergeProfileRequest,
    SelectMergeStacktracesRequest, SelectMergeStacktracesResponse, SelectSeriesRequest,
    SelectSeriesResponse, Series, StackTraceSelector,
};
use super::pprof;
use crate::web::profiles::{Choice, Wanted, labels_of};

/// Nodes unless it is told (Pyroscope's own), and at most.
const DEFAULT_NODES: i64 = 8192;
pub(super) const MAX_NODES: i64 = 500_000;
/// Points of a series (as in Prometheus).
const MAX_POINTS: i64 = 11_000;

pub(super) fn merge_stacktraces(
    recall: &Recall,
    request: SelectMergeStacktracesRequest,
) -> Result<SelectMergeStacktracesResponse, ConnectError> {
    let question = Stacktraces::of(request)?;
    let Some(tree) = question.tree(recall)? else {
        return Ok(SelectMergeStacktracesResponse { flamegraph: None });
    };
    let Levels {
        names,
        levels,
        total,
        max_self,
    } = tree.bounded(question.max_nodes).levels();
    Ok(SelectMergeStacktracesResponse {
        flamegraph: Some(FlameGraph {
            names,
            levels: self::levels(levels),
            total,
            max_self,
        }),
    })
}

pub(super) fn diff(recall: &Recall, request: DiffRequest) -> Result<DiffResponse, ConnectError> {
    let missing = |name| ConnectError::invalid(format!("{name} is missing"));
    let left = request.left.ok_or_else(|| missing("left"))?;
    let right = request.right.ok_or_else(|| missing("right"))?;
    let (left, right) = (Stacktraces::of(left)?, Stacktraces::of(right)?);
    let DiffLevels {
        names,
        levels,
        left_total,
        right_total,
        max_self,
    } = compared(recall, &left, &right)?;
    Ok(DiffResponse {
        flamegraph: Some(FlameGraphDiff {
            names,
            levels: self::levels(levels),
            total: left_total.saturating_add(right_total),
            max_self,
            left_ticks: left_total,
            right_ticks: right_total,
        }),
    })
}

/// The calls of both sides over each other.
pub(super) fn compared(
    recall: &Recall,
    left: &Stacktraces,
    right: &Stacktraces,
) -> Result<DiffLevels, ConnectError> {
    let max_nodes = left.max_nodes.max(right.max_nodes);
    let (left, right) = (left.tree(recall)?, right.tree(recall)?);
    let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
    Ok(DiffTree::new(&left, &right).bounded(max_nodes).levels())
}

fn levels(levels: Vec<Vec<i64>>) -> Vec<Level> {
    let levels = levels.into_iter();
    levels.map(|values| Level { values }).collect()
}

/// A question for the calls of profiles.
pub(super) struct Stacktraces {
    pub(super) choice: Choice,
    /// What stacks begin with.
    calls: Vec<String>,
    pub(super) max_nodes: usize,
}

impl Stacktraces {
    fn of(request: SelectMergeStacktracesRequest) -> Result<Self, ConnectError> {
        check_no_ids(&request.profile_id_selector)?;
        let max_nodes = max_nodes(request.max_nodes)?;
        Ok(Self {
            choice: choice(
                &request.profile_type_id,
                &request.label_selector,
                request.start,
                request.end,
            )?,
            calls: calls(request.stack_trace_selector)?,
            max_nodes,
        })
    }

    /// The same of all stacks.
    pub(super) fn all(choice: Choice, max_nodes: Option<i64>) -> Result<Self, ConnectError> {
        Ok(Self {
            choice,
            calls: Vec::new(),
            max_nodes: self::max_nodes(max_nodes)?,
        })
    }

    pub(super) fn tree(&self, recall: &Recall) -> Result<Option<FlameTree>, ConnectError> {
        let merged = self.choice.merge(recall)?;
        Ok(merged.map(|merged| merged.tree(&self.calls)))
    }
}

/// A profile as `go tool pprof` reads it.
pub(super) struct Merged(Profile);

impl Answer for Merged {
    fn write(&self, codec: Codec) -> Result<Vec<u8>, ConnectError> {
        let bytes = proto::pprof::encode(&self.0);
        match codec {
            Codec::Proto => Ok(bytes),
            Codec::Json => codec_of_bytes(&bytes),
        }
    }
}

fn codec_of_bytes(bytes: &[u8]) -> Result<Vec<u8>, ConnectError> {
    let message: pprof::Profile = Codec::Proto.read(bytes)?;
    message.write(Codec::Json)
}

pub(super) fn merge_profile(
    recall: &Recall,
    request: SelectMergeProfileRequest,
) -> Result<Merged, ConnectError> {
    check_no_ids(&request.profile_id_selector)?;
    if !calls(request.stack_trace_selector)?.is_empty() {
        let message = "stacks cannot be chosen here: leave the stack trace selector empty";
        return Err(ConnectError::new(Code::Unimplemented, message));
    }
    let choice = choice(
        &request.profile_type_id,
        &request.label_selector,
        request.start,
        request.end,
    )?;
    let merged = choice.merge(recall)?;
    Ok(Merged(
        merged.map(|merged| merged.profile).unwrap_or_default(),
    ))
}

pub(super) fn series(
    recall: &Recall,
    request: SelectSeriesRequest,
) -> Result<SelectSeriesResponse, ConnectError> {
    if !calls(request.stack_trace_selector)?.is_empty() {
        let message = "totals are not kept by stack: leave the stack trace selector empty";
        return Err(ConnectError::new(Code::Unimplemented, message));
    }
    let choice = choice(
        &request.profile_type_id,
        &request.label_selector,
        request.start,
        request.end,
    )?;
    let step_millis = step_millis(request.step, choice.range.length())?;
    let mut groups: BTreeMap<Labels, BTreeMap<i64, f64>> = BTreeMap::new();
    if choice.wanted.may_be(&choice.type_id) {
        let totals = recall.profile_totals(&TotalsQuery {
            selection: choice.selection(),
            step_millis,
        })?;
        for series in totals.series {
            let labels = labels_of(&series.series);
            let kept = labels
                .iter()
                .filter(|(name, _)| request.group_by.iter().any(|wanted| wanted == name));
            let group = groups.entry(Labels::from_pairs(kept)).or_default();
            for (time, value) in series.points {
                *group.entry(time.0).or_default() += value;
            }
        }
    }
    let series = groups.into_iter().map(|(labels, points)| Series {
        labels: pairs(&labels),
        // A point of Pyroscope is what came before it.
        points: points
            .into_iter()
            .map(|(start, value)| Point {
                value,
                timestamp: start.saturating_add(step_millis),
            })
            .collect(),
    });
    let series = largest(series.collect(), request.limit)?;
    Ok(SelectSeriesResponse { series })
}

/// Those that come to the most, in order of their labels.
fn largest(mut series: Vec<Series>, limit: Option<i64>) -> Result<Vec<Series>, ConnectError> {
    let limit = match limit {
        None | Some(0) => return Ok(series),
        Some(limit) => usize::try_from(limit)
            .map_err(|_| ConnectError::invalid("limit has to be a positive number"))?,
    };
    let total = |series: &Series| -> f64 { series.points.iter().map(|point| point.value).sum() };
    let mut order: Vec<(usize, f64)> = series.iter().map(total).enumerate().collect();
    order.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let kept: BTreeSet<usize> = order.iter().take(limit).map(|(idx, _)| *idx).collect();
    let mut next = 0..;
    series.retain(|_| next.next().is_some_and(|idx| kept.contains(&idx)));
    Ok(series)
}

/// Seconds as a step of a range, which must not have too many. Milliseconds.
fn step_millis(step: f64, length: i64) -> Result<i64, ConnectError> {
    let invalid = || {
        let least = (length / MAX_POINTS + 1) as f64 / 1000.0;
        ConnectError::invalid(format!(
            "step is {step}: expected seconds, {least} at least for this range"
        ))
    };
    if !step.is_finite() || step <= 0.0 {
        return Err(invalid());
    }
    // Saturates: a longer step is as good as the whole range.
    let millis = ((step * 1000.0) as i64).clamp(1, length.max(1));
    if length / millis > MAX_POINTS {
        return Err(invalid());
    }
    Ok(millis)
}

/// One type of the profiles that a selector means, in a range.
fn choice(
    type_id: &str,
    label_selector: &str,
    start: i64,
    end: i64,
) -> Result<Choice, ConnectError> {
    let type_id = type_id.parse();
    let type_id = type_id.map_err(|error: proto::profile::ProfileTypeIdError| {
        ConnectError::invalid(error.to_string())
    })?;
    Ok(Choice {
        wanted: Wanted::new(selector(label_selector)?)?,
        type_id,
        range: range(start, end)?,
        samples: Selector::default(),
    })
}

fn max_nodes(asked: Option<i64>) -> Result<usize, ConnectError> {
    let max_nodes = match asked {
        None | Some(0) => DEFAULT_NODES,
        Some(asked) if (1..=MAX_NODES).contains(&asked) => asked,
        Some(asked) => {
            return Err(ConnectError::invalid(format!(
                "max_nodes is {asked}: expected a number from 1 to {MAX_NODES}"
            )));
        }
    };
    Ok(usize::try_from(max_nodes).unwrap_or(usize::MAX))
}

/// What stacks have to begin with.
fn calls(selector: Option<StackTraceSelector>) -> Result<Vec<String>, ConnectError> {
    let selector = selector.unwrap_or_default();
    if selector.go_pgo.is_some() {
        let message =
            "profiles for Go's PGO are not made here: ask for SelectMergeProfile without it";
        return Err(ConnectError::new(Code::Unimplemented, message));
    }
    let calls = selector.call_site.into_iter();
    Ok(calls.map(|call| call.name).collect())
}

fn check_no_ids(ids: &[String]) -> Result<(), ConnectError> {
    if ids.is_empty() {
        return Ok(());
    }
    let message = "single profiles have no ids of Pyroscope's here: choose by labels and time";
    Err(ConnectError::new(Code::Unimplemented, message))
}

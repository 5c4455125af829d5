//! `GET /api/v1/profile/diff`: the calls of two ranges over each other, and which functions changed.

use std::cmp::Reverse;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use proto::profile_ops::{DiffLevels, DiffRow, DiffTree, FlameTree, TopRow, compare_rows, top};
use serde::Serialize;
use storage::archive::{Recall, RecallError};

use super::super::params::Params;
use super::super::{ApiError, Body};
use crate::web::App;
use crate::web::profiles::{Choice, Facts};

/// Functions that are told.
const MAX_ROWS: usize = 500;

#[derive(Serialize)]
struct Answer {
    names: Vec<String>,
    /// Seven numbers a node: distance from the one before, total and own value on the left, the same
    /// on the right, name.
    levels: Vec<Vec<i64>>,
    left_total: i64,
    right_total: i64,
    max_self: i64,
    unit: String,
    is_delta: bool,
    /// What values of the left have to be multiplied by to be comparable with those of the right.
    scale: f64,
    left_captures: u64,
    right_captures: u64,
    left_out: Vec<String>,
    /// Those that changed most, if the left is scaled.
    table: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    name: String,
    left_self: i64,
    right_self: i64,
    left_total: i64,
    right_total: i64,
}

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ApiError> {
    let params = Params::of(&uri)?;
    let choices = super::sides(&params)?;
    let max_nodes = super::max_nodes(&params)?;
    let gzip = (&headers).into();
    let asked = app.questions.ask(move |recall| {
        let answer = answer(recall, &choices, max_nodes)?;
        Body::json(&answer, gzip)
    });
    asked.await
}

/// One side, without its profile.
struct Side {
    tree: FlameTree,
    rows: Vec<TopRow>,
    facts: Option<Facts>,
}

impl Side {
    fn of(recall: &Recall, choice: &Choice) -> Result<Self, RecallError> {
        let Some(merged) = choice.merge(recall)? else {
            return Ok(Self {
                tree: FlameTree::default(),
                rows: Vec::new(),
                facts: None,
            });
        };
        let mut rows = top(&merged.profile, 0, usize::MAX);
        for row in &mut rows {
            row.flat = merged.facts.shared(row.flat);
            row.cum = merged.facts.shared(row.cum);
        }
        Ok(Self {
            tree: merged.tree(&[]),
            rows,
            facts: Some(merged.facts),
        })
    }

    fn n_captures(&self) -> u64 {
        self.facts.as_ref().map_or(0, |facts| facts.n_captures)
    }
}

fn answer(recall: &Recall, choices: &[Choice; 2], max_nodes: usize) -> Result<Answer, RecallError> {
    let [left, right] = choices;
    let unit = left.type_id.unit.clone();
    let (left, right) = (Side::of(recall, left)?, Side::of(recall, right)?);
    let scale = scale(left.facts.as_ref(), right.facts.as_ref());
    let (left_captures, right_captures) = (left.n_captures(), right.n_captures());
    let facts = [&left.facts, &right.facts];
    let is_delta = facts
        .iter()
        .all(|facts| facts.as_ref().is_none_or(|facts| !facts.is_state));
    let tree = DiffTree::new(&left.tree, &right.tree).bounded(max_nodes);
    let DiffLevels {
        names,
        levels,
        left_total,
        right_total,
        max_self,
    } = tree.levels();
    let facts = left.facts.into_iter().chain(right.facts);
    Ok(Answer {
        names,
        levels,
        left_total,
        right_total,
        max_self,
        unit,
        is_delta,
        scale,
        left_captures,
        right_captures,
        left_out: facts.flat_map(|facts| facts.left_out).collect(),
        table: table(left.rows, right.rows, scale),
    })
}

/// Amounts are compared by the time that was profiled, if both sides tell; states as they are.
fn scale(left: Option<&Facts>, right: Option<&Facts>) -> f64 {
    match (left, right) {
        (Some(left), Some(right))
            if !left.is_state && left.duration_nanos > 0 && right.duration_nanos > 0 =>
        {
            right.duration_nanos as f64 / left.duration_nanos as f64
        }
        _ => 1.0,
    }
}

fn table(left: Vec<TopRow>, right: Vec<TopRow>, scale: f64) -> Vec<Row> {
    let mut rows = compare_rows(left, right, 1.0);
    let change = |[before, now]: [i64; 2]| (now as f64 - before as f64 * scale).abs();
    // Values are far below 2^53 or far apart.
    let key = |row: &DiffRow| (change(row.flat) as u64, change(row.cum) as u64);
    rows.retain(|row| key(row) != (0, 0));
    rows.sort_by_cached_key(|row| (Reverse(key(row)), row.function.clone()));
    rows.truncate(MAX_ROWS);
    let rows = rows.into_iter().map(|row| {
        let ([left_self, right_self], [left_total, right_total]) = (row.flat, row.cum);
        Row {
            name: row.function,
            left_self,
            right_self,
            left_total,
            right_total,
        }
    });
    rows.collect()
}

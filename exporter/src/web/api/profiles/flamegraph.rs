//! `GET /api/v1/profile/flamegraph`: the calls of merged profiles.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use proto::profile_ops::Levels;
use serde::Serialize;

use super::super::params::Params;
use super::super::{ApiError, Body};
use crate::web::App;

#[derive(Serialize)]
struct Answer {
    names: Vec<String>,
    /// Four numbers a node: distance from the one before, total, own value, name.
    levels: Vec<Vec<i64>>,
    total: i64,
    max_self: i64,
    unit: String,
    /// Whether values are what happened in the range. Otherwise they are states: the mean over the
    /// captures of each target, summed up over the targets.
    is_delta: bool,
    captures: u64,
    targets: u64,
    left_out: Vec<String>,
    from: i64,
    to: i64,
}

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ApiError> {
    let params = Params::of(&uri)?;
    let choice = super::choice(&params)?;
    let max_nodes = super::max_nodes(&params)?;
    let gzip = (&headers).into();
    let asked = app.questions.ask(move |recall| {
        let mut answer = Answer {
            names: Vec::new(),
            levels: Vec::new(),
            total: 0,
            max_self: 0,
            unit: choice.type_id.unit.clone(),
            is_delta: true,
            captures: 0,
            targets: 0,
            left_out: Vec::new(),
            from: choice.range.from.0,
            to: choice.range.to.0,
        };
        if let Some(merged) = choice.merge(recall)? {
            let tree = merged.tree(&[]);
            answer.is_delta = !merged.facts.is_state;
            answer.captures = merged.facts.n_captures;
            answer.targets = merged.facts.n_targets;
            answer.left_out = merged.facts.left_out;
            drop(merged.profile);
            let Levels {
                names,
                levels,
                total,
                max_self,
            } = tree.bounded(max_nodes).levels();
            (answer.names, answer.levels) = (names, levels);
            (answer.total, answer.max_self) = (total, max_self);
        }
        Body::json(&answer, gzip)
    });
    asked.await
}

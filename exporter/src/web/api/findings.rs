//! `GET /api/v1/findings?state&from&to&query&id`.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use proto::finding::{Finding, FindingId};
use serde_json::{Value, json};
use storage::archive::FindingQuery;

use super::params::Params;
use super::{ApiError, Body};
use crate::finding_json;
use crate::web::App;
use crate::web::profiles::told;

/// Changes of state of an answer at most, some kilobytes each.
const MAX_FINDINGS: usize = 10_000;

/// Which findings are asked for.
enum Asked {
    /// What is open now, however long ago it began.
    Open,
    /// Every change of state in a range.
    InRange(FindingQuery),
}

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ApiError> {
    let params = Params::of(&uri)?;
    let selector = params.selector("query")?;
    let asked = asked(&params)?;
    let gzip = (&headers).into();
    let answer = app.questions.ask(move |recall| {
        let found = match asked {
            Asked::Open => recall.open_findings(&selector)?,
            Asked::InRange(query) => recall.findings(&FindingQuery { selector, ..query })?,
        };
        let findings: Vec<Value> = found
            .findings
            .iter()
            .map(|finding| object(finding))
            .collect();
        let answer = json!({ "findings": findings, "left_out": told(&found.left_out) });
        Body::json(&answer, gzip)
    });
    answer.await
}

fn asked(params: &Params) -> Result<Asked, ApiError> {
    match params.get("state") {
        Some("open") => return Ok(Asked::Open),
        None | Some("all") => {}
        Some(other) => {
            let message = format!("state={other} is neither open nor all");
            return Err(ApiError::bad_request(message));
        }
    }
    let range = params.range("from", "to")?;
    let id = params.get("id").map(|id| {
        let known = FindingId::parse(id);
        known.ok_or_else(|| ApiError::bad_request("id is not sixteen hexadecimal digits"))
    });
    Ok(Asked::InRange(FindingQuery {
        from: Some(range.from),
        to: Some(range.to),
        id: id.transpose()?,
        limit: MAX_FINDINGS,
        ..FindingQuery::default()
    }))
}

/// A finding for scripts: numbers there have 53 bits, so ids are texts.
fn object(finding: &Finding) -> Value {
    let mut object = finding_json::object(finding);
    let captures = finding
        .captures
        .iter()
        .map(|id| id.cast_signed().to_string());
    if let Some(known) = object.get_mut("captures") {
        *known = captures.collect();
    }
    object
}

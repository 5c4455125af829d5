//! `/api/v1/profile/…`: profiles of the archive as JSON and as files.
//!
//! Common parameters: `query` (matchers in braces), `type` (a profile type id), `from` and `to`, and but
//! for totals `samples` (matchers of the labels of samples).

mod diff;
mod export;
mod flamegraph;
mod labels;
#[cfg(test)]
mod tests;
mod timeline;
mod types;

use axum::Router;
use axum::routing::get;
use proto::profile::ProfileTypeId;

use super::ApiError;
use super::params::Params;
use super::time::Range;
use crate::web::App;
use crate::web::profiles::{Choice, Wanted};

/// Nodes of a flame graph unless it is told, and at most.
const DEFAULT_NODES: u64 = 16_384;
const MAX_NODES: u64 = 500_000;

/// The paths.
pub(in crate::web) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/profile/types", get(types::get))
        .route("/api/v1/profile/flamegraph", get(flamegraph::get))
        .route("/api/v1/profile/diff", get(diff::get))
        .route("/api/v1/profile/timeline", get(timeline::get))
        .route("/api/v1/profile/labels", get(labels::get))
        .route("/api/v1/profile/export", get(export::get))
}

/// Whose profiles are meant.
fn wanted(params: &Params, name: &str) -> Result<Wanted, ApiError> {
    let wanted = Wanted::new(params.selector(name)?);
    wanted.map_err(|error| ApiError::bad_request(format!("{name}: {error}")))
}

/// The type that is asked for.
fn type_id(params: &Params) -> Result<ProfileTypeId, ApiError> {
    params.required("type")?;
    let type_id = params.parsed("type")?;
    type_id.ok_or_else(|| ApiError::bad_request("type is missing"))
}

fn choice(params: &Params) -> Result<Choice, ApiError> {
    Ok(Choice {
        wanted: wanted(params, "query")?,
        type_id: type_id(params)?,
        range: params.range("from", "to")?,
        samples: params.selector("samples")?,
    })
}

/// Both sides of a comparison. Each has its own range, and may have its own selector.
fn sides(params: &Params) -> Result<[Choice; 2], ApiError> {
    let side = |query: &str, from: &str, to: &str| {
        let query = if params.get(query).is_some() {
            query
        } else {
            "query"
        };
        let range: Range = params.range(from, to)?;
        Ok::<_, ApiError>(Choice {
            wanted: wanted(params, query)?,
            type_id: type_id(params)?,
            range,
            samples: params.selector("samples")?,
        })
    };
    Ok([
        side("left_query", "left_from", "left_to")?,
        side("right_query", "right_from", "right_to")?,
    ])
}

fn max_nodes(params: &Params) -> Result<usize, ApiError> {
    let max_nodes = params.number("max_nodes", DEFAULT_NODES, 1..=MAX_NODES)?;
    Ok(usize::try_from(max_nodes).unwrap_or(usize::MAX))
}

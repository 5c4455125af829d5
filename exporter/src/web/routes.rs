//! What is answered on which path.

use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::guard::{Gate, guard};
use super::{App, api, metrics_page, pages, pprof, pyroscope};

/// Paths of the pages: one document, which looks at the path.
const PAGES: [&str; 6] = [
    "/",
    "/profiles",
    "/signals",
    "/findings",
    "/archive",
    "/targets",
];

/// The router of all paths, behind the gate.
pub(super) fn router(app: App, gate: Gate) -> Router {
    let pages = PAGES.iter().fold(Router::new(), |router, path| {
        router.route(path, get(pages::document))
    });
    pages
        .route("/pages/{*path}", get(pages::asset))
        .route("/metrics", get(metrics_page::page))
        .route("/api/v1/targets", get(targets))
        .merge(api::routes())
        .route("/debug/pprof/", get(pprof_index))
        .route("/debug/pprof/profile", get(pprof::cpu))
        .route("/debug/pprof/heap", get(pprof::heap))
        .route("/-/healthy", get(healthy))
        .route("/-/ready", get(ready))
        .merge(api::profiles::routes())
        .merge(pyroscope::routes())
        .fallback(not_found)
        .layer(from_fn_with_state(gate, guard))
        .with_state(app)
}

/// The first value of `name` in the query, percent-decoded.
pub(super) fn query_value(uri: &Uri, name: &str) -> Option<String> {
    use axum::extract::Query;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
    pairs
        .into_iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value)
}

/// A full disk is no reason to start us again: the answer is 200, and says what is wrong.
async fn healthy(State(app): State<App>) -> String {
    match (app.faults)().as_slice() {
        [] => "leadsman is healthy\n".to_owned(),
        faults => format!("leadsman is degraded: {}\n", faults.join(", ")),
    }
}

async fn ready(State(app): State<App>) -> Response {
    match app.ready.load(Ordering::Acquire) {
        true => "leadsman is ready\n".into_response(),
        false => (StatusCode::SERVICE_UNAVAILABLE, "leadsman is starting\n").into_response(),
    }
}

async fn targets(State(app): State<App>) -> Response {
    match serde_json::to_vec(&(app.targets)()) {
        Ok(body) => {
            let json = HeaderValue::from_static("application/json");
            ([(header::CONTENT_TYPE, json)], body).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "failed to write the targets as JSON");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn pprof_index() -> &'static str {
    "profile?seconds=N: our CPU profile\nheap: our heap profile\n"
}

async fn not_found() -> Response {
    nothing_here()
}

pub(super) fn nothing_here() -> Response {
    (
        StatusCode::NOT_FOUND,
        "nothing is here; / lists what there is\n",
    )
        .into_response()
}

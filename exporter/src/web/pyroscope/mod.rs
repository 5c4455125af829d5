//! What Grafana asks of a Pyroscope: its data source and Profiles Drilldown get flame graphs from the
//! archive.
//!
//! | path | what it is |
//! |---|---|
//! | `POST /querier.v1.QuerierService/METHOD` | Pyroscope's query API over Connect, in protobuf and JSON |
//! | `POST /settings.v1.SettingsService/Get` | settings that clients keep: there are none |
//! | `GET /pyroscope/render`, `/pyroscope/render-diff` | flame graphs in Pyroscope's older form |
//!
//! The messages are those of Pyroscope's `api/querier/v1/querier.proto` and `api/types/v1/types.proto`,
//! as far as they are used. Values of states (memory in use, goroutines) are means over captures, those
//! of amounts (CPU) are sums.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod catalog;
pub(super) mod connect;
mod dot;
mod json;
pub(super) mod messages;
mod pprof;
mod render;
mod select;
#[cfg(test)]
mod tests;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};

use self::connect::{Call, Code, ConnectError};
use self::messages::GetSettingsResponse;
use super::App;

/// The paths.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/querier.v1.QuerierService/{method}", post(querier))
        .route("/settings.v1.SettingsService/{method}", post(settings))
        .route("/pyroscope/render", get(render::single))
        .route("/pyroscope/render-diff", get(render::double))
}

async fn querier(
    State(app): State<App>,
    Path(method): Path<String>,
    request: Request,
) -> Result<Response, ConnectError> {
    let call = Call::of(request).await?;
    match method.as_str() {
        "ProfileTypes" => call.answer(&app, catalog::profile_types).await,
        "LabelNames" => call.answer(&app, catalog::label_names).await,
        "LabelValues" => call.answer(&app, catalog::label_values).await,
        "Series" => call.answer(&app, catalog::series).await,
        "GetProfileStats" => call.answer(&app, catalog::profile_stats).await,
        "SelectSeries" => call.answer(&app, select::series).await,
        "SelectMergeStacktraces" => call.answer(&app, select::merge_stacktraces).await,
        "SelectMergeProfile" => call.answer(&app, select::merge_profile).await,
        "Diff" => call.answer(&app, select::diff).await,
        "SelectMergeSpanProfile" => Err(ConnectError::new(
            Code::Unimplemented,
            "profiles are not kept by span here: leave the span selector empty",
        )),
        _ => Err(ConnectError::new(
            Code::Unimplemented,
            format!("there is no method {method:?} here"),
        )),
    }
}

async fn settings(
    State(app): State<App>,
    Path(method): Path<String>,
    request: Request,
) -> Result<Response, ConnectError> {
    let call = Call::of(request).await?;
    if method != "Get" {
        let message = "settings are not kept here";
        return Err(ConnectError::new(Code::Unimplemented, message));
    }
    let none = |_: &_, _: messages::GetSettingsRequest| Ok(GetSettingsResponse {});
    call.answer(&app, none).await
}

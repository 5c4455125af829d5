//! `GET /metrics`: our own metrics, the signals of all targets and the metrics of spans, or with
//! `?target=` the latest samples of a target. With `?signals=off` only our own: so leadsman scrapes
//! itself, as it has the others already.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use prometheus::TextEncoder;

use super::live::LookupError;
use super::routes::query_value;
use super::{App, openmetrics};

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Smaller pages are not worth the time of compressing them.
const MIN_GZIP_BYTES: usize = 1 << 10;

/// `GET /metrics`.
pub(super) async fn page(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(target) = query_value(&uri, "target") {
        return target_page(&app, &target, &headers);
    }
    let mut families = app.registry.gather();
    if query_value(&uri, "signals").as_deref() != Some("off") {
        families.extend(app.live.derived());
    }
    if prefers_openmetrics(&headers) {
        return answer(
            openmetrics::CONTENT_TYPE,
            openmetrics::encode(&families).into(),
            &headers,
        );
    }
    match TextEncoder::new().encode_to_string(&families) {
        Ok(text) => answer(TEXT, text.into(), &headers),
        Err(error) => {
            tracing::error!(%error, "failed to write our own metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

fn target_page(app: &App, target: &str, headers: &HeaderMap) -> Response {
    match app.live.page(target) {
        Ok(page) => answer(TEXT, page.into(), headers),
        Err(error) => {
            let status = match error {
                LookupError::Unknown { .. } => StatusCode::NOT_FOUND,
                LookupError::Ambiguous { .. } => StatusCode::MULTIPLE_CHOICES,
            };
            (status, format!("{error}\n")).into_response()
        }
    }
}

fn answer(content_type: &'static str, body: Vec<u8>, headers: &HeaderMap) -> Response {
    let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    let vary = (
        header::VARY,
        HeaderValue::from_static("accept, accept-encoding"),
    );
    if takes_gzip(headers) && body.len() >= MIN_GZIP_BYTES {
        let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return ([content_type, vary, encoding], proto::compress::gzip(&body)).into_response();
    }
    ([content_type, vary], body).into_response()
}

/// Whether a client reads gzip.
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    best_quality(headers, header::ACCEPT_ENCODING, &["gzip", "*"]) > 0.0
}

/// Whether OpenMetrics is asked for by name, and not less than plain text.
fn prefers_openmetrics(headers: &HeaderMap) -> bool {
    let openmetrics = best_quality(headers, header::ACCEPT, &["application/openmetrics-text"]);
    let text = best_quality(headers, header::ACCEPT, &["text/plain", "text/*"]);
    openmetrics > 0.0 && openmetrics >= text
}

/// The highest weight (RFC 9110 §12.4.2) that a header gives to one of `names`; 0 without any.
fn best_quality(headers: &HeaderMap, header: header::HeaderName, names: &[&str]) -> f32 {
    let values = headers
        .get_all(header)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    let mut best = 0.0;
    for item in values.flat_map(|value| value.split(',')) {
        let mut parts = item.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        if names
            .iter()
            .any(|candidate| candidate.eq_ignore_ascii_case(name))
        {
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok());
            best = f32::max(best, quality.unwrap_or(1.0));
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_openmetrics(accept: &'static str, expected: bool) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        assert_eq!(prefers_openmetrics(&headers), expected, "{accept}");
    }

    #[test]
    fn openmetrics_is_chosen_only_where_it_is_asked_for() {
        // Prometheus 2.42.
        check_openmetrics(
            "application/openmetrics-text;version=1.0.0,\
             application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            true,
        );
        check_openmetrics("*/*", false);
        check_openmetrics("text/plain", false);
        check_openmetrics(
            "text/plain;q=0.9, application/openmetrics-text;q=0.1",
            false,
        );
        check_openmetrics("application/openmetrics-text;q=0", false);
        assert!(!prefers_openmetrics(&HeaderMap::new()));
    }
}

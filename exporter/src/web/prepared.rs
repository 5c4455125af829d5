//! Answers that do not change while we run.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::metrics_page::takes_gzip;

/// Scripts, styles and answers come from us alone, and nothing that is written into the document
/// runs: names of functions and labels come from outside.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    // Asked again each time, answered by the tag: a new leadsman has new answers at once.
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (header::VARY, HeaderValue::from_static("accept-encoding")),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// An answer that is the same for as long as we run: compressed once, and sent once to each client.
#[derive(Clone)]
pub struct Prepared {
    content_type: HeaderValue,
    tag: HeaderValue,
    plain: Bytes,
    gzip: Bytes,
}

impl Prepared {
    /// A body of a type.
    pub fn new(content_type: &'static str, body: Bytes) -> Self {
        // Only we compare it: another build may hash otherwise.
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let tag = format!("W/\"{:016x}\"", hasher.finish());
        Self {
            content_type: HeaderValue::from_static(content_type),
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("W/\"\"")),
            gzip: proto::compress::gzip(&body).into(),
            plain: body,
        }
    }

    /// The answer to a request with these headers.
    pub(super) fn answer(&self, headers: &HeaderMap) -> Response {
        let tag = (header::ETAG, self.tag.clone());
        let known = headers.get(header::IF_NONE_MATCH);
        if known.is_some_and(|known| lists(known, &self.tag)) {
            return (StatusCode::NOT_MODIFIED, HEADERS, [tag]).into_response();
        }
        let content_type = (header::CONTENT_TYPE, self.content_type.clone());
        if takes_gzip(headers) {
            let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            let body = self.gzip.clone();
            return (HEADERS, [tag, content_type, encoding], body).into_response();
        }
        (HEADERS, [tag, content_type], self.plain.clone()).into_response()
    }
}

/// Whether `If-None-Match` has a tag (RFC 9110 §13.1.2).
fn lists(known: &HeaderValue, tag: &HeaderValue) -> bool {
    let (Ok(known), Ok(tag)) = (known.to_str(), tag.to_str()) else {
        return false;
    };
    known
        .split(',')
        .map(str::trim)
        .any(|one| one == tag || one == "*")
}

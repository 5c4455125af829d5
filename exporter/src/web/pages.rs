//! The pages: one document for all of them, and the files that it loads. All are handed in.
//!
//! Does not know what the pages show: they ask the API, as anyone can.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::App;
use super::metrics_page::takes_gzip;

/// The document.
const INDEX: &str = "index.html";

/// Where its files are.
const PREFIX: &str = "/pages/";

/// Scripts, styles and answers come from us alone, and nothing that is written into the document
/// runs: names of functions and labels come from outside.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of every answer.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    // Asked again each time, answered by the tag: a new leadsman has new pages at once.
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

/// The files of the pages. Cheap to clone.
#[derive(Clone, Default)]
pub struct Pages {
    files: Arc<HashMap<&'static str, File>>,
}

/// A file, ready to be sent.
struct File {
    content_type: HeaderValue,
    tag: HeaderValue,
    plain: Bytes,
    gzip: Bytes,
}

impl Pages {
    /// Pages of files, each with its path below `/pages/`; the document is `index.html`.
    pub fn new(files: &'static [(&'static str, &'static [u8])]) -> Self {
        let files = files
            .iter()
            .map(|(path, body)| (*path, File::new(path, body)));
        Self {
            files: Arc::new(files.collect()),
        }
    }
}

impl File {
    fn new(path: &str, body: &'static [u8]) -> Self {
        // Only we compare it: another build may hash otherwise.
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let tag = format!("W/\"{:016x}\"", hasher.finish());
        Self {
            content_type: HeaderValue::from_static(content_type(path)),
            tag: HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("W/\"\"")),
            plain: Bytes::from_static(body),
            gzip: proto::compress::gzip(body).into(),
        }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
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

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, suffix)| suffix) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

/// `GET` of a page's path: the document.
pub(super) async fn document(State(app): State<App>, headers: HeaderMap) -> Response {
    file(&app, INDEX, &headers)
}

/// `GET /pages/…`.
pub(super) async fn asset(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    file(&app, path, &headers)
}

fn file(app: &App, path: &str, headers: &HeaderMap) -> Response {
    match app.pages.files.get(path) {
        Some(file) => file.answer(headers),
        None => super::routes::nothing_here(),
    }
}

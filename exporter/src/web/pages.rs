//! The pages: one document for all of them, and the files that it loads. All are handed in.
//!
//! Does not know what the pages show: they ask the API, as anyone can.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use bytes::Bytes;

use super::App;
use super::prepared::Prepared;

/// The document.
const INDEX: &str = "index.html";

/// Where its files are.
const PREFIX: &str = "/pages/";

/// Of files whose path says which version they are. They are for those who may see them only.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// The files of the pages. Cheap to clone.
#[derive(Clone, Default)]
pub struct Pages {
    files: Arc<HashMap<&'static str, Prepared>>,
    /// A folder that stands before the paths of files in the document: another one for other files, so
    /// that a browser need not ask for what it has. What modules import is relative to it.
    version: Arc<str>,
}

impl Pages {
    /// Pages of files, each with its path below `/pages/`; the document is `index.html`.
    pub fn new(files: &'static [(&'static str, &'static [u8])]) -> Self {
        // Only we compare it: another build may hash otherwise.
        let mut hasher = DefaultHasher::new();
        files.hash(&mut hasher);
        let version = format!("{:016x}", hasher.finish());
        let files = files.iter().map(|(path, body)| {
            let body = match *path {
                INDEX => versioned(body, &version),
                _ => Bytes::from_static(body),
            };
            (*path, Prepared::new(content_type(path), body))
        });
        Self {
            files: Arc::new(files.collect()),
            version: version.into(),
        }
    }
}

/// The document with the version in the paths of its files.
fn versioned(document: &[u8], version: &str) -> Bytes {
    let document = String::from_utf8_lossy(document);
    let path = format!("\"{PREFIX}{version}/");
    document.replace(&format!("\"{PREFIX}"), &path).into()
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

/// `GET /pages/…`, with the version or without.
pub(super) async fn asset(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().strip_prefix(PREFIX).unwrap_or_default();
    let of_version = path.strip_prefix(&*app.pages.version);
    let Some(path) = of_version.and_then(|path| path.strip_prefix('/')) else {
        return file(&app, path, &headers);
    };
    let mut response = file(&app, path, &headers);
    if response.status() != StatusCode::NOT_FOUND {
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, FOR_EVER);
    }
    response
}

fn file(app: &App, path: &str, headers: &HeaderMap) -> Response {
    match app.pages.files.get(path) {
        Some(file) => file.answer(headers),
        None => super::routes::nothing_here(),
    }
}

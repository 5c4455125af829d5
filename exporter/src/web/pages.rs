//! The pages: one document for all of them, and the files that it loads. All are handed in.
//!
//! Does not know what the pages show: they ask the API, as anyone can.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use bytes::Bytes;

use super::App;
use super::prepared::Prepared;

/// The document.
const INDEX: &str = "index.html";

/// Where its files are.
const PREFIX: &str = "/pages/";

/// The files of the pages. Cheap to clone.
#[derive(Clone, Default)]
pub struct Pages {
    files: Arc<HashMap<&'static str, Prepared>>,
}

impl Pages {
    /// Pages of files, each with its path below `/pages/`; the document is `index.html`.
    pub fn new(files: &'static [(&'static str, &'static [u8])]) -> Self {
        let files = files.iter().map(|(path, body)| {
            (
                *path,
                Prepared::new(content_type(path), Bytes::from_static(body)),
            )
        });
        Self {
            files: Arc::new(files.collect()),
        }
    }
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

//! Whether a connection was kept from an earlier request.
//!
//! A target may close a kept connection just when the next request is on its way. That says
//! nothing of the target, while the end of a new connection does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::http::Extensions;
use hyper_util::client::legacy::connect::CaptureConnection;

/// A mark on a connection: it has brought an answer.
#[derive(Clone, Debug, Default)]
pub(super) struct HasAnswered(Arc<AtomicBool>);

impl HasAnswered {
    /// Marks the connection of an answer with these extensions.
    pub(super) fn mark(extensions: &Extensions) {
        if let Some(Self(mark)) = extensions.get() {
            mark.store(true, Ordering::Relaxed);
        }
    }

    /// Whether the connection that a request went over had brought an answer before.
    pub(super) fn is_on(connection: &CaptureConnection) -> bool {
        let mut extensions = Extensions::new();
        if let Some(connected) = &*connection.connection_metadata() {
            connected.get_extras(&mut extensions);
        }
        let mark = extensions.get::<Self>();
        mark.is_some_and(|Self(mark)| mark.load(Ordering::Relaxed))
    }
}

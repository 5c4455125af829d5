//! Spans, as the archive keeps them. What OTLP says beyond that is in the record as it came.

use std::sync::Arc;

use crate::{Labels, UnixNanos};

/// One span of a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Whose it is.
    pub source: Arc<SpanSource>,
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub span_id: [u8; 8],
    /// The span that caused it; `None` for a root.
    pub parent_span_id: Option<[u8; 8]>,
    /// W3C `tracestate`; mostly empty.
    pub trace_state: String,
    /// What was done.
    pub name: String,
    /// Its part in a call.
    pub kind: SpanKind,
    /// When it began.
    pub start: UnixNanos,
    /// How long it took, nanoseconds; below zero where the sender's clock went back.
    pub duration_nanos: i64,
    /// How it ended.
    pub status: SpanStatus,
    /// Why, where it failed.
    pub status_message: String,
    /// What is known of it. Values that are no text are written as JSON.
    pub attributes: Labels,
    /// What happened in it.
    pub events: Vec<SpanEvent>,
    /// Other spans that it has to do with.
    pub links: Vec<SpanLink>,
}

/// Whose spans they are. Many share one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanSource {
    /// The resource's `service.name`, or empty.
    pub service: String,
    /// All attributes of the resource.
    pub resource: Labels,
    /// Name of the instrumentation scope: mostly a library.
    pub scope: String,
    /// Its version.
    pub scope_version: String,
}

/// What happened in a span.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanEvent {
    /// When.
    pub time: UnixNanos,
    /// What.
    pub name: String,
    /// What is known of it.
    pub attributes: Labels,
}

/// A span that another one has to do with. Its ids are as they came, of any length.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanLink {
    /// Its trace.
    pub trace_id: Vec<u8>,
    /// The span.
    pub span_id: Vec<u8>,
    /// What is known of the link.
    pub attributes: Labels,
}

/// The part a span has in a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanKind {
    /// Not said, or a part that came after this was written.
    #[default]
    Unspecified,
    /// Within a program.
    Internal,
    /// Answers a call.
    Server,
    /// Calls.
    Client,
    /// Puts a message into a queue.
    Producer,
    /// Takes one out.
    Consumer,
}

/// How a span ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanStatus {
    /// Not said; mostly it went well.
    #[default]
    Unset,
    /// Well.
    Ok,
    /// Not well.
    Error,
}

impl SpanKind {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::Internal => "internal",
            Self::Server => "server",
            Self::Client => "client",
            Self::Producer => "producer",
            Self::Consumer => "consumer",
        }
    }
}

impl SpanStatus {
    /// Its name in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unset => "unset",
            Self::Ok => "ok",
            Self::Error => "error",
        }
    }
}

impl Span {
    /// What it holds in memory, about, without its source. Bytes.
    pub fn n_bytes(&self) -> usize {
        let events = self.events.iter().map(|event| {
            size_of::<SpanEvent>() + event.name.len() + event.attributes.as_packed().len()
        });
        let links = self.links.iter().map(|link| {
            let ids = link.trace_id.len() + link.span_id.len();
            size_of::<SpanLink>() + ids + link.attributes.as_packed().len()
        });
        size_of::<Self>()
            + self.trace_state.len()
            + self.name.len()
            + self.status_message.len()
            + self.attributes.as_packed().len()
            + events.sum::<usize>()
            + links.sum::<usize>()
    }
}

impl SpanSource {
    /// What it holds in memory, about. Bytes.
    pub fn n_bytes(&self) -> usize {
        let texts = self.service.len() + self.scope.len() + self.scope_version.len();
        size_of::<Self>() + texts + self.resource.as_packed().len()
    }
}

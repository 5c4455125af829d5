//! Requests with spans that others send: bounded before they are decoded, and rid of spans that
//! nobody could find again.
//!
//! This module does not know how a request came, nor what becomes of it.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::{DecodeError, Message};

use crate::UnixNanos;
use crate::protobuf::{Fields, Value};

/// Levels of messages within messages that are gone into: lists in attributes have two each. The
/// decoder itself takes a hundred.
const MAX_DEPTH: usize = 64;

/// What a request may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Spans.
    pub n_spans: usize,
    /// Messages within it: spans, attributes, their values, and so on. An empty one takes two bytes
    /// of a request and a hundred times as many in memory.
    pub n_parts: usize,
    /// When a span may have begun.
    pub earliest: UnixNanos,
    /// The same.
    pub latest: UnixNanos,
}

/// Why a request is refused as a whole.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The bytes are not such a message.
    #[error("not an ExportTraceServiceRequest: {0}")]
    Malformed(&'static str),
    /// The same, as the decoder says it.
    #[error("not an ExportTraceServiceRequest: {0}")]
    Undecodable(DecodeError),
    /// It has too many spans.
    #[error("more than {0} spans in one request")]
    TooManySpans(usize),
    /// It has too many attributes and the like.
    #[error("more than {0} attributes, values, events and spans in one request")]
    TooManyParts(usize),
    /// Values are nested too deeply.
    #[error("attributes are nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
}

/// A request that is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedSpans {
    /// The encoded request without the rejected spans: as it came if there are none.
    pub bytes: Vec<u8>,
    /// Spans in it.
    pub n_spans: usize,
    /// Spans that were left out.
    pub rejected: RejectedSpans,
}

/// How many spans were left out, each for the first reason that holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RejectedSpans {
    /// The trace id is not 16 bytes, or all of them are zero.
    pub trace_id: usize,
    /// The span's id is not 8 bytes, or all of them are zero; or that of the parent is not 8 bytes.
    pub span_id: usize,
    /// It began too long ago, or in the future.
    pub time: usize,
}

impl RejectedSpans {
    /// The reasons with their names in metrics.
    pub fn reasons(&self) -> [(&'static str, usize); 3] {
        [
            ("trace_id", self.trace_id),
            ("span_id", self.span_id),
            ("time", self.time),
        ]
    }

    /// All of them.
    pub fn total(&self) -> usize {
        self.reasons().iter().map(|(_, n_spans)| n_spans).sum()
    }
}

/// Checks a request, and leaves out the spans without valid ids or with a start that cannot be.
///
/// # Errors
/// If the bytes are not such a request, or it is over a limit. Memory is bounded by the limits, not
/// by what the bytes say.
pub fn take_spans(request: Vec<u8>, limits: &RequestLimits) -> Result<ReceivedSpans, RequestError> {
    Counter {
        limits,
        n_spans: 0,
        n_parts: 0,
    }
    .count(Part::Request, &request, 0)?;
    let mut decoded =
        ExportTraceServiceRequest::decode(&*request).map_err(RequestError::Undecodable)?;
    let mut rejected = RejectedSpans::default();
    let mut n_spans = 0;
    for resource in &mut decoded.resource_spans {
        for scope in &mut resource.scope_spans {
            scope
                .spans
                .retain(|span| is_taken(span, limits, &mut rejected));
            n_spans += scope.spans.len();
        }
        resource.scope_spans.retain(|scope| !scope.spans.is_empty());
    }
    if rejected.total() == 0 {
        return Ok(ReceivedSpans {
            bytes: request,
            n_spans,
            rejected,
        });
    }
    let is_left = |scopes: &Vec<_>| !scopes.is_empty();
    decoded
        .resource_spans
        .retain(|resource| is_left(&resource.scope_spans));
    Ok(ReceivedSpans {
        bytes: decoded.encode_to_vec(),
        n_spans,
        rejected,
    })
}

fn is_taken(span: &Span, limits: &RequestLimits, rejected: &mut RejectedSpans) -> bool {
    let reason = if !is_id(&span.trace_id, 16) {
        &mut rejected.trace_id
    } else if !is_id(&span.span_id, 8) || !matches!(span.parent_span_id.len(), 0 | 8) {
        &mut rejected.span_id
    } else if !is_time(span.start_time_unix_nano, limits) {
        &mut rejected.time
    } else {
        return true;
    };
    *reason += 1;
    false
}

/// Of the right length and not all zeros (W3C Trace Context, "trace-id", "parent-id").
fn is_id(id: &[u8], len: usize) -> bool {
    id.len() == len && id.iter().any(|byte| *byte != 0)
}

fn is_time(nanos: u64, limits: &RequestLimits) -> bool {
    i64::try_from(nanos).is_ok_and(|nanos| (limits.earliest.0..=limits.latest.0).contains(&nanos))
}

/// A message of a request, as far as other messages are in it.
#[derive(Clone, Copy)]
enum Part {
    Request,
    ResourceSpans,
    Resource,
    Entity,
    ScopeSpans,
    Scope,
    Span,
    Event,
    Link,
    KeyValue,
    Value,
    Values,
    KeyValues,
    /// Nothing is in it, or only text.
    Leaf,
}

impl Part {
    /// What a field holds; `None` if it is no message (opentelemetry-proto 1.10).
    fn of(self, field: u64) -> Option<Self> {
        Some(match (self, field) {
            (Self::Request, 1) => Self::ResourceSpans,
            (Self::ResourceSpans, 1) => Self::Resource,
            (Self::ResourceSpans, 2) => Self::ScopeSpans,
            (Self::Resource, 3) => Self::Entity,
            (Self::Entity, 3 | 4) => Self::Leaf,
            (Self::ScopeSpans, 1) => Self::Scope,
            (Self::ScopeSpans, 2) => Self::Span,
            (Self::Span, 11) => Self::Event,
            (Self::Span, 13) => Self::Link,
            (Self::Span, 15) => Self::Leaf,
            (Self::Resource | Self::KeyValues, 1)
            | (Self::Scope | Self::Event, 3)
            | (Self::Span, 9)
            | (Self::Link, 4) => Self::KeyValue,
            (Self::KeyValue, 2) | (Self::Values, 1) => Self::Value,
            (Self::Value, 5) => Self::Values,
            (Self::Value, 6) => Self::KeyValues,
            _ => return None,
        })
    }
}

/// Counts what the decoder would make.
struct Counter<'a> {
    limits: &'a RequestLimits,
    n_spans: usize,
    n_parts: usize,
}

impl Counter<'_> {
    fn count(&mut self, part: Part, message: &[u8], depth: usize) -> Result<(), RequestError> {
        if depth > MAX_DEPTH {
            return Err(RequestError::TooDeep);
        }
        for field in Fields::of(message) {
            let (number, value) = field.map_err(RequestError::Malformed)?;
            let (Some(inner), Value::Bytes(bytes)) = (part.of(number), value) else {
                continue;
            };
            self.n_parts += 1;
            self.n_spans += usize::from(matches!(inner, Part::Span));
            if self.n_spans > self.limits.n_spans {
                return Err(RequestError::TooManySpans(self.limits.n_spans));
            }
            if self.n_parts > self.limits.n_parts {
                return Err(RequestError::TooManyParts(self.limits.n_parts));
            }
            if !matches!(inner, Part::Leaf) {
                self.count(inner, bytes, depth + 1)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

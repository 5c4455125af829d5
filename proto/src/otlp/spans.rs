//! Trace requests → spans of the model.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{self as otlp, status::StatusCode};
use prost::{DecodeError, Message};
use serde_json::Value as Json;

use super::resource::{self, SERVICE_NAME};
use crate::span::{Span, SpanEvent, SpanKind, SpanLink, SpanSource, SpanStatus};
use crate::{Labels, UnixNanos};

/// The spans of an encoded `ExportTraceServiceRequest`, in their order. Those without ids of the
/// right length are left out.
///
/// # Errors
/// The bytes are not such a request.
pub fn read_spans(request: &[u8]) -> Result<Vec<Span>, DecodeError> {
    let request = ExportTraceServiceRequest::decode(request)?;
    let mut spans = Vec::new();
    for of_resource in request.resource_spans {
        let resource = labels(of_resource.resource.unwrap_or_default());
        for of_scope in of_resource.scope_spans {
            let source = Arc::new(source(&resource, of_scope.scope.unwrap_or_default()));
            let read = of_scope.spans.into_iter();
            spans.extend(read.filter_map(|read| span(&source, read)));
        }
    }
    Ok(spans)
}

fn labels(resource: Resource) -> Labels {
    attributes(resource.attributes)
}

fn source(resource: &Labels, scope: InstrumentationScope) -> SpanSource {
    SpanSource {
        service: resource.get(SERVICE_NAME).unwrap_or_default().to_owned(),
        resource: resource.clone(),
        scope: scope.name,
        scope_version: scope.version,
    }
}

fn span(source: &Arc<SpanSource>, span: otlp::Span) -> Option<Span> {
    let status = span.status.unwrap_or_default();
    let start = nanos(span.start_time_unix_nano);
    Some(Span {
        source: Arc::clone(source),
        trace_id: span.trace_id.try_into().ok()?,
        span_id: span.span_id.try_into().ok()?,
        parent_span_id: span
            .parent_span_id
            .try_into()
            .ok()
            .filter(|id| *id != [0; 8]),
        trace_state: span.trace_state,
        name: span.name,
        kind: kind(span.kind),
        start,
        duration_nanos: nanos(span.end_time_unix_nano).0.saturating_sub(start.0),
        status: match StatusCode::try_from(status.code) {
            Ok(StatusCode::Ok) => SpanStatus::Ok,
            Ok(StatusCode::Error) => SpanStatus::Error,
            Ok(StatusCode::Unset) | Err(_) => SpanStatus::Unset,
        },
        status_message: status.message,
        attributes: attributes(span.attributes),
        events: span.events.into_iter().map(event).collect(),
        links: span.links.into_iter().map(link).collect(),
    })
}

fn kind(number: i32) -> SpanKind {
    match otlp::span::SpanKind::try_from(number).unwrap_or_default() {
        otlp::span::SpanKind::Unspecified => SpanKind::Unspecified,
        otlp::span::SpanKind::Internal => SpanKind::Internal,
        otlp::span::SpanKind::Server => SpanKind::Server,
        otlp::span::SpanKind::Client => SpanKind::Client,
        otlp::span::SpanKind::Producer => SpanKind::Producer,
        otlp::span::SpanKind::Consumer => SpanKind::Consumer,
    }
}

fn event(event: otlp::span::Event) -> SpanEvent {
    SpanEvent {
        time: nanos(event.time_unix_nano),
        name: event.name,
        attributes: attributes(event.attributes),
    }
}

fn link(link: otlp::span::Link) -> SpanLink {
    SpanLink {
        trace_id: link.trace_id,
        span_id: link.span_id,
        attributes: attributes(link.attributes),
    }
}

/// The greatest time there is for what is later.
fn nanos(time: u64) -> UnixNanos {
    UnixNanos(i64::try_from(time).unwrap_or(i64::MAX))
}

/// Attributes as text. Of a key that is there twice the last counts; one without a value, or with an
/// empty one, is left out.
fn attributes(pairs: Vec<KeyValue>) -> Labels {
    let pairs = pairs.into_iter();
    Labels::from_pairs(pairs.map(|pair| (pair.key, text(pair.value))))
}

/// Text as it is, everything else as in JSON.
fn text(value: Option<AnyValue>) -> String {
    match value.and_then(|value| value.value) {
        None => String::new(),
        Some(Value::StringValue(text)) => text,
        // JSON has no infinity, and none of what is no number.
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(value) => match json(value) {
            Json::String(text) => text,
            json => json.to_string(),
        },
    }
}

fn json(value: Value) -> Json {
    let one =
        |value: Option<AnyValue>| value.and_then(|value| value.value).map_or(Json::Null, json);
    match value {
        Value::StringValue(text) => text.into(),
        Value::BoolValue(flag) => flag.into(),
        Value::IntValue(number) => number.into(),
        Value::DoubleValue(number) => number.into(),
        Value::ArrayValue(array) => array
            .values
            .into_iter()
            .map(|value| one(Some(value)))
            .collect(),
        Value::KvlistValue(list) => {
            let pairs = list.values.into_iter();
            Json::Object(pairs.map(|pair| (pair.key, one(pair.value))).collect())
        }
        Value::BytesValue(bytes) => hex(&bytes).into(),
        // Only profiles have the table that it points into.
        Value::StringValueStrindex(_) => Json::Null,
    }
}

/// An encoded request of which [`read_spans`] makes these spans, each with a resource of its own: for data
/// that is made up.
pub fn write_spans(spans: &[Span]) -> Vec<u8> {
    let resource_spans = spans.iter().map(|span| {
        let source = &span.source;
        otlp::ResourceSpans {
            resource: Some(Resource {
                attributes: key_values(&source.resource),
                ..Resource::default()
            }),
            scope_spans: vec![otlp::ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: source.scope.clone(),
                    version: source.scope_version.clone(),
                    ..InstrumentationScope::default()
                }),
                spans: vec![written(span)],
                ..otlp::ScopeSpans::default()
            }],
            ..otlp::ResourceSpans::default()
        }
    });
    let resource_spans = resource_spans.collect();
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

fn written(span: &Span) -> otlp::Span {
    let end = span.start.0.saturating_add(span.duration_nanos);
    let parent = span.parent_span_id.as_ref();
    otlp::Span {
        trace_id: span.trace_id.to_vec(),
        span_id: span.span_id.to_vec(),
        trace_state: span.trace_state.clone(),
        parent_span_id: parent.map(|id| id.to_vec()).unwrap_or_default(),
        name: span.name.clone(),
        // Both count from 0 in the same order.
        kind: span.kind as i32,
        start_time_unix_nano: span.start.0.cast_unsigned(),
        end_time_unix_nano: end.cast_unsigned(),
        attributes: key_values(&span.attributes),
        events: span.events.iter().map(written_event).collect(),
        links: span.links.iter().map(written_link).collect(),
        status: Some(otlp::Status {
            message: span.status_message.clone(),
            code: span.status as i32,
        }),
        ..otlp::Span::default()
    }
}

fn written_event(event: &SpanEvent) -> otlp::span::Event {
    otlp::span::Event {
        time_unix_nano: event.time.0.cast_unsigned(),
        name: event.name.clone(),
        attributes: key_values(&event.attributes),
        ..Default::default()
    }
}

fn written_link(link: &SpanLink) -> otlp::span::Link {
    otlp::span::Link {
        trace_id: link.trace_id.clone(),
        span_id: link.span_id.clone(),
        attributes: key_values(&link.attributes),
        ..Default::default()
    }
}

fn key_values(labels: &Labels) -> Vec<KeyValue> {
    let pairs = labels.iter();
    pairs
        .map(|(key, value)| resource::text(key, value))
        .collect()
}

/// Hexadecimal digits, two a byte: how people write ids.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits
        .filter_map(|digit| DIGITS.get(usize::from(digit)))
        .collect()
}

#[cfg(test)]
mod tests;

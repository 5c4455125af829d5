//! Spans as calls: of whom, of what, how it ended and how long it took. Everything else in a trace
//! request (attributes, events, links) is stepped over, not decoded.
//!
//! It does not know what is counted of them, nor where the bytes come from.

use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::{common::v1::any_value::Value, trace::v1::status::StatusCode};
use prost::{DecodeError, Message};

use super::resource::SERVICE_NAME;

pub use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
pub use opentelemetry_proto::tonic::trace::v1::status::StatusCode as CallStatus;

/// The service of spans whose resource has no name (OpenTelemetry's semantic conventions, resource,
/// `service.name`).
pub const UNKNOWN_SERVICE: &str = "unknown_service";

/// A finished span, as far as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// The `service.name` of its resource, or [`UNKNOWN_SERVICE`].
    pub service: &'a str,
    /// The span's name.
    pub name: &'a str,
    /// Which side of a call it is; unspecified where the number is none of OTLP's.
    pub kind: SpanKind,
    /// How it ended; unset where the number is none of OTLP's.
    pub status: CallStatus,
    /// Nanoseconds from start to end; 0 where the end is before the start.
    pub nanos: u64,
}

/// Hands each span of an encoded `ExportTraceServiceRequest` to `each`, in order.
///
/// # Errors
/// The bytes are not such a request; then nothing was handed out.
pub fn each_call(request: &[u8], mut each: impl FnMut(Call<'_>)) -> Result<(), DecodeError> {
    let request = Request::decode(request)?;
    for resource in &request.resource_spans {
        let service = service_of(resource.resource.as_ref());
        let scopes = resource.scope_spans.iter();
        for span in scopes.flat_map(|scope| &scope.spans) {
            each(call(service, span));
        }
    }
    Ok(())
}

fn call<'a>(service: &'a str, span: &'a Span) -> Call<'a> {
    let status = span.status.as_ref().map_or(0, |status| status.code);
    Call {
        service,
        name: &span.name,
        kind: SpanKind::try_from(span.kind).unwrap_or(SpanKind::Unspecified),
        status: StatusCode::try_from(status).unwrap_or(StatusCode::Unset),
        nanos: span.end_nanos.saturating_sub(span.start_nanos),
    }
}

fn service_of(resource: Option<&Resource>) -> &str {
    let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
    let named = attributes.iter().find(|one| one.key == SERVICE_NAME);
    match named.and_then(|one| one.value.as_ref()?.value.as_ref()) {
        Some(Value::StringValue(name)) if !name.is_empty() => name,
        _ => UNKNOWN_SERVICE,
    }
}

/// `ExportTraceServiceRequest` with the fields that are read here (opentelemetry-proto 1.10,
/// collector/trace/v1/trace_service.proto and trace/v1/trace.proto).
#[derive(Clone, PartialEq, Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
struct ScopeSpans {
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_nanos: u64,
    #[prost(fixed64, tag = "8")]
    end_nanos: u64,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::trace::v1 as otlp;
    use proptest::prelude::*;

    use super::super::resource::text;
    use super::*;

    /// A request of one service with these spans in a scope of their own each.
    fn request(service: Option<&str>, spans: Vec<otlp::Span>) -> ExportTraceServiceRequest {
        let attributes = service.map(|name| text(SERVICE_NAME, name));
        let resource = Resource {
            attributes: [text("host.name", "a")]
                .into_iter()
                .chain(attributes)
                .collect(),
            ..Default::default()
        };
        let scope_spans = spans.into_iter().map(|span| otlp::ScopeSpans {
            spans: vec![span],
            ..Default::default()
        });
        ExportTraceServiceRequest {
            resource_spans: vec![otlp::ResourceSpans {
                resource: Some(resource),
                scope_spans: scope_spans.collect(),
                ..Default::default()
            }],
        }
    }

    /// A span with everything that is stepped over.
    fn span(name: &str, kind: i32, code: i32, times: [u64; 2]) -> otlp::Span {
        otlp::Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            parent_span_id: vec![3; 8],
            trace_state: "a=b".to_owned(),
            name: name.to_owned(),
            kind,
            start_time_unix_nano: times[0],
            end_time_unix_nano: times[1],
            attributes: vec![text("http.url", "http://a/")],
            events: vec![otlp::span::Event {
                name: "an event".to_owned(),
                ..Default::default()
            }],
            links: vec![otlp::span::Link::default()],
            status: Some(otlp::Status {
                message: "why".to_owned(),
                code,
            }),
            flags: 1,
            dropped_attributes_count: 4,
            ..Default::default()
        }
    }

    /// What is handed out, as (service, name, kind, status, nanoseconds).
    fn calls(
        request: &ExportTraceServiceRequest,
    ) -> Vec<(String, String, SpanKind, CallStatus, u64)> {
        let mut calls = Vec::new();
        let bytes = request.encode_to_vec();
        each_call(&bytes, |call| {
            let (service, name) = (call.service.to_owned(), call.name.to_owned());
            calls.push((service, name, call.kind, call.status, call.nanos));
        })
        .expect("valid");
        calls
    }

    #[test]
    fn a_span_is_a_call_of_its_service() {
        let spans = vec![
            span("pull", 2, 2, [1_000, 3_500]),
            span("get", 3, 0, [5, 5]),
        ];
        let of = |name: &str, kind, status, nanos| {
            (
                "containerd".to_owned(),
                name.to_owned(),
                kind,
                status,
                nanos,
            )
        };
        assert_eq!(
            calls(&request(Some("containerd"), spans)),
            [
                of("pull", SpanKind::Server, CallStatus::Error, 2_500),
                of("get", SpanKind::Client, CallStatus::Unset, 0),
            ]
        );
    }

    #[test]
    fn what_is_missing_or_makes_no_sense_is_unknown() {
        let unknown = |name: &str| {
            let (service, name) = (UNKNOWN_SERVICE.to_owned(), name.to_owned());
            (service, name, SpanKind::Unspecified, CallStatus::Unset, 0)
        };
        for service in [None, Some("")] {
            let spans = vec![span("a", 77, -1, [9, 2])];
            assert_eq!(calls(&request(service, spans)), [unknown("a")]);
        }
        let bare = ExportTraceServiceRequest {
            resource_spans: vec![otlp::ResourceSpans {
                scope_spans: vec![otlp::ScopeSpans {
                    spans: vec![otlp::Span::default()],
                    ..Default::default()
                }],
                ..Default::default()
            }],
        };
        assert_eq!(calls(&bare), [unknown("")]);
        assert_eq!(calls(&ExportTraceServiceRequest::default()), []);
    }

    #[test]
    fn of_what_is_no_request_nothing_is_handed_out() {
        let mut bytes = request(Some("a"), vec![span("b", 1, 0, [0, 1])]).encode_to_vec();
        bytes.truncate(bytes.len() - 1);
        let mut n_calls = 0;
        assert!(each_call(&bytes, |_| n_calls += 1).is_err());
        assert_eq!(n_calls, 0);
    }

    proptest! {
        #[test]
        fn it_sees_what_a_whole_decoder_sees(
            spans in prop::collection::vec((".{0,20}", -2i32..8, -2i32..5, any::<[u64; 2]>()), 0..20),
        ) {
            let whole: Vec<_> = spans.iter().map(|(n, k, c, t)| span(n, *k, *c, *t)).collect();
            let seen = calls(&request(Some("s"), whole.clone()));
            let expected = whole.iter().map(|span| (
                "s".to_owned(), span.name.clone(), span.kind(),
                span.status.as_ref().map_or(CallStatus::Unset, otlp::Status::code),
                span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano),
            ));
            prop_assert_eq!(seen, expected.collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_a_request_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = each_call(&bytes, |_| {});
        }
    }
}

//! Trace requests, which are passed on as they came: counted, and divided where they are too long.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::{DecodeError, Message};

use super::Fragment;

/// Divides an encoded `ExportTraceServiceRequest` into fragments of at most `max_message_bytes`,
/// unless a single span is longer. One that fits keeps its bytes as they are.
///
/// # Errors
/// The bytes are not such a request.
pub fn to_fragments(
    request: &[u8],
    max_message_bytes: usize,
) -> Result<Vec<Fragment>, DecodeError> {
    let decoded = ExportTraceServiceRequest::decode(request)?;
    if request.len() <= max_message_bytes {
        let n_items = decoded.resource_spans.iter().map(n_spans).sum();
        return Ok(vec![Fragment {
            bytes: request.to_vec(),
            n_items,
        }]);
    }
    let mut fragments = Vec::new();
    for resource in decoded.resource_spans {
        divide(resource, max_message_bytes, &mut fragments);
    }
    Ok(fragments)
}

fn n_spans(resource: &ResourceSpans) -> usize {
    resource
        .scope_spans
        .iter()
        .map(|scope| scope.spans.len())
        .sum()
}

fn divide(resource: ResourceSpans, limit: usize, fragments: &mut Vec<Fragment>) {
    let n_items = n_spans(&resource);
    let request = ExportTraceServiceRequest {
        resource_spans: vec![resource],
    };
    if n_items <= 1 || request.encoded_len() <= limit {
        fragments.push(Fragment {
            bytes: request.encode_to_vec(),
            n_items,
        });
        return;
    }
    for resource in request.resource_spans {
        let (front, back) = halves(resource, n_items / 2);
        divide(front, limit, fragments);
        divide(back, limit, fragments);
    }
}

/// The first `n_front` spans, and the rest.
fn halves(mut resource: ResourceSpans, n_front: usize) -> (ResourceSpans, ResourceSpans) {
    let mut back = ResourceSpans {
        resource: resource.resource.clone(),
        schema_url: resource.schema_url.clone(),
        scope_spans: Vec::new(),
    };
    let mut room = n_front;
    for scope in &mut resource.scope_spans {
        let n_kept = room.min(scope.spans.len());
        room -= n_kept;
        let mut rest = scope.clone();
        rest.spans = scope.spans.split_off(n_kept);
        back.scope_spans.push(rest);
    }
    resource.scope_spans.retain(|scope| !scope.spans.is_empty());
    back.scope_spans.retain(|scope| !scope.spans.is_empty());
    (resource, back)
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};

    use super::*;

    fn request(n_spans: usize) -> Vec<u8> {
        let span = |idx| Span {
            name: format!("span {idx}"),
            ..Default::default()
        };
        let scope = |spans: Vec<Span>| ScopeSpans {
            spans,
            ..Default::default()
        };
        let spans: Vec<_> = (0..n_spans).map(span).collect();
        let (front, back) = spans.split_at(n_spans / 3);
        let scope_spans = vec![scope(front.to_vec()), scope(back.to_vec())];
        let resource_spans = vec![ResourceSpans {
            scope_spans,
            ..Default::default()
        }];
        ExportTraceServiceRequest { resource_spans }.encode_to_vec()
    }

    #[test]
    fn a_request_that_fits_is_passed_on_as_it_is() {
        let bytes = request(5);
        let fragments = to_fragments(&bytes, 1 << 20).expect("valid");
        assert_eq!(fragments, [Fragment { bytes, n_items: 5 }]);
    }

    #[test]
    fn a_longer_one_is_divided_without_losing_a_span() {
        let bytes = request(100);
        let fragments = to_fragments(&bytes, 200).expect("valid");
        assert!(fragments.iter().all(|fragment| fragment.bytes.len() <= 200));
        assert_eq!(
            fragments
                .iter()
                .map(|fragment| fragment.n_items)
                .sum::<usize>(),
            100
        );
        let joined: Vec<u8> = fragments.iter().flat_map(|f| f.bytes.clone()).collect();
        let names = |bytes: &[u8]| -> Vec<String> {
            let request = ExportTraceServiceRequest::decode(bytes).expect("valid");
            let scopes = request
                .resource_spans
                .into_iter()
                .flat_map(|r| r.scope_spans);
            scopes
                .flat_map(|scope| scope.spans)
                .map(|span| span.name)
                .collect()
        };
        assert_eq!(names(&joined), names(&bytes));
    }

    #[test]
    fn what_is_not_a_request_is_refused() {
        assert!(to_fragments(b"\xff\xff", 100).is_err());
    }
}

//! Which format a page is in.

/// An exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text 0.0.4 (and 1.0.0, which only adds quoted UTF-8 names).
    Text,
    /// OpenMetrics text 0.0.1 and 1.0.0.
    OpenMetrics,
    /// `io.prometheus.client.MetricFamily` messages, each behind its length as a varint.
    Protobuf,
}

impl Format {
    /// The Accept header to send. Protobuf comes first, as in a Prometheus 3 that scrapes native
    /// histograms: no other format carries them.
    pub const ACCEPT: &str = "application/vnd.google.protobuf;\
        proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
        application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
        application/openmetrics-text;version=0.0.1;q=0.4,\
        text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
        text/plain;version=0.0.4;q=0.2,*/*;q=0.1";

    /// The format a `Content-Type` header names; `None` if it is no exposition format.
    pub fn from_content_type(header: &str) -> Option<Self> {
        let mut parts = header.split(';').map(str::trim);
        let media_type = parts.next()?.to_ascii_lowercase();
        match media_type.as_str() {
            "text/plain" => Some(Self::Text),
            "application/openmetrics-text" => Some(Self::OpenMetrics),
            "application/vnd.google.protobuf" => parts
                .any(|part| part.eq_ignore_ascii_case("encoding=delimited"))
                .then_some(Self::Protobuf),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_content_type(header: &str, expected: Option<Format>) {
        assert_eq!(Format::from_content_type(header), expected, "{header}");
    }

    #[test]
    fn content_types_of_real_targets_are_recognised() {
        check_content_type(
            "text/plain; version=0.0.4; charset=utf-8",
            Some(Format::Text),
        );
        check_content_type("Text/Plain", Some(Format::Text));
        check_content_type(
            "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores",
            Some(Format::OpenMetrics),
        );
        check_content_type(
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; \
             encoding=delimited; escaping=values",
            Some(Format::Protobuf),
        );
        check_content_type("application/vnd.google.protobuf; encoding=text", None);
        check_content_type("text/html", None);
        check_content_type("", None);
    }
}

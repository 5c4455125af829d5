//! What is asked of a target, and what it answers.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use hyper::Uri;

use super::FetchError;

/// Where a target listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `host:port` in clear text.
    Http(String),
    /// `host:port` over TLS.
    Https(String),
    /// A unix socket; HTTP/1.1 in clear text.
    Unix(PathBuf),
}

impl Endpoint {
    /// From a target's scheme (`http`, `https`, `unix`) and its address; the scheme's port is
    /// added where there is none, so that equal endpoints compare equal.
    ///
    /// # Errors
    /// The scheme is another one.
    pub fn new(scheme: &str, address: &str) -> Result<Self, FetchError> {
        match scheme {
            "http" => Ok(Self::Http(with_port(address, 80))),
            "https" => Ok(Self::Https(with_port(address, 443))),
            "unix" => Ok(Self::Unix(PathBuf::from(address))),
            _ => Err(FetchError::Url {
                url: format!("{scheme}://{address}"),
            }),
        }
    }

    /// Whether it is on this machine, so that compressing a body would cost more than it saves.
    pub fn is_local(&self) -> bool {
        let address = match self {
            Self::Unix(_) => return true,
            Self::Http(address) | Self::Https(address) => address,
        };
        let host = address
            .rsplit_once(':')
            .map_or(address.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }

    /// What a server is told in `Host`.
    pub(super) fn host(&self) -> &str {
        match self {
            Self::Http(address) | Self::Https(address) => address,
            Self::Unix(_) => "localhost",
        }
    }

    /// The URI of a resource there; the scheme of a socket's is `http`.
    ///
    /// # Errors
    /// The address is none that a URI can hold.
    pub(super) fn uri(&self, path_and_query: &str) -> Result<Uri, FetchError> {
        let scheme = match self {
            Self::Http(_) | Self::Unix(_) => "http",
            Self::Https(_) => "https",
        };
        Uri::builder()
            .scheme(scheme)
            .authority(self.host())
            .path_and_query(path_and_query)
            .build()
            .map_err(|_| FetchError::Url {
                url: format!("{self}{path_and_query}"),
            })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(address) => write!(f, "http://{address}"),
            Self::Https(address) => write!(f, "https://{address}"),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// One GET.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to.
    pub endpoint: Endpoint,
    /// The path, starting with `/`, with a query of its own if it has one.
    pub path: String,
    /// The query's parameters, not yet encoded.
    pub params: Vec<(String, String)>,
    /// The `Accept` header.
    pub accept: Cow<'static, str>,
    /// Longest time for all of it: connecting, redirects, the whole body.
    pub timeout: Duration,
    /// Largest body, before and after decompression. Bytes.
    pub body_limit: usize,
}

impl Request {
    /// Path and query, encoded.
    pub fn path_and_query(&self) -> String {
        let mut out = String::with_capacity(self.path.len() + 16 * self.params.len());
        if !self.path.starts_with('/') {
            out.push('/');
        }
        push_encoded(&mut out, &self.path, b"/-._~!$&'()*+,;=:@%?[]");
        for (name, value) in &self.params {
            out.push(if out.contains('?') { '&' } else { '?' });
            push_encoded(&mut out, name, b"-._~[]");
            out.push('=');
            push_encoded(&mut out, value, b"-._~");
        }
        out
    }
}

/// A complete answer with a status of 200…299.
#[derive(Clone, Debug)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// The `Content-Type` header, or the empty string.
    pub content_type: String,
    /// The body, with its `Content-Encoding` undone.
    pub body: Bytes,
    /// Bytes of the body as they came over the wire.
    pub wire_bytes: usize,
}

fn with_port(address: &str, default: u16) -> String {
    let after_host = address.rsplit_once(']').map_or(address, |(_, rest)| rest);
    if after_host.contains(':') {
        address.to_owned()
    } else {
        format!("{address}:{default}")
    }
}

/// Percent-encodes all but ASCII letters, digits and `kept` (RFC 3986, section 2).
fn push_encoded(out: &mut String, text: &str, kept: &[u8]) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || kept.contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, params: &[(&str, &str)]) -> Request {
        Request {
            endpoint: Endpoint::Http("h:1".into()),
            path: path.into(),
            params: params
                .iter()
                .map(|(n, v)| ((*n).into(), (*v).into()))
                .collect(),
            accept: "*/*".into(),
            timeout: Duration::from_secs(1),
            body_limit: 1,
        }
    }

    #[test]
    fn path_and_query_are_encoded() {
        let pq = |path, params| request(path, params).path_and_query();
        assert_eq!(pq("/metrics", &[]), "/metrics");
        assert_eq!(pq("metrics", &[]), "/metrics");
        assert_eq!(pq("/a b", &[]), "/a%20b");
        assert_eq!(
            pq("/goroutine?debug=1", &[("x", "y")]),
            "/goroutine?debug=1&x=y"
        );
        assert_eq!(
            pq("/p", &[("match[]", "{a=\"ü\"}"), ("seconds", "5")]),
            "/p?match[]=%7Ba%3D%22%C3%BC%22%7D&seconds=5"
        );
    }

    #[test]
    fn only_this_machine_is_local() {
        let is_local = |address: &str| Endpoint::Http(address.into()).is_local();
        assert!(is_local("127.0.0.1:2379") && is_local("[::1]:80") && is_local("localhost:1"));
        assert!(!is_local("10.0.0.1:80") && !is_local("example.com:80") && !is_local("[::2]:1"));
    }

    #[test]
    fn the_port_of_the_scheme_is_added() {
        let shown = |scheme, address| Endpoint::new(scheme, address).unwrap().to_string();
        assert_eq!(shown("http", "h"), "http://h:80");
        assert_eq!(shown("https", "[::1]"), "https://[::1]:443");
        assert_eq!(shown("https", "[::1]:2379"), "https://[::1]:2379");
    }

    #[test]
    fn another_scheme_is_refused() {
        assert!(Endpoint::new("ftp", "h:1").is_err());
    }
}

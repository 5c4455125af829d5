//! Which host a request may be meant for.
//!
//! A page of a stranger can make its own name mean 127.0.0.1 (DNS rebinding) and then ask us from a
//! browser on this machine, past the rule that only its own host may be asked. The name that it was
//! asked by is in the request. So where nothing but the loopback address keeps strangers out, requests
//! are answered that name an address, `localhost`, or the host of [`WebOptions::external_url`].

use axum::extract::Request;
use axum::http::Uri;
use axum::http::header;
use axum::http::uri::Authority;

use super::WebOptions;

/// The names by which we may be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    /// All: credentials, a certificate, or somebody's decision keep strangers out.
    Any,
    /// Addresses, `localhost`, and this name.
    Local(Option<String>),
}

impl Hosts {
    pub(super) fn of(options: &WebOptions) -> Self {
        let access = &options.access;
        if !options.listen.ip().is_loopback() || access.asks() || access.tls.is_some() {
            return Self::Any;
        }
        let url = options.external_url.as_deref();
        let url = url.and_then(|url| url.parse::<Uri>().ok());
        Self::Local(url.and_then(|url| url.host().map(str::to_owned)))
    }

    /// The name that a request is meant for, if we are not asked by it.
    pub(super) fn refused(&self, request: &Request) -> Option<String> {
        let Self::Local(own) = self else {
            return None;
        };
        let host = host(request)?;
        let is_own = own
            .as_ref()
            .is_some_and(|own| own.eq_ignore_ascii_case(&host));
        (!is_own && !is_local(&host)).then_some(host)
    }
}

/// The host of a request, without its port. Browsers always tell one.
fn host(request: &Request) -> Option<String> {
    if let Some(host) = request.uri().host() {
        return Some(host.to_owned());
    }
    let told = request.headers().get(header::HOST)?;
    let authority = Authority::try_from(told.as_bytes());
    // What is no host is none of ours.
    let host = authority.map_or_else(|_| "?".to_owned(), |authority| authority.host().to_owned());
    Some(host)
}

fn is_local(host: &str) -> bool {
    let is_address = host.parse::<std::net::Ipv4Addr>().is_ok() || host.starts_with('[');
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    is_address || host == "localhost" || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::auth::{Credentials, SecretSource};
    use crate::listen::Access;
    use crate::web::tests::options;

    fn request(uri: &str, host: Option<&str>) -> Request {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        request.body(Body::empty()).unwrap()
    }

    #[track_caller]
    fn check(host: &str, expected: Option<&str>) {
        let options = WebOptions {
            external_url: Some("https://Leadsman.example.com:8443/a".to_owned()),
            ..options()
        };
        let refused = Hosts::of(&options).refused(&request("/metrics", Some(host)));
        assert_eq!(refused.as_deref(), expected, "{host}");
    }

    #[test]
    fn addresses_localhost_and_the_external_name_are_answered() {
        for host in [
            "127.0.0.1:7171",
            "10.1.2.3",
            "[::1]:7171",
            "localhost:7171",
            "LOCALHOST.",
            "a.localhost",
            "leadsman.example.com",
        ] {
            check(host, None);
        }
    }

    #[test]
    fn other_names_are_not() {
        check("evil.example:7171", Some("evil.example"));
        check("localhost.evil.example", Some("localhost.evil.example"));
        check("127.0.0.1.evil.example", Some("127.0.0.1.evil.example"));
        check(
            "leadsman.example.com.evil",
            Some("leadsman.example.com.evil"),
        );
        check("a b", Some("?"));
    }

    #[test]
    fn an_authority_counts_before_the_header_and_none_is_answered() {
        let hosts = Hosts::of(&options());
        let refused = hosts.refused(&request("http://evil/metrics", Some("127.0.0.1")));
        assert_eq!(refused.as_deref(), Some("evil"));
        assert_eq!(hosts.refused(&request("/metrics", None)), None);
    }

    #[test]
    fn where_strangers_are_kept_out_otherwise_every_name_will_do() {
        let access = Access {
            credentials: vec![Credentials::Token {
                scheme: "Bearer".to_owned(),
                token: SecretSource::Inline("s".to_owned()),
            }],
            ..Access::default()
        };
        let asks = WebOptions {
            access,
            ..options()
        };
        assert_eq!(Hosts::of(&asks), Hosts::Any);
        let elsewhere = WebOptions {
            listen: ([10, 0, 0, 1], 0).into(),
            ..options()
        };
        assert_eq!(Hosts::of(&elsewhere), Hosts::Any);
        assert_eq!(Hosts::of(&options()), Hosts::Local(None));
    }
}

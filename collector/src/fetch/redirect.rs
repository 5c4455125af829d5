//! Where a redirect leads, and what may go with it.

use hyper::Uri;

use super::{Endpoint, FetchError};

/// The next hop of a redirect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) endpoint: Endpoint,
    pub(super) path_and_query: String,
}

/// Resolves a `Location` header against the request it answers (RFC 3986, section 5.2, as far as
/// servers use it: absolute, without a scheme, from the root, and relative to the folder).
pub(super) fn resolve(
    endpoint: &Endpoint,
    path_and_query: &str,
    location: &str,
) -> Result<Hop, FetchError> {
    let location = location.split('#').next().unwrap_or("");
    let refused = |why| FetchError::Redirect {
        to: shown(location),
        why,
    };
    if let Some(rest) = location.strip_prefix("//") {
        let scheme = match endpoint {
            Endpoint::Http(_) => "http",
            Endpoint::Https(_) => "https",
            Endpoint::Unix(_) => return Err(refused("it leaves the unix socket")),
        };
        return absolute(&format!("{scheme}://{rest}")).ok_or_else(|| refused("not a url"));
    }
    if location.contains("://") {
        if matches!(endpoint, Endpoint::Unix(_)) {
            return Err(refused("it leaves the unix socket"));
        }
        return absolute(location).ok_or_else(|| refused("not an http url"));
    }
    let path = path_and_query.split('?').next().unwrap_or("/");
    let path_and_query = match location.chars().next() {
        None => return Err(refused("no location")),
        Some('/') => location.to_owned(),
        Some('?') => format!("{path}{location}"),
        Some(_) => format!(
            "{}/{location}",
            path.rsplit_once('/').map_or("", |(dir, _)| dir)
        ),
    };
    Ok(Hop {
        endpoint: endpoint.clone(),
        path_and_query,
    })
}

fn absolute(location: &str) -> Option<Hop> {
    let uri: Uri = location.parse().ok()?;
    let (host, port) = (uri.host()?, uri.port_u16());
    let endpoint = match uri.scheme_str()? {
        "http" => Endpoint::Http(format!("{host}:{}", port.unwrap_or(80))),
        "https" => Endpoint::Https(format!("{host}:{}", port.unwrap_or(443))),
        _ => return None,
    };
    let path_and_query = uri
        .path_and_query()
        .map_or("/", |pq| pq.as_str())
        .to_owned();
    Some(Hop {
        endpoint,
        path_and_query,
    })
}

/// As much of an untrusted header as a message can bear; a query may hold a token.
fn shown(location: &str) -> String {
    let plain = location.split('?').next().unwrap_or("");
    plain
        .chars()
        .filter(|c| !c.is_control())
        .take(200)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(location: &str, expected: &str) {
        let from = Endpoint::Http("a:80".into());
        let hop = resolve(&from, "/dir/page?x=1", location).expect(location);
        assert_eq!(
            format!("{}{}", hop.endpoint, hop.path_and_query),
            expected,
            "{location}"
        );
    }

    #[test]
    fn locations_resolve_as_in_a_browser() {
        check("/root?y=2", "http://a:80/root?y=2");
        check("other", "http://a:80/dir/other");
        check("?z=3", "http://a:80/dir/page?z=3");
        check("https://b/path#part", "https://b:443/path");
        check("//b:8080", "http://b:8080/");
        check("http://a/again", "http://a:80/again");
    }

    #[test]
    fn what_is_not_http_is_refused() {
        let from = Endpoint::Http("a:80".into());
        for location in ["file:///etc/passwd", "ftp://a/b", "http://", ""] {
            assert!(resolve(&from, "/", location).is_err(), "{location}");
        }
    }

    #[test]
    fn a_redirect_cannot_leave_a_unix_socket() {
        let from = Endpoint::Unix("/run/a.sock".into());
        assert!(resolve(&from, "/", "http://127.0.0.1/").is_err());
        assert!(resolve(&from, "/", "//127.0.0.1/").is_err());
        assert_eq!(
            resolve(&from, "/", "/b").map(|hop| hop.path_and_query).ok(),
            Some("/b".into())
        );
    }
}

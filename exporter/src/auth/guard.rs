//! Who may use our own endpoints.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Credentials;

/// Accepts a request that carries one of a set of credentials.
#[derive(Debug)]
pub struct Guard {
    accepted: Vec<Accepted>,
}

#[derive(Debug)]
struct Accepted {
    credentials: Credentials,
    /// Strangers may come a thousand times a second: it is said once that they cannot be read.
    is_unreadable: AtomicBool,
}

impl Guard {
    /// A guard that accepts any of `accepted`; everyone if there are none.
    pub fn new(accepted: Vec<Credentials>) -> Self {
        let accepted = accepted.into_iter().map(|credentials| Accepted {
            credentials,
            is_unreadable: AtomicBool::new(false),
        });
        Self {
            accepted: accepted.collect(),
        }
    }

    /// Whether everyone is let in.
    pub fn is_open(&self) -> bool {
        self.accepted.is_empty()
    }

    /// Whether a request with this `Authorization` header is let in. Secrets are compared in a
    /// time that depends on their length alone, and an unreadable secret lets nobody in.
    pub fn admits(&self, authorization: Option<&[u8]>) -> bool {
        if self.is_open() {
            return true;
        }
        let Some((scheme, secret)) = authorization.and_then(split_scheme) else {
            return false;
        };
        // Every credential is compared, so that the time does not tell which one came close.
        self.accepted.iter().fold(false, |found, accepted| {
            found | accepted.matches(scheme, secret)
        })
    }

    /// The challenge of a 401 answer (RFC 9110 §11.6.1): the schemes that would be accepted.
    pub fn challenge(&self) -> String {
        let mut challenges: Vec<String> = self.accepted.iter().map(Accepted::challenge).collect();
        challenges.sort_unstable();
        challenges.dedup();
        challenges.join(", ")
    }
}

impl Accepted {
    fn challenge(&self) -> String {
        match &self.credentials {
            Credentials::Basic { .. } => r#"Basic realm="leadsman", charset="UTF-8""#.to_owned(),
            Credentials::Token { scheme, .. } => format!(r#"{scheme} realm="leadsman""#),
        }
    }

    fn matches(&self, scheme: &[u8], secret: &[u8]) -> bool {
        let parts = self.credentials.parts();
        let was_unreadable = self.is_unreadable.swap(parts.is_err(), Ordering::Relaxed);
        match parts {
            // An empty secret (an emptied file) is not a secret.
            Ok((_, expected)) if expected.is_empty() => false,
            Ok((expected_scheme, expected)) => {
                let same_scheme = expected_scheme.as_bytes().eq_ignore_ascii_case(scheme);
                same_scheme & equal_in_constant_time(expected.as_bytes(), secret)
            }
            Err(_) if was_unreadable => false,
            Err(error) => {
                let error = storage::ErrorChain(&error);
                tracing::warn!(%error, "credentials of our own endpoints cannot be read");
                false
            }
        }
    }
}

fn split_scheme(header: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = header.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = header.split_at_checked(space)?;
    Some((scheme, rest.trim_ascii()))
}

/// Compares without stopping at the first difference. `black_box` keeps the compiler from
/// putting the early exit back.
fn equal_in_constant_time(left: &[u8], right: &[u8]) -> bool {
    let difference = left
        .iter()
        .zip(right)
        .fold(0u8, |difference, (left, right)| {
            std::hint::black_box(difference | (left ^ right))
        });
    left.len() == right.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::SecretSource;

    fn guard() -> Guard {
        Guard::new(vec![
            Credentials::Basic {
                username: "anna".into(),
                password: SecretSource::Inline("secret".into()),
            },
            Credentials::Token {
                scheme: "Bearer".into(),
                token: SecretSource::Inline("abc".into()),
            },
        ])
    }

    #[track_caller]
    fn check_admits(header: &str, expected: bool) {
        assert_eq!(
            guard().admits(Some(header.as_bytes())),
            expected,
            "{header}"
        );
    }

    #[test]
    fn only_accepted_credentials_are_let_in() {
        check_admits("Bearer abc", true);
        check_admits("bearer  abc ", true);
        check_admits("Basic YW5uYTpzZWNyZXQ=", true);
        check_admits("Basic abc", false);
        check_admits("Bearer abcd", false);
        check_admits("Bearer ab", false);
        check_admits("Bearer ", false);
        check_admits("Bearer", false);
        check_admits("", false);
        assert!(!guard().admits(None));
    }

    #[test]
    fn without_credentials_everyone_is_let_in() {
        assert!(Guard::new(Vec::new()).admits(None));
    }

    #[test]
    fn an_unreadable_or_empty_secret_lets_nobody_in() {
        for token in [
            SecretSource::File("/nonexistent".into()),
            SecretSource::Inline(String::new()),
        ] {
            let guard = Guard::new(vec![Credentials::Token {
                scheme: "Bearer".into(),
                token,
            }]);
            assert!(!guard.admits(Some(b"Bearer ")));
            assert!(!guard.admits(Some(b"Bearer x")));
        }
    }

    #[test]
    fn the_challenge_lists_each_scheme_once() {
        assert_eq!(
            guard().challenge(),
            r#"Basic realm="leadsman", charset="UTF-8", Bearer realm="leadsman""#
        );
    }
}

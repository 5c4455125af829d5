//! The headers of every request that the configuration names.

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};

use super::super::signal::Signal;
use crate::auth::{AuthError, SecretSource, redact, secret_header};
use crate::otlp::{OtlpError, ReceiverOptions};

/// Header of profile requests, while the signal is in development.
const PROFILES_VERSION: (&str, &str) = ("otlp-profiles-development-version", "1");

/// Headers with values that may be secrets; they are read when they are needed.
#[derive(Debug)]
pub(super) struct Headers(Vec<(HeaderName, SecretSource)>);

impl Headers {
    pub(super) fn new(options: &ReceiverOptions) -> Result<Self, OtlpError> {
        let parse = |(name, secret): &(String, SecretSource)| {
            let parsed = name.parse().map_err(|_| OtlpError::Header(name.clone()))?;
            Ok((parsed, secret.clone()))
        };
        options
            .headers
            .iter()
            .map(parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The headers of a request of `signal`.
    pub(super) fn read(&self, signal: Signal) -> Result<Vec<(HeaderName, HeaderValue)>, AuthError> {
        let configured = self.0.iter();
        let configured =
            configured.map(|(name, secret)| Ok((name.clone(), secret_header(&secret.read()?)?)));
        let mut headers = configured.collect::<Result<Vec<_>, AuthError>>()?;
        if signal == Signal::Profiles {
            let (name, value) = PROFILES_VERSION;
            headers.push((
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            ));
        }
        Ok(headers)
    }

    /// `text`, which a receiver had a part in, without the secrets that were sent.
    pub(super) fn redact(&self, text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        let values = self
            .0
            .iter()
            .filter_map(|(name, secret)| Some((name, secret.read().ok()?)));
        values.fold(text.to_owned(), |text, (name, value)| {
            // What comes before is the scheme, such as `Bearer`.
            let secret = match value.split_once(' ') {
                Some((_, secret)) if *name == AUTHORIZATION => secret,
                _ => &value,
            };
            redact(&text, secret)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_that_were_sent_are_taken_out() {
        let secret = |value: &str| SecretSource::Inline(value.to_owned());
        let headers = Headers(vec![
            (
                HeaderName::from_static("authorization"),
                secret("Bearer hunter2x"),
            ),
            (HeaderName::from_static("x-api-key"), secret("0123456789")),
        ]);
        let check = |text, expected| assert_eq!(headers.redact(text), expected);
        check("no Bearer hunter2x here", "no Bearer <secret> here");
        check("no hunter2x here", "no <secret> here");
        check("key 0123456789", "key <secret>");
        check("quota", "quota");
        check("", "");
    }
}

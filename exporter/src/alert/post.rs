//! Posts JSON once and says what the answer means. Knows nothing of retries.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::USER_AGENT as USER_AGENT_HEADER;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, Uri};
use storage::ErrorChain;

use super::{AlertError, AlertReceiver, Speech};
use crate::auth::{AuthError, Credentials, SecretSource, redact, secret_header};
use crate::client::{Pool, PoolError, USER_AGENT, Versions, read_bounded, retry_after};

/// Path of Alertmanager's API, behind the prefix.
const ALERTMANAGER_PATH: &str = "/api/v2/alerts";
/// Says which change of state a request tells of, so that a receiver knows one that comes again.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// A way to a receiver.
#[derive(Debug)]
pub(super) struct Poster {
    pool: Pool,
    uri: Uri,
    credentials: Option<Credentials>,
    headers: Vec<(HeaderName, SecretSource)>,
    timeout: Duration,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Taken.
    Accepted,
    /// Not now: it is to be sent again.
    Retry {
        /// Short name for a metric's label.
        reason: String,
        /// For people.
        detail: String,
        /// How long the receiver asks to wait at least.
        after: Option<Duration>,
    },
    /// What is in it is wrong: it must not be sent again.
    Refused {
        /// Short name for a metric's label.
        reason: String,
        /// For people.
        detail: String,
    },
}

impl Poster {
    pub(super) fn new(receiver: &AlertReceiver) -> Result<Self, AlertError> {
        let url = match receiver.speech {
            Speech::Alertmanager => {
                format!(
                    "{}{ALERTMANAGER_PATH}",
                    receiver.url.0.trim_end_matches('/')
                )
            }
            Speech::Webhook => receiver.url.0.clone(),
        };
        let wrong = || AlertError::Url(receiver.name.clone());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if !(has_host && matches!(uri.scheme_str(), Some("http" | "https"))) {
            return Err(wrong());
        }
        let headers = receiver.headers.iter().map(|(name, secret)| {
            let parsed = name.parse().map_err(|_| AlertError::Header(name.clone()))?;
            Ok((parsed, secret.clone()))
        });
        Ok(Self {
            pool: Pool::new(&receiver.tls, &uri, Versions::Negotiated)?,
            uri,
            credentials: receiver.credentials.clone(),
            headers: headers.collect::<Result<_, AlertError>>()?,
            timeout: receiver.timeout,
        })
    }

    /// Sends a body once, no longer than the receiver's timeout. What we sent of secrets is not in
    /// the outcome.
    pub(super) async fn post(&mut self, body: Bytes, key: Option<&str>) -> Outcome {
        let request = match self.request(body, key) {
            Ok(request) => request,
            Err(error) => return unanswered("credentials", ErrorChain(&error).to_string()),
        };
        let client = self.pool.client();
        let exchange = async move {
            match client.request(request).await {
                Ok(response) => read(response).await,
                Err(error) => {
                    let reason = if error.is_connect() {
                        "connect"
                    } else {
                        "disconnected"
                    };
                    unanswered(reason, ErrorChain(&error).to_string())
                }
            }
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(outcome) => outcome.with_detail(|detail| self.redact(detail)),
            Err(_) => unanswered("timeout", "no answer in time".to_owned()),
        }
    }

    fn request(&self, body: Bytes, key: Option<&str>) -> Result<Request<Full<Bytes>>, AuthError> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(USER_AGENT_HEADER, HeaderValue::from_static(USER_AGENT));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = key.and_then(|key| key.parse().ok()) {
            headers.insert(IDEMPOTENCY_KEY, key);
        }
        if let Some(credentials) = &self.credentials {
            headers.insert(AUTHORIZATION, credentials.header_value()?);
        }
        for (name, secret) in &self.headers {
            headers.insert(name.clone(), secret_header(&secret.read()?)?);
        }
        Ok(request)
    }

    fn redact(&self, text: &str) -> String {
        let text = match &self.credentials {
            Some(credentials) => credentials.redact(text),
            None => text.to_owned(),
        };
        // The URL of a webhook is often the secret itself.
        let path = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let text = if path.len() > 1 {
            redact(&text, path)
        } else {
            text
        };
        let secrets = self
            .headers
            .iter()
            .filter_map(|(_, secret)| secret.read().ok());
        secrets.fold(text, |text, secret| redact(&text, &secret))
    }
}

impl Outcome {
    fn with_detail(mut self, change: impl FnOnce(&str) -> String) -> Self {
        match &mut self {
            Self::Accepted => {}
            Self::Retry { detail, .. } | Self::Refused { detail, .. } => *detail = change(detail),
        }
        self
    }
}

impl From<PoolError> for AlertError {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Tls(error) => Self::Tls(error),
            PoolError::Rustls(error) => Self::Rustls(error),
        }
    }
}

/// A failure without the receiver's word.
fn unanswered(reason: &str, detail: String) -> Outcome {
    Outcome::Retry {
        reason: reason.to_owned(),
        detail,
        after: None,
    }
}

async fn read(response: Response<Incoming>) -> Outcome {
    let status = response.status().as_u16();
    let after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| retry_after(value, SystemTime::now()));
    if (200..300).contains(&status) {
        // The status says it all.
        return Outcome::Accepted;
    }
    let detail = match read_bounded(response.into_body()).await {
        Ok(body) => String::from_utf8_lossy(&body.to_bytes()).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    failure(status, detail, after)
}

/// What a status that is no success means. Refused is what is wrong by itself and always will be;
/// everything else may be mended: a wrong password or path by whoever reads the log, a redirect, a
/// proxy without a server behind it.
fn failure(status: u16, detail: String, after: Option<Duration>) -> Outcome {
    let reason = format!("http_{status}");
    match status {
        400 | 413 | 415 | 422 => Outcome::Refused { reason, detail },
        _ => Outcome::Retry {
            reason,
            detail,
            after,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wrong_by_itself_is_refused() {
        let is_refused = |status: &u16| {
            matches!(
                failure(*status, String::new(), None),
                Outcome::Refused { .. }
            )
        };
        let refused: Vec<u16> = (300..600).filter(is_refused).collect();
        assert_eq!(refused, [400, 413, 415, 422]);
    }
}

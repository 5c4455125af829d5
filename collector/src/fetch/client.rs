//! The HTTP client: one per set of options, with a pool of connections.

use std::sync::{Arc, Mutex, PoisonError};

use exporter::tls::ClientTls;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};

use super::http1::Answer;
use super::pool::Pool;
use super::redirect::{self, Hop};
use super::{ClientOptions, FetchError, Redirects, Request, Response, body, heavy};

/// Hops after which redirects are taken for a circle; the limit of Go's and curl's clients lies
/// between 10 and 50.
const MAX_REDIRECTS: usize = 10;
/// Decompressed by compressed size of a metrics page, roughly.
const USUAL_RATIO: usize = 16;
/// Prometheus sends it too: an exporter may use it to give up in time.
const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

/// Fetches bodies.
pub struct Client {
    options: ClientOptions,
    tls: Arc<ClientTls>,
    pool: Mutex<Arc<Pool>>,
}

impl Client {
    /// Reads the TLS files; nothing is connected yet.
    ///
    /// # Errors
    /// The TLS options cannot be used.
    pub fn new(options: &ClientOptions) -> Result<Self, FetchError> {
        let tls = Arc::new(ClientTls::new(&options.tls)?);
        let pool = Mutex::new(Arc::new(Pool::new(&tls, tls.current())));
        Ok(Self {
            options: options.clone(),
            tls,
            pool,
        })
    }

    /// Fetches one body, following redirects, within the request's time and size.
    ///
    /// # Errors
    /// Anything but a complete body with a status of 200…299.
    pub async fn get(&self, request: &Request) -> Result<Response, FetchError> {
        let fetch = self.follow(request);
        tokio::time::timeout(request.timeout, fetch)
            .await
            .unwrap_or(Err(FetchError::Timeout {
                after: request.timeout,
            }))
    }

    async fn follow(&self, request: &Request) -> Result<Response, FetchError> {
        let first = Hop {
            endpoint: request.endpoint.clone(),
            path_and_query: request.path_and_query(),
        };
        let mut hop = first;
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(request, &hop).await?;
            match self.redirect(request, &hop, &answer)? {
                Some(next) => hop = next,
                None => return finish(answer, request.body_limit),
            }
        }
        Err(FetchError::Redirect {
            to: hop.endpoint.to_string(),
            why: "too many redirects",
        })
    }

    async fn send(&self, request: &Request, hop: &Hop) -> Result<Answer, FetchError> {
        let headers = self.headers(request, hop)?;
        let pool = self.pool();
        let answer = pool.get(hop, &headers, request.body_limit).await;
        answer.map_err(|error| match error {
            FetchError::Tls(source) | FetchError::Http(source)
                if pool.was_asked() && self.options.tls.cert_file.is_none() =>
            {
                FetchError::CertificateWanted(source)
            }
            other => other,
        })
    }

    fn headers(&self, request: &Request, hop: &Hop) -> Result<HeaderMap, FetchError> {
        let mut headers = HeaderMap::new();
        let accept = HeaderValue::from_str(&request.accept);
        headers.insert(ACCEPT, accept.unwrap_or(HeaderValue::from_static("*/*")));
        let encodings = if hop.endpoint.is_local() {
            "identity"
        } else {
            "zstd, gzip;q=0.5"
        };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(encodings));
        let agent = concat!("leadsman/", env!("CARGO_PKG_VERSION"));
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let timeout = request.timeout.as_secs_f64().to_string();
        headers.extend(HeaderValue::from_str(&timeout).map(|value| (SCRAPE_TIMEOUT, value)));
        if hop.endpoint == request.endpoint
            && let Some(credentials) = &self.options.credentials
        {
            headers.insert(AUTHORIZATION, credentials.header_value()?);
        }
        Ok(headers)
    }

    /// Where `answer` leads, if it is a redirect to be followed.
    fn redirect(
        &self,
        request: &Request,
        hop: &Hop,
        answer: &Answer,
    ) -> Result<Option<Hop>, FetchError> {
        let is_redirect = matches!(answer.status, 301 | 302 | 303 | 307 | 308);
        if !is_redirect || self.options.follow_redirects == Redirects::Refuse {
            return Ok(None);
        }
        let next = redirect::resolve(&hop.endpoint, &hop.path_and_query, &answer.location)?;
        // A header is left out elsewhere, but a client certificate would be shown.
        if next.endpoint != request.endpoint && self.options.tls.cert_file.is_some() {
            let to = next.endpoint.to_string();
            return Err(FetchError::Redirect {
                to,
                why: "the client certificate is not for it",
            });
        }
        Ok(Some(next))
    }

    /// The pool of the TLS files as they are now. Connections made with older ones are dropped
    /// when their answers are in.
    fn pool(&self) -> Arc<Pool> {
        let config = self.tls.current();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if !pool.is_of(&config) {
            *pool = Arc::new(Pool::new(&self.tls, config));
        }
        Arc::clone(&pool)
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn finish(answer: Answer, body_limit: usize) -> Result<Response, FetchError> {
    let Answer {
        status,
        content_type,
        content_encoding: encoding,
        body: raw,
        ..
    } = answer;
    if !(200..300).contains(&status) {
        let message = body::message(&raw);
        return Err(FetchError::Status { status, message });
    }
    let wire_bytes = raw.len();
    let n_decoded = if encoding.is_empty() {
        0
    } else {
        USUAL_RATIO * raw.len()
    };
    let body = heavy(n_decoded, || body::decode(raw, &encoding, body_limit))?;
    Ok(Response {
        status,
        content_type,
        body,
        wire_bytes,
    })
}

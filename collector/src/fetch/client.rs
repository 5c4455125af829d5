//! The HTTP client: one per set of options, with a pool of connections.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use exporter::tls::ClientTls;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap,
    HeaderName, HeaderValue, LOCATION, USER_AGENT,
};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

use super::certificate::Asked;
use super::connect::Connector;
use super::kept::HasAnswered;
use super::redirect::{self, Hop};
use super::{ClientOptions, Endpoint, FetchError, Redirects, Request, Response, body, heavy};

/// Hops after which redirects are taken for a circle; the limit of Go's and curl's clients lies
/// between 10 and 50.
const MAX_REDIRECTS: usize = 10;
/// Idle connections kept for one target: its metrics and one profile.
const MAX_IDLE_PER_HOST: usize = 2;
/// Longer than the usual scrape intervals, so that a connection serves many scrapes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);
/// Most that a connection of HTTP/1 buffers, also the limit of a head; left alone it would grow to
/// 400 KiB for each target. Bytes.
const BUFFER_BYTES: usize = 64 << 10;
/// What a server may send ahead on HTTP/2. Bytes.
const STREAM_WINDOW: u32 = 256 << 10;
/// The same for all streams of a connection. Bytes.
const CONNECTION_WINDOW: u32 = 512 << 10;
/// Decompressed by compressed size of a metrics page, roughly.
const USUAL_RATIO: usize = 16;
/// Prometheus sends it too: an exporter may use it to give up in time.
const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

type HttpClient = legacy::Client<Connector, Empty<Bytes>>;

/// Fetches bodies.
pub struct Client {
    options: ClientOptions,
    tls: Arc<ClientTls>,
    pool: Mutex<Pool>,
}

/// Connections made with one state of the TLS files.
struct Pool {
    config: Arc<ClientConfig>,
    http: HttpClient,
    asked: Asked,
}

impl Client {
    /// Reads the TLS files; nothing is connected yet.
    ///
    /// # Errors
    /// The TLS options cannot be used.
    pub fn new(options: &ClientOptions) -> Result<Self, FetchError> {
        let tls = Arc::new(ClientTls::new(&options.tls)?);
        let pool = Mutex::new(Pool::new(&tls, tls.current()));
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
                None => return finish(answer, request.body_limit).await,
            }
        }
        Err(FetchError::Redirect {
            to: hop.endpoint.to_string(),
            why: "too many redirects",
        })
    }

    /// Sends one request, and sends it again if all that is wrong is a kept connection: each such
    /// failure uses one up.
    async fn send(
        &self,
        request: &Request,
        hop: &Hop,
    ) -> Result<hyper::Response<Incoming>, FetchError> {
        let (uri, headers) = (
            hop.endpoint.uri(&hop.path_and_query)?,
            self.headers(request, hop)?,
        );
        let (http, asked) = self.http();
        let mut n_kept = 0;
        loop {
            let mut message = hyper::Request::new(Empty::new());
            *message.uri_mut() = uri.clone();
            *message.headers_mut() = headers.clone();
            let connection = capture_connection(&mut message);
            let error = match http.request(message).await {
                Ok(answer) => {
                    HasAnswered::mark(answer.extensions());
                    return Ok(answer);
                }
                Err(error) => FetchError::from_http(error),
            };
            if n_kept == MAX_IDLE_PER_HOST || !HasAnswered::is_on(&connection) {
                return Err(self.certificate_wanted(error, &asked));
            }
            n_kept += 1;
        }
    }

    /// What failed after the target asked for a certificate, and there is none, failed for that.
    fn certificate_wanted(&self, error: FetchError, asked: &Asked) -> FetchError {
        match error {
            FetchError::Tls(source) | FetchError::Http(source)
                if asked.is_set() && self.options.tls.cert_file.is_none() =>
            {
                FetchError::CertificateWanted(source)
            }
            other => other,
        }
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
        if matches!(hop.endpoint, Endpoint::Unix(_)) {
            headers.insert(HOST, HeaderValue::from_static("localhost"));
        }
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
        answer: &hyper::Response<Incoming>,
    ) -> Result<Option<Hop>, FetchError> {
        let is_redirect = matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308);
        if !is_redirect || self.options.follow_redirects == Redirects::Refuse {
            return Ok(None);
        }
        let location = header(answer.headers(), &LOCATION);
        let next = redirect::resolve(&hop.endpoint, &hop.path_and_query, location)?;
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
    fn http(&self) -> (HttpClient, Asked) {
        let config = self.tls.current();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&pool.config, &config) {
            *pool = Pool::new(&self.tls, config);
        }
        (pool.http.clone(), pool.asked.clone())
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Pool {
    fn new(tls: &Arc<ClientTls>, config: Arc<ClientConfig>) -> Self {
        let asked = Asked::default();
        let connector = Connector::new(Arc::clone(tls), Arc::new(asked.watching(&config)));
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .http1_max_buf_size(BUFFER_BYTES)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .build(connector);
        Self {
            config,
            http,
            asked,
        }
    }
}

async fn finish(
    answer: hyper::Response<Incoming>,
    body_limit: usize,
) -> Result<Response, FetchError> {
    let (head, incoming) = answer.into_parts();
    let status = head.status.as_u16();
    if !head.status.is_success() {
        let message = body::read_message(incoming).await;
        return Err(FetchError::Status { status, message });
    }
    let raw = body::read(incoming, body_limit).await?;
    let wire_bytes = raw.len();
    let encoding = header(&head.headers, &CONTENT_ENCODING);
    let n_decoded = if encoding.is_empty() {
        0
    } else {
        USUAL_RATIO * raw.len()
    };
    let body = heavy(n_decoded, || body::decode(raw, encoding, body_limit))?;
    let content_type = header(&head.headers, &CONTENT_TYPE).to_owned();
    Ok(Response {
        status,
        content_type,
        body,
        wire_bytes,
    })
}

fn header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
}

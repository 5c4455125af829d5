//! Connections that wait for their next request.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use exporter::tls::ClientTls;
use hyper::header::HeaderMap;
use rustls::ClientConfig;

use super::certificate::Asked;
use super::connect::Connector;
use super::http1::{self, Answer, Failure};
use super::redirect::Hop;
use super::{Endpoint, FetchError, http2};

/// Idle connections kept for one target: its metrics and one profile.
const MAX_IDLE: usize = 2;
/// Longer than the usual scrape intervals, so that a connection serves many scrapes.
const IDLE_TIMEOUT: Duration = Duration::from_secs(120);

/// Connections made with one state of the TLS files.
pub(super) struct Pool {
    config: Arc<ClientConfig>,
    connector: Connector,
    asked: Asked,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    connections: HashMap<Endpoint, Vec<(Connection, Instant)>>,
    swept: Option<Instant>,
}

enum Connection {
    Http1(http1::Connection),
    Http2(http2::Connection),
}

impl Pool {
    pub(super) fn new(tls: &Arc<ClientTls>, config: Arc<ClientConfig>) -> Self {
        let asked = Asked::default();
        let connector = Connector::new(Arc::clone(tls), Arc::new(asked.watching(&config)));
        Self {
            config,
            connector,
            asked,
            idle: Mutex::default(),
        }
    }

    /// Whether its connections are made with this state of the TLS files.
    pub(super) fn is_of(&self, config: &Arc<ClientConfig>) -> bool {
        Arc::ptr_eq(&self.config, config)
    }

    /// Whether some server has asked for a client certificate.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.is_set()
    }

    /// Sends a request on an idle connection or a new one. A connection that its server has closed
    /// meanwhile is not held against the request.
    pub(super) async fn get(
        &self,
        hop: &Hop,
        headers: &HeaderMap,
        limit: usize,
    ) -> Result<Answer, FetchError> {
        while let Some(mut connection) = self.take(&hop.endpoint) {
            match connection.get(hop, headers, limit).await {
                Err(Failure::Silent(_)) => {}
                other => return self.finish(hop, connection, other),
            }
        }
        // What is no URI is known before anything is connected.
        hop.endpoint.uri(&hop.path_and_query)?;
        let stream = self.connector.connect(&hop.endpoint).await?;
        let mut connection = match stream.is_h2() {
            true => Connection::Http2(http2::Connection::new(stream).await?),
            false => Connection::Http1(http1::Connection::new(stream)),
        };
        let answer = connection.get(hop, headers, limit).await;
        self.finish(hop, connection, answer)
    }

    fn finish(
        &self,
        hop: &Hop,
        mut connection: Connection,
        answer: Result<Answer, Failure>,
    ) -> Result<Answer, FetchError> {
        if connection.is_reusable() {
            self.idle().put(hop.endpoint.clone(), connection);
        }
        answer.map_err(|failure| match failure {
            Failure::Silent(error) | Failure::Failed(error) => error,
        })
    }

    fn take(&self, endpoint: &Endpoint) -> Option<Connection> {
        let mut idle = self.idle();
        let connections = idle.connections.get_mut(endpoint)?;
        while let Some((mut connection, since)) = connections.pop() {
            if since.elapsed() < IDLE_TIMEOUT && connection.is_reusable() {
                return Some(connection);
            }
        }
        None
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn put(&mut self, endpoint: Endpoint, connection: Connection) {
        let now = Instant::now();
        if self.swept.is_none_or(|swept| now - swept >= IDLE_TIMEOUT) {
            self.sweep(now);
        }
        let connections = self.connections.entry(endpoint).or_default();
        if connections.len() < MAX_IDLE {
            connections.push((connection, now));
        }
    }

    /// Closes what nobody came back for, as of targets that are gone.
    fn sweep(&mut self, now: Instant) {
        self.connections.retain(|_, connections| {
            connections.retain(|(_, since)| now - *since < IDLE_TIMEOUT);
            !connections.is_empty()
        });
        self.swept = Some(now);
    }
}

impl Connection {
    async fn get(
        &mut self,
        hop: &Hop,
        headers: &HeaderMap,
        limit: usize,
    ) -> Result<Answer, Failure> {
        match self {
            Self::Http1(connection) => connection.get(&http1_request(hop, headers), limit).await,
            Self::Http2(connection) => connection.get(hop, headers.clone(), limit).await,
        }
    }

    fn is_reusable(&mut self) -> bool {
        match self {
            Self::Http1(connection) => connection.is_reusable(),
            Self::Http2(connection) => connection.is_reusable(),
        }
    }
}

/// A request's head. Paths are percent-encoded and header values checked by their type: nothing in
/// them ends a line.
fn http1_request(hop: &Hop, headers: &HeaderMap) -> Vec<u8> {
    let mut text = Vec::with_capacity(512);
    for part in [
        "GET ",
        &hop.path_and_query,
        " HTTP/1.1\r\nhost: ",
        hop.endpoint.host(),
    ] {
        text.extend_from_slice(part.as_bytes());
    }
    text.extend_from_slice(b"\r\n");
    for (name, value) in headers {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"\r\n");
    text
}

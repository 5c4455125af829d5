//! Finds out whether a program is behind one of its doors.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

use super::endpoints::{Door, Endpoint, Key, Place};
use super::keys;
use crate::config::Scheme;
use crate::fetch::{self, Client, ClientOptions, Endpoint as FetchEndpoint, FetchError, Request};

/// What is on this machine answers at once; a page of an API server takes a while to write.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest page that is looked at. Bytes.
const BODY_LIMIT: usize = 64 << 20;

/// A door that opened.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opened {
    pub(super) door_idx: usize,
    pub(super) scheme: Scheme,
    pub(super) http: ClientOptions,
}

/// The first door that opens, or why none does.
pub(super) async fn knock(endpoint: &Endpoint, root: &Path) -> Result<Opened, String> {
    let mut reasons = Vec::new();
    for (door_idx, door) in endpoint.doors.iter().enumerate() {
        match open(door, root).await {
            Ok((scheme, http)) => {
                return Ok(Opened {
                    door_idx,
                    scheme,
                    http,
                });
            }
            Err(reason) => reasons.push(format!("{}: {reason}", address(door.place, root))),
        }
    }
    Err(reasons.join("; "))
}

/// Whether something listens there, at the cost of a connection.
pub(super) async fn listens(place: Place, root: &Path) -> io::Result<()> {
    let connect = async {
        match place {
            Place::Port(port) => TcpStream::connect(("127.0.0.1", port)).await.map(drop),
            Place::Socket(path) => UnixStream::connect(root.join(path)).await.map(drop),
        }
    };
    tokio::time::timeout(CONNECT_TIMEOUT, connect).await?
}

/// The address as a target has it.
pub(super) fn address(place: Place, root: &Path) -> String {
    match place {
        Place::Port(port) => format!("127.0.0.1:{port}"),
        Place::Socket(path) => format!("unix://{}", root.join(path).display()),
    }
}

async fn open(door: &Door, root: &Path) -> Result<(Scheme, ClientOptions), String> {
    listens(door.place, root)
        .await
        .map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                "nothing listens there".to_owned()
            }
            _ => error.to_string(),
        })?;
    let mut reasons: Vec<String> = Vec::new();
    for key in door.keys {
        match try_key(door, *key, root).await {
            Ok(opened) => return Ok(opened),
            Err(reason) if reasons.contains(&reason) => {}
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join(", "))
}

async fn try_key(door: &Door, key: Key, root: &Path) -> Result<(Scheme, ClientOptions), String> {
    let (scheme, options) = keys::cut(key, root)?;
    let report = |error: FetchError| format!("{}: {}", scheme.as_str(), fetch::report(&error));
    let client = Client::new(&options).map_err(report)?;
    let (kind, target) = match door.place {
        Place::Port(port) => (scheme.as_str(), format!("127.0.0.1:{port}")),
        Place::Socket(path) => ("unix", root.join(path).display().to_string()),
    };
    let request = Request {
        endpoint: FetchEndpoint::new(kind, &target).map_err(report)?,
        path: door.knock.to_owned(),
        params: Vec::new(),
        accept: "text/plain".into(),
        timeout: ANSWER_TIMEOUT,
        body_limit: BODY_LIMIT,
    };
    let response = client.get(&request).await.map_err(report)?;
    let body = String::from_utf8_lossy(&response.body);
    if body.contains(door.answer) {
        Ok((scheme, options))
    } else {
        Err(format!("{} does not mention {:?}", door.knock, door.answer))
    }
}

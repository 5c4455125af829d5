//! Finds out whether a program is behind one of its doors.

use std::path::Path;
use std::time::Duration;

use super::endpoints::{Door, Endpoint, Key, Place};
use super::keys;
use super::listening::{Listeners, Silence};
use crate::config::Scheme;
use crate::discovery::group::Severity;
use crate::fetch::{Client, ClientOptions, Endpoint as FetchEndpoint, FetchError, Request};

/// A page of an API server takes a while to write.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest page that is looked at. Bytes.
const BODY_LIMIT: usize = 64 << 20;

/// A door that opened.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opened {
    pub(super) door_idx: usize,
    pub(super) scheme: Scheme,
    pub(super) http: ClientOptions,
    /// Why better doors did not open, although someone is behind them; or empty.
    pub(super) passed_over: String,
}

/// No door opened.
#[derive(Clone, Debug)]
pub(super) struct Closed {
    pub(super) reason: String,
    /// Someone is there, and has been bothered.
    pub(super) is_listening: bool,
    /// A fault if we lack the right to look.
    pub(super) severity: Severity,
}

/// The first door that opens, or why none does.
pub(super) async fn knock(
    endpoint: &Endpoint,
    listeners: &Listeners,
    root: &Path,
) -> Result<Opened, Closed> {
    let (mut absent, mut refused) = (Vec::new(), Vec::new());
    let mut severity = Severity::Note;
    for (door_idx, door) in endpoint.doors.iter().enumerate() {
        let address = address(door.place, root);
        match listeners.check(door.place, root).await {
            Ok(()) => {}
            Err(Silence::Nobody(reason)) => {
                absent.push(format!("{address}: {reason}"));
                continue;
            }
            Err(Silence::Forbidden(reason)) => {
                severity = Severity::Fault;
                refused.push(format!("{address}: {reason}"));
                continue;
            }
        }
        match open(door, root).await {
            Ok((scheme, http)) => {
                let passed_over = refused.join("; ");
                return Ok(Opened {
                    door_idx,
                    scheme,
                    http,
                    passed_over,
                });
            }
            Err(reason) => refused.push(format!("{address}: {reason}")),
        }
    }
    let is_listening = !refused.is_empty();
    refused.append(&mut absent);
    Err(Closed {
        reason: refused.join("; "),
        is_listening,
        severity,
    })
}

/// The address as a target has it.
pub(super) fn address(place: Place, root: &Path) -> String {
    match place {
        Place::Port(port) => format!("127.0.0.1:{port}"),
        Place::Socket(path) => format!("unix://{}", root.join(path).display()),
    }
}

async fn open(door: &Door, root: &Path) -> Result<(Scheme, ClientOptions), String> {
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
    let report = |error: FetchError| format!("{}: {}", scheme.as_str(), options.report(&error));
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

//! `local_sd_configs`: the well-known endpoints of this machine, tried out.
//!
//! What answers as expected becomes a target with a job of its own; of the rest the reason is
//! kept. Certificates are used where they lie, if they can be read.

mod endpoints;
mod keys;
mod knock;
mod listening;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use proto::Labels;

use self::endpoints::{Door, Endpoint, Page};
use self::knock::{Closed, Opened, address, knock};
use self::listening::Listeners;
use super::Problem;
use super::group::{Severity, TargetGroup};
use crate::config::Job;

/// A program that stops answering stays a target for this long: its absence is then `up` 0, and
/// not a gap. After it, it is looked for anew.
const KEEP: Duration = Duration::from_secs(10 * 60);

/// Who refused us once is asked again after this, then after twice as long, and so on.
const FIRST_PATIENCE: Duration = Duration::from_secs(30);
/// What messages name as the source.
const SOURCE: &str = "this machine";

/// What is known of this machine.
#[derive(Clone, Debug)]
pub(super) struct LocalScan {
    root: PathBuf,
    endpoints: Vec<(Endpoint, State)>,
}

/// What is known of an endpoint.
#[derive(Clone, Debug)]
enum State {
    Unknown,
    /// Nobody listens.
    Absent {
        reason: String,
    },
    /// Someone listens, but does not let us in.
    Refused {
        reason: String,
        severity: Severity,
        n_times: u32,
        at: Instant,
    },
    Found {
        opened: Opened,
        seen: Instant,
    },
}

impl LocalScan {
    /// Looks for the well-known endpoints, with files and sockets under `root`.
    pub(super) fn new(root: &Path) -> Self {
        Self::of(endpoints::well_known(), root)
    }

    fn of(endpoints: Vec<Endpoint>, root: &Path) -> Self {
        let unknown = endpoints
            .into_iter()
            .map(|endpoint| (endpoint, State::Unknown));
        Self {
            root: root.to_owned(),
            endpoints: unknown.collect(),
        }
    }

    /// Looks at every endpoint once. What was found and still listens is left in peace.
    pub(super) async fn refresh(&mut self) {
        let root = &self.root;
        let listeners = &Listeners::now();
        let looks = self
            .endpoints
            .iter()
            .map(|(endpoint, state)| look(endpoint, state, listeners, root));
        let states = join_all(looks).await;
        for ((_, state), new) in self.endpoints.iter_mut().zip(states) {
            *state = new;
        }
    }

    /// The targets, each with a job made from `base`.
    pub(super) fn groups(&self, base: &Job) -> Vec<TargetGroup> {
        let mut groups = Vec::new();
        for (endpoint, state) in &self.endpoints {
            if let State::Found { opened, .. } = state
                && let Some(door) = endpoint.doors.get(opened.door_idx)
            {
                let pages = door.pages.iter();
                groups.extend(pages.map(|page| self.group(base, endpoint, opened, door, *page)));
            }
        }
        groups
    }

    /// Why the other endpoints are no targets, and why some are only half as good as they could be.
    pub(super) fn problems(&self) -> impl Iterator<Item = Problem> {
        self.endpoints.iter().filter_map(|(endpoint, state)| {
            let (reason, severity) = match state {
                State::Unknown => ("not looked for yet", Severity::Note),
                State::Absent { reason } => (reason.as_str(), Severity::Note),
                State::Refused {
                    reason, severity, ..
                } => (reason.as_str(), *severity),
                State::Found { opened, .. } if opened.passed_over.is_empty() => return None,
                State::Found { opened, .. } => (opened.passed_over.as_str(), Severity::Note),
            };
            Some(Problem {
                job: endpoint.job.to_owned(),
                source: SOURCE.to_owned(),
                reason: reason.to_owned(),
                severity,
            })
        })
    }

    fn group(
        &self,
        base: &Job,
        endpoint: &Endpoint,
        opened: &Opened,
        door: &Door,
        page: Page,
    ) -> TargetGroup {
        let (path, profiles) = match page {
            Page::All(path) => (Some(path), base.profiles.clone()),
            Page::Metrics(path) => (Some(path), Vec::new()),
            Page::Profiles => (None, base.profiles.clone()),
        };
        let job = Job {
            name: endpoint.job.to_owned(),
            scheme: opened.scheme,
            metrics_path: path.unwrap_or(&base.metrics_path).to_owned(),
            metrics_enabled: base.metrics_enabled && path.is_some(),
            http: opened.http.clone(),
            profiles,
            discovery: Vec::new(),
            ..base.clone()
        };
        // Prometheus' customary label where one address has several pages.
        let path = path.filter(|_| door.pages.len() > 1);
        TargetGroup {
            job: Arc::new(job),
            source: SOURCE.to_owned(),
            targets: vec![address(door.place, &self.root)],
            labels: Labels::from_pairs(path.map(|path| ("metrics_path", path))),
        }
    }
}

async fn look(endpoint: &Endpoint, state: &State, listeners: &Listeners, root: &Path) -> State {
    match state {
        State::Found { opened, seen } => {
            if is_there(endpoint, opened, listeners, root).await {
                return found(opened.clone());
            }
            if seen.elapsed() < KEEP {
                return state.clone();
            }
        }
        State::Refused { n_times, at, .. } if at.elapsed() < patience(*n_times) => {
            return state.clone();
        }
        State::Refused { .. } | State::Absent { .. } | State::Unknown => {}
    }
    match knock(endpoint, listeners, root).await {
        Ok(opened) => found(opened),
        Err(Closed {
            reason,
            is_listening: false,
            ..
        }) => State::Absent { reason },
        Err(Closed {
            reason,
            is_listening: true,
            severity,
        }) => {
            let n_times = match state {
                State::Refused { n_times, .. } => n_times.saturating_add(1),
                _ => 0,
            };
            State::Refused {
                reason,
                severity,
                n_times,
                at: Instant::now(),
            }
        }
    }
}

fn found(opened: Opened) -> State {
    State::Found {
        opened,
        seen: Instant::now(),
    }
}

async fn is_there(
    endpoint: &Endpoint,
    opened: &Opened,
    listeners: &Listeners,
    root: &Path,
) -> bool {
    match endpoint.doors.get(opened.door_idx) {
        Some(door) => listeners.check(door.place, root).await.is_ok(),
        None => false,
    }
}

/// How long someone who did not let us in is left in peace: each knock may be a line in its log.
fn patience(n_times: u32) -> Duration {
    FIRST_PATIENCE
        .saturating_mul(1 << n_times.min(10))
        .min(KEEP)
}

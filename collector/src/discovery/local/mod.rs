//! `local_sd_configs`: the well-known endpoints of this machine, tried out.
//!
//! What answers as expected becomes a target with a job of its own; of the rest the reason is
//! kept. Certificates are used where they lie, if they can be read.

mod endpoints;
mod keys;
mod knock;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use proto::Labels;

use self::endpoints::{Door, Endpoint, Page};
use self::knock::{Opened, address, knock, listens};
use super::Problem;
use super::group::TargetGroup;
use crate::config::Job;

/// A program that stops answering stays a target for this long: its absence is then `up` 0, and
/// not a gap. After it, it is looked for anew.
const KEEP: Duration = Duration::from_secs(10 * 60);

/// What is known of this machine.
#[derive(Clone, Debug)]
pub(super) struct LocalScan {
    root: PathBuf,
    endpoints: Vec<(Endpoint, State)>,
}

/// What is known of an endpoint.
#[derive(Clone, Debug)]
enum State {
    Missing { reason: String },
    Found { opened: Opened, seen: Instant },
}

impl LocalScan {
    /// Looks for the well-known endpoints, with files and sockets under `root`.
    pub(super) fn new(root: &Path) -> Self {
        Self::of(endpoints::well_known(), root)
    }

    fn of(endpoints: Vec<Endpoint>, root: &Path) -> Self {
        let unknown = || State::Missing {
            reason: "not looked for yet".to_owned(),
        };
        let endpoints = endpoints
            .into_iter()
            .map(|endpoint| (endpoint, unknown()))
            .collect();
        Self {
            root: root.to_owned(),
            endpoints,
        }
    }

    /// Looks at every endpoint once. What was found and still listens is left in peace.
    pub(super) async fn refresh(&mut self) {
        let root = &self.root;
        let looks = self
            .endpoints
            .iter()
            .map(|(endpoint, state)| look(endpoint, state, root));
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

    /// Why the other endpoints are no targets.
    pub(super) fn problems(&self) -> impl Iterator<Item = Problem> {
        self.endpoints
            .iter()
            .filter_map(|(endpoint, state)| match state {
                State::Missing { reason } => Some(Problem {
                    job: endpoint.job.to_owned(),
                    source: "this machine".to_owned(),
                    reason: reason.clone(),
                }),
                State::Found { .. } => None,
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
            source: "this machine".to_owned(),
            targets: vec![address(door.place, &self.root)],
            labels: Labels::from_pairs(path.map(|path| ("metrics_path", path))),
        }
    }
}

async fn look(endpoint: &Endpoint, state: &State, root: &Path) -> State {
    if let State::Found { opened, seen } = state
        && let Some(door) = endpoint.doors.get(opened.door_idx)
    {
        if listens(door.place, root).await.is_ok() {
            return State::Found {
                opened: opened.clone(),
                seen: Instant::now(),
            };
        }
        if seen.elapsed() < KEEP {
            return state.clone();
        }
    }
    match knock(endpoint, root).await {
        Ok(opened) => State::Found {
            opened,
            seen: Instant::now(),
        },
        Err(reason) => State::Missing { reason },
    }
}

//! How every target is doing, for `leadsman targets` and `/api/v1/targets`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use exporter::web::{Health, ProfileState, ProfileStatus, TargetStatus};
use proto::Labels;
use proto::target::TargetId;

use crate::discovery::DiscoveredTarget;

/// The statuses of all targets. Cheap to clone; all clones see the same.
#[derive(Clone, Debug, Default)]
pub struct StatusBoard {
    statuses: Arc<Mutex<BTreeMap<TargetId, StatusCell>>>,
}

/// The status of one target, written by its soundings.
#[derive(Clone, Debug)]
pub(super) struct StatusCell(Arc<Mutex<TargetStatus>>);

impl StatusBoard {
    /// All statuses by job and instance.
    pub fn statuses(&self) -> Vec<TargetStatus> {
        let cells: Vec<StatusCell> = lock(&self.statuses).values().cloned().collect();
        let mut statuses: Vec<_> = cells.iter().map(|cell| lock(&cell.0).clone()).collect();
        statuses.sort_by(|a, b| (&a.job, &a.instance).cmp(&(&b.job, &b.instance)));
        statuses
    }

    /// Puts up a target, or its new settings; what is known of it stays.
    pub(super) fn put(&self, target: &DiscoveredTarget) -> StatusCell {
        let mut statuses = lock(&self.statuses);
        let cell = statuses
            .entry(target.target.id())
            .or_insert_with(|| StatusCell(Arc::new(Mutex::new(unknown(target)))));
        cell.write(|status| describe(status, target));
        cell.clone()
    }

    /// Takes a target down.
    pub(super) fn remove(&self, id: TargetId) {
        lock(&self.statuses).remove(&id);
    }
}

impl StatusCell {
    pub(super) fn write<T>(&self, change: impl FnOnce(&mut TargetStatus) -> T) -> T {
        change(&mut lock(&self.0))
    }

    /// Changes the status of one kind of profile, if the target still has it.
    pub(super) fn write_profile(&self, kind: &str, change: impl FnOnce(&mut ProfileStatus)) {
        self.write(|status| {
            if let Some(profile) = status.profiles.iter_mut().find(|p| p.kind == kind) {
                change(profile);
            }
        });
    }

    /// Concludes from the profiles how a target without metrics is doing.
    pub(super) fn judge_by_profiles(&self) {
        self.write(|status| {
            let (health, error) = health_by_profiles(&status.profiles);
            (status.health, status.last_error) = (health, error);
        });
    }
}

fn health_by_profiles(profiles: &[ProfileStatus]) -> (Health, Option<String>) {
    let find = |state| profiles.iter().find(|profile| profile.state == state);
    match (find(ProfileState::Ok), find(ProfileState::Failed)) {
        (Some(_), _) => (Health::Up, None),
        (None, Some(failed)) => (Health::Down, failed.reason.clone()),
        (None, None) => (Health::Unknown, None),
    }
}

fn unknown(target: &DiscoveredTarget) -> TargetStatus {
    TargetStatus {
        job: target.target.job().to_owned(),
        instance: target.target.instance().to_owned(),
        scheme: String::new(),
        address: String::new(),
        discovered_labels: BTreeMap::new(),
        labels: BTreeMap::new(),
        health: Health::Unknown,
        last_error: None,
        last_scrape: None,
        last_duration_seconds: 0.0,
        n_samples: 0,
        left_out: Vec::new(),
        profiles: Vec::new(),
    }
}

/// Writes what the configuration says of a target.
fn describe(status: &mut TargetStatus, target: &DiscoveredTarget) {
    status.scheme.clone_from(&target.target.scheme);
    status.address.clone_from(&target.target.address);
    status.discovered_labels = owned(&target.discovered);
    status.labels = owned(&target.target.labels);
    let mut before = std::mem::take(&mut status.profiles);
    for spec in &target.profiles {
        let known = before
            .iter()
            .position(|p| p.kind == spec.kind && p.enabled == spec.enabled);
        let profile = known.map(|idx| before.swap_remove(idx));
        status
            .profiles
            .push(profile.unwrap_or_else(|| ProfileStatus {
                kind: spec.kind.clone(),
                enabled: spec.enabled,
                state: if spec.enabled {
                    ProfileState::Waiting
                } else {
                    ProfileState::Skipped
                },
                reason: (!spec.enabled).then(|| "disabled in the configuration".to_owned()),
                last: None,
                bytes: 0,
                seconds_spent_total: 0.0,
            }));
    }
}

fn owned(labels: &Labels) -> BTreeMap<String, String> {
    labels
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

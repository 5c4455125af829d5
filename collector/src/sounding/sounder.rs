//! Keeps a set of targets sounded as it changes.

use std::collections::{BTreeMap, btree_map::Entry};
use std::sync::Arc;
use std::time::Duration;

use baseline::profiles::ProfileProgram;
use baseline::signals::Program;
use proto::target::TargetId;
use storage::log::Appender;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::clock::Clock;
use super::context::{Calls, Clients, Context};
use super::gate::Gate;
use super::metrics::SoundingMetrics;
use super::running::Running;
use super::status::StatusBoard;
use crate::config::ProfilingBudget;
use crate::discovery::DiscoveredTarget;

/// Scrapes under way at a shutdown get this time; profiles are given up.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

/// Sounds targets: one loop for each one's metrics and for each kind of its profiles.
pub struct Sounder {
    context: Arc<Context>,
    board: StatusBoard,
    running: BTreeMap<TargetId, Running>,
    leaving: JoinSet<()>,
}

/// A hold on a sounder that runs. Cheap to clone.
#[derive(Clone)]
pub struct SounderHandle {
    context: Arc<Context>,
    board: StatusBoard,
}

impl Sounder {
    /// A sounder without targets. All it brings goes to `appender`, and with it the signals: those of
    /// `program` of pages, those of `profile_program` of profiles.
    pub fn new(
        appender: Appender,
        metrics: SoundingMetrics,
        budget: ProfilingBudget,
        program: Arc<Program>,
        profile_program: Arc<ProfileProgram>,
    ) -> Self {
        let context = Context {
            appender,
            metrics,
            gate: Gate::new(budget),
            clock: Clock::starting_now(),
            clients: Clients::default(),
            calls: Calls::default(),
            program,
            profile_program,
        };
        Self {
            context: Arc::new(context),
            board: StatusBoard::default(),
            running: BTreeMap::new(),
            leaving: JoinSet::new(),
        }
    }

    /// For asking and steering while [`Sounder::run`] has the sounder.
    pub fn handle(&self) -> SounderHandle {
        SounderHandle {
            context: Arc::clone(&self.context),
            board: self.board.clone(),
        }
    }

    /// Sounds the current set of `targets` until `shutdown`. A target that stays as it is goes on
    /// undisturbed, one with other settings keeps its beat and its state, one that left has its
    /// series marked stale.
    pub async fn run(
        mut self,
        mut targets: watch::Receiver<Vec<DiscoveredTarget>>,
        shutdown: CancellationToken,
    ) {
        loop {
            let wanted = targets.borrow_and_update().clone();
            self.reconcile(wanted);
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                () = changed(&mut targets, &mut self.leaving) => {}
            }
        }
        self.shut_down().await;
    }

    fn reconcile(&mut self, wanted: Vec<DiscoveredTarget>) {
        let mut before = std::mem::take(&mut self.running);
        for target in wanted {
            let id = target.target.id();
            let Entry::Vacant(place) = self.running.entry(id) else {
                self.refuse(&target);
                continue;
            };
            let status = self.board.put(&target);
            place.insert(match before.remove(&id) {
                Some(running) if *running.target() == target => running,
                Some(running) => running.reconfigure(target, status),
                None => Running::start(&self.context, target, status),
            });
        }
        for (id, gone) in before {
            self.board.remove(id);
            self.leaving.spawn(gone.remove());
        }
        self.count_targets();
    }

    /// Two targets with the same labels would write the same series.
    fn refuse(&self, target: &DiscoveredTarget) {
        let (job, instance) = (target.target.job(), target.target.instance());
        let address = &target.target.address;
        tracing::warn!(
            job,
            instance,
            address,
            "target left out: another one has the same labels"
        );
        self.context
            .metrics
            .targets_refused
            .with_label_values(&[job])
            .inc();
    }

    fn count_targets(&self) {
        let gauge = &self.context.metrics.targets;
        gauge.reset();
        for running in self.running.values() {
            gauge
                .with_label_values(&[running.target().target.job()])
                .inc();
        }
    }

    async fn shut_down(mut self) {
        for running in std::mem::take(&mut self.running).into_values() {
            self.leaving.spawn(running.shut_down());
        }
        let all = async { while self.leaving.join_next().await.is_some() {} };
        // What is still under way after the grace is dropped with the set.
        let _ = tokio::time::timeout(SHUTDOWN_GRACE, all).await;
    }
}

impl SounderHandle {
    /// How every target is doing.
    pub fn board(&self) -> &StatusBoard {
        &self.board
    }

    /// Calls for all profiles of a target besides those of its schedule, as far as its budget
    /// allows. `false` if it is not sounded.
    pub fn capture(&self, target: TargetId) -> bool {
        self.context.calls.call(target)
    }

    /// Puts up another profiling budget.
    pub fn set_budget(&self, budget: ProfilingBudget) {
        self.context.gate.set_budget(budget);
    }
}

/// Waits for another set of targets, and meanwhile buries those that have left. If there will be
/// no other set, the current one stays.
async fn changed(targets: &mut watch::Receiver<Vec<DiscoveredTarget>>, leaving: &mut JoinSet<()>) {
    loop {
        tokio::select! {
            changed = targets.changed() => match changed {
                Ok(()) => return,
                Err(_) => std::future::pending().await,
            },
            Some(_) = leaving.join_next() => {}
        }
    }
}

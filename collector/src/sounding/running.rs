//! The soundings of one target: one loop for its metrics, one for each kind of profile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::context::Context;
use super::gate::TargetGate;
use super::looping::Loop;
use super::profile::Profiler;
use super::schedule::{Schedule, Start};
use super::scrape::Scraper;
use super::site::Site;
use super::status::StatusCell;
use crate::config::ProfileSpec;
use crate::discovery::DiscoveredTarget;

/// A target that is being sounded.
pub(super) struct Running {
    site: Arc<Site>,
    scraper: Option<Loop<Scraper>>,
    profilers: BTreeMap<String, Loop<Profiler>>,
}

impl Running {
    pub(super) fn start(
        context: &Arc<Context>,
        target: DiscoveredTarget,
        status: StatusCell,
    ) -> Self {
        let gate = Arc::new(TargetGate::default());
        let call = context.calls.of(target.target.id());
        let site = Site {
            context: Arc::clone(context),
            target,
            status,
            gate,
            call,
        };
        Self {
            site: Arc::new(site),
            scraper: None,
            profilers: BTreeMap::new(),
        }
        .started()
    }

    pub(super) fn target(&self) -> &DiscoveredTarget {
        &self.site.target
    }

    /// Puts up other settings for the same target: what is under way is finished, its state is
    /// handed on, and the schedules keep their beat.
    pub(super) fn reconfigure(self, target: DiscoveredTarget, status: StatusCell) -> Self {
        let (context, gate) = (Arc::clone(&self.site.context), Arc::clone(&self.site.gate));
        let call = Arc::clone(&self.site.call);
        let site = Arc::new(Site {
            context,
            target,
            status,
            gate,
            call,
        });
        Self { site, ..self }.started()
    }

    /// Starts the loops that the site's settings ask for, each after the one it takes over from.
    fn started(mut self) -> Self {
        let (old_scraper, mut old_profilers) =
            (self.scraper.take(), std::mem::take(&mut self.profilers));
        if self.site.target.job.metrics_enabled {
            self.scraper = Some(start_scraper(&self.site, old_scraper));
        } else if let Some(old) = old_scraper {
            tokio::spawn(end_scraper(old));
        }
        for spec in self.site.target.profiles.iter().filter(|spec| spec.enabled) {
            let old = old_profilers.remove(&spec.kind);
            self.profilers
                .insert(spec.kind.clone(), start_profiler(&self.site, spec, old));
        }
        for old in old_profilers.into_values() {
            tokio::spawn(end_profiler(old));
        }
        self
    }

    /// The target is gone: what is under way is dropped, its series are marked stale.
    pub(super) async fn remove(self) {
        self.site.context.calls.forget(self.site.target.target.id());
        for profiler in self.profilers.into_values() {
            end_profiler(profiler).await;
        }
        if let Some(scraper) = self.scraper {
            end_scraper(scraper).await;
        }
    }

    /// leadsman ends, the target does not: a scrape under way is finished, nothing is marked
    /// stale.
    pub(super) async fn shut_down(self) {
        drop(self.profilers);
        if let Some(scraper) = self.scraper {
            scraper.finish().await;
        }
    }
}

fn start_scraper(site: &Arc<Site>, old: Option<Loop<Scraper>>) -> Loop<Scraper> {
    let schedule = schedule(site, site.target.scrape_interval, "metrics", &old);
    let mut scraper = Scraper::new(Arc::clone(site));
    let ready = async move {
        if let Some(old) = old
            && let Some(old) = old.finish().await
        {
            scraper.adopt(old).await;
        }
        scraper
    };
    // Nobody calls for a scrape.
    let call = Arc::new(Notify::new());
    Loop::start(ready, schedule, site.context.clock, call)
}

fn start_profiler(
    site: &Arc<Site>,
    spec: &ProfileSpec,
    old: Option<Loop<Profiler>>,
) -> Loop<Profiler> {
    let schedule = schedule(site, spec.interval, &spec.kind, &old);
    let mut profiler = Profiler::new(Arc::clone(site), spec.clone());
    let ready = async move {
        if let Some(old) = old
            && let Some(old) = old.finish().await
        {
            profiler.adopt(old);
        }
        profiler
    };
    Loop::start(ready, schedule, site.context.clock, Arc::clone(&site.call))
}

/// The schedule of one sounding of a target; its place in the interval is a hash of both.
fn schedule<S>(site: &Site, interval: Duration, what: &str, old: &Option<Loop<S>>) -> Schedule {
    let start = if old.is_some() {
        Start::Resumed
    } else {
        Start::Fresh
    };
    let hash = xxh3_64_with_seed(what.as_bytes(), site.target.target.id().0);
    Schedule::new(interval, hash, start, site.context.clock.now())
}

async fn end_scraper(scraper: Loop<Scraper>) {
    if let Some(scraper) = scraper.abandon().await {
        scraper.end().await;
    }
}

async fn end_profiler(profiler: Loop<Profiler>) {
    if let Some(profiler) = profiler.abandon().await {
        profiler.end().await;
    }
}

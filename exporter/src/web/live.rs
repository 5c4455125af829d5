//! The latest samples of each target, kept in memory for `/metrics?target=`, and the latest of
//! what was worked out, from them or from spans, for `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::proto::MetricFamily;
use proto::metrics::{MetricBatch, Origin, is_absent, is_stale};
use proto::target::TargetId;
use proto::{Record, UnixMillis};
use storage::log::{LogError, Reader};
use tokio_util::sync::CancellationToken;

/// Targets kept at once; the one that was silent the longest makes room.
const MAX_TARGETS: usize = 10_000;
/// Parts of what is worked out for them: signals and what was expected of them, of pages and of five
/// kinds of profiles.
const MAX_PARTS: usize = 12 * MAX_TARGETS;

/// Samples are shown this long after their scrape, as Prometheus looks back, or for three
/// intervals of the target where that is longer. Older ones would look fresh to a scraper.
const LOOKBACK: Duration = Duration::from_secs(300);

/// Pause after the log could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// Targets that an error message lists.
const MAX_LISTED: usize = 50;

/// The latest batch of each target. Cheap to clone: clones share what they show.
#[derive(Clone, Default)]
pub struct LiveView {
    latest: Arc<Mutex<Latests>>,
    derived: Arc<Mutex<Parts>>,
}

type Latests = BTreeMap<TargetId, Latest>;
/// By what they are, and the part of it.
type Parts = BTreeMap<(TargetId, Origin, String), Latest>;

#[derive(Clone)]
struct Latest {
    batch: Arc<MetricBatch>,
    /// Time from the batch before to this one.
    interval: Duration,
}

/// Why there is no page of a target.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum LookupError {
    /// No live target has this name.
    #[error("no samples of a target {asked:?}; there are: {there}")]
    Unknown {
        /// What was asked for.
        asked: String,
        /// `JOB/INSTANCE` of those there are.
        there: String,
    },
    /// Several targets have this instance.
    #[error("several targets are {asked:?}; say which: {there}")]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// `JOB/INSTANCE` of those it could be.
        there: String,
    },
}

impl LiveView {
    /// An empty view.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes note of a record of the log; only metrics count.
    pub fn observe(&self, record: &Record) {
        let Record::Metrics(batch) = record else {
            return;
        };
        let id = batch.layout.target.id();
        match batch.layout.origin() {
            Origin::Page => put(&self.latest, id, batch, MAX_TARGETS),
            origin => {
                let part = batch.layout.part().to_owned();
                put(&self.derived, (id, origin, part), batch, MAX_PARTS);
            }
        }
    }

    /// What was worked out here and is fresh: the metrics of spans, the signals of all targets and
    /// what was expected of them, with the labels of their targets.
    pub(super) fn derived(&self) -> Vec<MetricFamily> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let derived = self.derived.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        let of_spans = latest
            .values()
            .filter(|one| one.batch.layout.target.is_of_spans());
        let all = derived.values().chain(of_spans);
        let fresh = all.filter(|latest| latest.is_fresh(now));
        super::families::of(fresh.map(|latest| &*latest.batch))
    }

    /// Follows the log until `shutdown` or until the log is closed. `reader` starts at the tail.
    pub async fn run(self, mut reader: Reader, shutdown: CancellationToken) {
        loop {
            let entry = tokio::select! {
                () = shutdown.cancelled() => return,
                entry = reader.next() => entry,
            };
            match entry {
                Ok(entry) => self.observe(&entry.record),
                Err(LogError::Closed) => return,
                Err(error) => {
                    tracing::warn!(
                        error = %storage::ErrorChain(&error),
                        "the live view cannot read the log; it will try again"
                    );
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    /// The latest samples of the target called `INSTANCE` or `JOB/INSTANCE`, as Prometheus text
    /// 0.0.4 with the target's own labels left out.
    ///
    /// # Errors
    /// There is no such target, or several.
    pub fn page(&self, name: &str) -> Result<String, LookupError> {
        let batch = self.find(name, now())?;
        let mut page = String::new();
        proto::exposition::write_text(&mut page, &batch);
        Ok(page)
    }

    fn find(&self, name: &str, now: UnixMillis) -> Result<Arc<MetricBatch>, LookupError> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = || latest.values().filter(|latest| latest.is_fresh(now));
        let found: Vec<&Latest> = fresh().filter(|latest| latest.is_called(name)).collect();
        match found.as_slice() {
            [one] => Ok(Arc::clone(&one.batch)),
            [] => Err(LookupError::Unknown {
                asked: name.to_owned(),
                there: list(fresh()),
            }),
            several => {
                let there = list(several.iter().copied());
                Err(LookupError::Ambiguous {
                    asked: name.to_owned(),
                    there,
                })
            }
        }
    }
}

impl Latest {
    fn is_fresh(&self, now: UnixMillis) -> bool {
        millis_between(self.batch.time, now) <= LOOKBACK.max(self.interval * 3)
    }

    fn is_called(&self, name: &str) -> bool {
        let target = &self.batch.layout.target;
        name == target.instance() || name == format!("{}/{}", target.job(), target.instance())
    }
}

/// Whether a batch is the farewell of a target: every series of it goes stale, `up` included.
fn has_ended(batch: &MetricBatch) -> bool {
    batch
        .values
        .iter()
        .all(|value| is_stale(*value) || is_absent(*value))
}

/// Puts a batch in place of the one before, or removes that if this is the end.
fn put<K: Ord + Clone>(
    all: &Mutex<BTreeMap<K, Latest>>,
    key: K,
    batch: &Arc<MetricBatch>,
    limit: usize,
) {
    let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
    if has_ended(batch) {
        all.remove(&key);
        return;
    }
    let before = all.get(&key);
    let interval = before.map(|before| millis_between(before.batch.time, batch.time));
    let latest = Latest {
        batch: Arc::clone(batch),
        interval: interval.unwrap_or_default(),
    };
    all.insert(key, latest);
    if all.len() > limit {
        let oldest = all.iter().min_by_key(|(_, latest)| latest.batch.time);
        if let Some(key) = oldest.map(|(key, _)| key.clone()) {
            all.remove(&key);
        }
    }
}

/// Never negative: after the clock was set back, what comes from the future counts as fresh.
fn millis_between(from: UnixMillis, to: UnixMillis) -> Duration {
    Duration::from_millis(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0))
}

fn now() -> UnixMillis {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    UnixMillis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

fn list<'a>(found: impl Iterator<Item = &'a Latest>) -> String {
    let name = |latest: &Latest| {
        let target = &latest.batch.layout.target;
        format!("{}/{}", target.job(), target.instance())
    };
    let mut names: Vec<String> = found.map(name).collect();
    names.sort_unstable();
    if names.is_empty() {
        return "none".to_owned();
    }
    let n_more = names.len().saturating_sub(MAX_LISTED);
    names.truncate(MAX_LISTED);
    if n_more > 0 {
        names.push(format!("and {n_more} more"));
    }
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use proto::metrics::{Family, Layout, Series, SeriesId, stale_marker};
    use proto::{Labels, Target};

    use super::*;

    fn batch(job: &str, instance: &str, time: i64, value: f64) -> Record {
        let own = [("job", job), ("instance", instance)];
        let target = Target {
            labels: Labels::from_pairs(own),
            scheme: "http".into(),
            address: instance.into(),
        };
        let labels = Labels::from_pairs([("__name__", "up"), own[0], own[1]]);
        let series = Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: 0,
        };
        let family = Family {
            name: "up".into(),
            ..Family::default()
        };
        let layout = Layout::new(Arc::new(target), vec![family], vec![series]);
        let batch = MetricBatch::new(Arc::new(layout), UnixMillis(time), vec![value]);
        Record::Metrics(Arc::new(batch))
    }

    #[track_caller]
    fn check_found(view: &LiveView, name: &str, now: i64, expected: Option<f64>) {
        let found = view
            .find(name, UnixMillis(now))
            .ok()
            .map(|batch| batch.values[0]);
        assert_eq!(found, expected, "{name} at {now}");
    }

    #[test]
    fn the_latest_batch_is_found_by_instance_and_by_job_and_instance() {
        let view = LiveView::new();
        view.observe(&batch("etcd", "a:2379", 1000, 1.0));
        view.observe(&batch("etcd", "a:2379", 2000, 2.0));
        check_found(&view, "a:2379", 2500, Some(2.0));
        check_found(&view, "etcd/a:2379", 2500, Some(2.0));
        check_found(&view, "etcd", 2500, None);
    }

    #[test]
    fn an_instance_of_several_jobs_needs_its_job() {
        let view = LiveView::new();
        view.observe(&batch("etcd", "a:1", 1000, 1.0));
        view.observe(&batch("other", "a:1", 1000, 2.0));
        let error = view.find("a:1", UnixMillis(1000)).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"several targets are "a:1"; say which: etcd/a:1, other/a:1"#
        );
        check_found(&view, "other/a:1", 1000, Some(2.0));
    }

    #[test]
    fn an_unknown_target_is_answered_with_those_there_are() {
        let view = LiveView::new();
        let error = view.find("x", UnixMillis(0)).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"no samples of a target "x"; there are: none"#
        );
        view.observe(&batch("etcd", "a:1", 1000, 1.0));
        let error = view.find("x", UnixMillis(1000)).unwrap_err();
        assert_eq!(
            error.to_string(),
            r#"no samples of a target "x"; there are: etcd/a:1"#
        );
    }

    /// A signal of a kind of profiles.
    fn of_profile(kind: &str, time: i64) -> Record {
        let Record::Metrics(batch) = batch("etcd", "a:1", time, 1.0) else {
            unreachable!("a batch is metrics");
        };
        let mut layout = (*batch.layout).clone();
        let name = format!("leadsman_signal_profile_{kind}");
        let own = [("__name__", name.as_str()), ("profile", kind)];
        let labels = layout.target.labels.iter().chain(own);
        layout.series[0].labels = Labels::from_pairs(labels);
        layout.families[0].name = name.clone();
        let layout = Layout::new(layout.target, layout.families, layout.series);
        let batch = MetricBatch::new(Arc::new(layout), UnixMillis(time), vec![1.0]);
        Record::Metrics(Arc::new(batch))
    }

    #[test]
    fn signals_of_one_kind_of_profile_stay_when_those_of_another_come() {
        let (view, time) = (LiveView::new(), now().0);
        for kind in ["memory", "mutex", "memory"] {
            view.observe(&of_profile(kind, time));
        }
        let families = view.derived();
        let names: Vec<_> = families.iter().map(MetricFamily::name).collect();
        assert_eq!(
            names,
            [
                "leadsman_signal_profile_memory",
                "leadsman_signal_profile_mutex"
            ]
        );
    }

    #[test]
    fn a_target_that_ended_is_gone() {
        let view = LiveView::new();
        view.observe(&batch("etcd", "a:1", 1000, 1.0));
        view.observe(&batch("etcd", "a:1", 2000, stale_marker()));
        check_found(&view, "a:1", 2000, None);
    }

    #[test]
    fn old_samples_are_not_shown_as_fresh() {
        let view = LiveView::new();
        view.observe(&batch("etcd", "a:1", 1000, 1.0));
        check_found(&view, "a:1", 301_000, Some(1.0));
        check_found(&view, "a:1", 301_001, None);
        view.observe(&batch("etcd", "a:1", 601_000, 2.0));
        check_found(&view, "a:1", 601_000 + 1_800_000, Some(2.0));
        check_found(&view, "a:1", 601_000 + 1_800_001, None);
        check_found(&view, "a:1", 0, Some(2.0));
    }

    #[test]
    fn the_number_of_targets_is_bounded() {
        let view = LiveView::new();
        for idx in 0..=MAX_TARGETS as i64 {
            view.observe(&batch("job", &idx.to_string(), idx, 1.0));
        }
        check_found(&view, "0", 0, None);
        check_found(&view, "1", 1, Some(1.0));
        assert_eq!(view.latest.lock().unwrap().len(), MAX_TARGETS);
    }
}

//! Judging signals as they come through the log: what is found goes back into the log, and from
//! there to the archive and to those who are told.
//!
//! What begins to fire is told at once. Then all profiles of its target are taken, while the trouble
//! is there, and compared with those from before; the finding is told again, explained.
//!
//! What is usual is learned from the archive at the start, and nothing is kept elsewhere: which
//! findings are open is read from the archive too. Judging begins at the end of the log, so that what
//! was judged before a restart is not judged again.

pub(crate) mod explain;
mod happened;
mod history;
mod investigation;
mod links;
mod metrics;
#[cfg(test)]
mod recorded;
mod review;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use baseline::assess::Assessor;
use baseline::catalogue::Signal;
use baseline::review::{LEAST_KNOWN, Reviews};
use proto::finding::{FindingId, FindingState};
use proto::metrics::{MetricBatch, Origin};
use proto::{Finding, Record, Target, UnixMillis};
use storage::archive::{Recall, capture_id};
use storage::log::{Appender, Entry, LogError, Reader};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::config::JudgingConfig;
use crate::sounding::{SounderHandle, now};
use baseline::causes::Causes;
use explain::{Knowledge, Question};
use happened::Happened;
use investigation::{Investigation, Investigations};
pub(crate) use links::Links;
pub(crate) use metrics::JudgingMetrics;
use review::Weeks;

/// A series without a sample for this long is gone: its trouble is over, as far as can be told.
const SILENT_AFTER: Duration = Duration::from_secs(15 * 60);
/// How often it is looked for those.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// The first look at weeks comes so long after the start, when most targets were met.
const FIRST_REVIEW: Duration = Duration::from_secs(120);
/// Pause after the log could not be read.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);

/// The judge of all signals.
pub(crate) struct Judging {
    assessor: Assessor,
    knowledge: Arc<Knowledge>,
    sounder: SounderHandle,
    log: Appender,
    metrics: JudgingMetrics,
    /// What fires, as it was told last.
    firing: HashMap<FindingId, Finding>,
    investigations: Investigations,
    explaining: JoinSet<Finding>,
    happened: Happened,
    reviews: Reviews,
    /// Time between two looks at weeks.
    review_interval: Duration,
    /// The look that is under way.
    looking: JoinSet<Weeks>,
    links: Links,
}

impl Judging {
    /// A judge that has learned nothing yet, and will from `recall`. What it finds goes to `log`,
    /// and `sounder` is asked for profiles.
    pub(crate) fn new(
        signals: &[Signal],
        config: &JudgingConfig,
        causes: Causes,
        recall: Recall,
        sounder: SounderHandle,
        log: Appender,
        metrics: JudgingMetrics,
    ) -> Self {
        Self {
            assessor: Assessor::new(signals.iter().cloned().map(Arc::new), config.patience),
            knowledge: Arc::new(Knowledge { recall, causes }),
            sounder,
            log,
            metrics,
            firing: HashMap::new(),
            investigations: Investigations::default(),
            explaining: JoinSet::new(),
            happened: Happened::default(),
            reviews: Reviews::default(),
            review_interval: config.review_interval,
            looking: JoinSet::new(),
            links: Links::default(),
        }
    }

    /// The same, with findings that link to our pages.
    pub(crate) fn linking(self, links: Links) -> Self {
        Self { links, ..self }
    }

    /// Learns from the archive, then judges what `reader`, which starts at the tail, reads, until
    /// the log is closed. `stop` ends learning only.
    pub(crate) async fn run(mut self, mut reader: Reader, stop: CancellationToken) {
        let started = now();
        let stop_learning = stop.clone();
        let learning = tokio::task::spawn_blocking(move || {
            let learned = history::learn(
                &mut self.assessor,
                &self.knowledge.recall,
                started,
                &stop_learning,
            );
            (self, learned)
        });
        let mut judging = match learning.await {
            Ok((judging, learned)) => {
                learned.tell();
                judging.going_on_with(learned.open)
            }
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        let mut sweep = tokio::time::interval(SWEEP_INTERVAL);
        let first = tokio::time::Instant::now() + judging.review_interval.min(FIRST_REVIEW);
        let mut review = tokio::time::interval_at(first, judging.review_interval);
        review.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let entry = tokio::select! {
                entry = reader.next() => entry,
                _ = sweep.tick() => {
                    judging.sweep(started).await;
                    continue;
                }
                _ = review.tick() => {
                    judging.look_at_weeks(&stop);
                    continue;
                }
                Some(Ok(weeks)) = judging.looking.join_next() => {
                    judging.tell_of_weeks(weeks).await;
                    continue;
                }
                investigation = judging.investigations.next() => {
                    judging.explain(investigation);
                    continue;
                }
                Some(explained) = judging.explaining.join_next() => {
                    if let Ok(explained) = explained {
                        judging.tell_again(explained).await;
                    }
                    continue;
                }
            };
            match entry {
                Ok(entry) => judging.observe(&entry).await,
                Err(LogError::Closed) => return,
                Err(error) => {
                    warn!(
                        error = %storage::ErrorChain(&error),
                        "the judge cannot read the log; it will try again"
                    );
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
            }
        }
    }

    /// Goes on with what was told before a restart: its end will say what was known of it.
    fn going_on_with(mut self, open: Vec<Finding>) -> Self {
        self.assessor.resume(open.iter().cloned());
        self.reviews.resume(open.iter().cloned());
        let firing = open
            .into_iter()
            .filter(|one| one.state == FindingState::Firing);
        self.firing
            .extend(firing.map(|finding| (finding.id, finding)));
        self
    }

    async fn observe(&mut self, entry: &Entry) {
        self.happened.observe(&entry.record);
        match &entry.record {
            Record::Metrics(batch) if batch.layout.origin() == Origin::Signals => {
                self.judge(batch).await;
            }
            Record::Profile(profile) => {
                let id = || capture_id(entry.end, profile);
                self.investigations.observe(id, profile);
                self.assessor.see(profile);
            }
            _ => {}
        }
    }

    async fn judge(&mut self, batch: &MetricBatch) {
        let assessment = self.assessor.assess(batch);
        self.metrics.judged(self.assessor.n_series());
        if let Some(bands) = assessment.bands {
            self.append(Record::Metrics(Arc::new(bands))).await;
        }
        self.tell(assessment.findings).await;
    }

    async fn sweep(&mut self, started: UnixMillis) {
        let now = now();
        self.happened.forget(now);
        let silent_after = i64::try_from(SILENT_AFTER.as_millis()).unwrap_or(i64::MAX);
        // After a start, targets have this long to come back.
        if now.0.saturating_sub(started.0) > silent_after {
            let earliest = UnixMillis(now.0.saturating_sub(silent_after));
            let mut ended = self.assessor.end_silent(earliest, now);
            let is_there = |target: &Target| self.assessor.knows(target.id());
            ended.extend(self.reviews.end_gone(is_there, now));
            self.tell(ended).await;
        }
    }

    /// Begins to look at the weeks of all that is judged, unless it is still being looked at.
    fn look_at_weeks(&mut self, stop: &CancellationToken) {
        if !self.looking.is_empty() {
            return;
        }
        let judged: Vec<_> = self.assessor.judged(LEAST_KNOWN).collect();
        let (knowledge, stop) = (Arc::clone(&self.knowledge), stop.clone());
        self.looking
            .spawn_blocking(move || review::look(&knowledge.recall, judged, now(), &stop));
    }

    async fn tell_of_weeks(&mut self, weeks: Weeks) {
        for problem in &weeks.problems {
            warn!("a part of the last weeks cannot be looked at: {problem}");
        }
        let findings = self.reviews.take(&weeks.reviewed, now());
        debug!(
            series = weeks.reviewed.len(),
            findings = findings.len(),
            "looked at weeks"
        );
        self.tell(findings).await;
    }

    async fn tell(&mut self, findings: Vec<Finding>) {
        for mut finding in findings {
            let signal = self.assessor.signal(&finding.signal);
            finding.links = self.links.of(&finding, signal);
            if finding.state == FindingState::Firing {
                finding.explanation += &self.happened.near(&finding.target, finding.since);
                if self.sounder.capture(finding.target.id()) {
                    self.investigations.begin(finding.clone());
                }
                self.firing.insert(finding.id, finding.clone());
            } else if let Some(told) = self.firing.remove(&finding.id) {
                (finding.cause, finding.remedy) = (told.cause, told.remedy);
                finding.captures = told.captures;
            }
            info!(
                state = %finding.state,
                severity = %finding.severity,
                job = finding.target.job(),
                instance = finding.target.instance(),
                signal = finding.signal,
                finding = %finding.id,
                "{}", finding.title
            );
            self.metrics.found(&finding);
            self.append(Record::Finding(Arc::new(finding))).await;
        }
    }

    /// Works out what the profiles of an investigation say, on another thread.
    fn explain(&mut self, investigation: Investigation) {
        let signal = self.assessor.signal(&investigation.finding.signal);
        let question = Question {
            component: signal.map_or_else(String::new, |signal| signal.component.clone()),
            kinds: signal.map_or_else(Vec::new, |signal| signal.profiles.clone()),
            sample_type: signal
                .and_then(Signal::from_profile)
                .map(|from| from.sample_type.clone()),
        };
        let knowledge = Arc::clone(&self.knowledge);
        self.explaining
            .spawn_blocking(move || explain::explain(&knowledge, &question, &investigation));
    }

    /// The same finding, explained, unless it is over or has become worse meanwhile.
    async fn tell_again(&mut self, explained: Finding) {
        let told = self.firing.get_mut(&explained.id);
        let Some(told) = told.filter(|told| told.severity == explained.severity) else {
            return;
        };
        let signal = self.assessor.signal(&explained.signal);
        let mut explained = Finding {
            time: now(),
            ..explained
        };
        explained.links = self.links.of(&explained, signal);
        *told = explained.clone();
        info!(
            job = explained.target.job(),
            instance = explained.target.instance(),
            signal = explained.signal,
            finding = %explained.id,
            profiles = explained.captures.len(),
            cause = explained.cause,
            "explained"
        );
        self.append(Record::Finding(Arc::new(explained))).await;
    }

    async fn append(&self, record: Record) {
        // At the end of a closed log, what is found is found again after the next start.
        if let Err(error) = self.log.append(record).await
            && !matches!(error, LogError::Closed)
        {
            warn!(
                error = %storage::ErrorChain(&error),
                "failed to log what the judge said"
            );
        }
    }
}

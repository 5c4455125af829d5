//! Reading the archive for a report.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use baseline::catalogue::Signal;
use exporter::alert::Silences;
use proto::metrics::SIGNAL_PREFIX;
use proto::selector::{MatchOp, Matcher, Selector};
use proto::{Finding, Labels, UnixMillis};
use storage::ErrorChain;
use storage::archive::{
    ArchiveError, Asked, FindingQuery, Recall, RecallError, Resolution, Series, SeriesQuery,
    WindowValues,
};

use super::chart::Point;
use super::evidence::Evidences;
use super::model::{Incident, Range, Report, SignalReport, State, Story, TargetReport};
use super::state::Known;
use crate::cli::findings::trouble::Trouble;

/// What is asked of an archive.
pub(super) struct Question<'a> {
    pub(super) recall: &'a Recall,
    /// What people call the archive, and how they name it on a command line.
    pub(super) place: String,
    pub(super) selector: Selector,
    pub(super) range: Range,
    /// Whether the range ends now: what is open then is open however long ago it began.
    pub(super) ends_now: bool,
    pub(super) signals: Vec<Signal>,
    pub(super) silences: Silences,
    pub(super) made: UnixMillis,
}

impl Question<'_> {
    /// Reads everything. What cannot be read is left out, and told.
    pub(super) fn read(&self) -> Result<Report, RecallError> {
        let mut problems = Problems::default();
        let signals: Vec<Arc<Signal>> = self.signals.iter().cloned().map(Arc::new).collect();
        let (mut targets, latest) = self.targets(&signals, &mut problems)?;
        let (mut open, mut over) = self.stories(&signals, &mut problems)?;
        let known = Known {
            open: open.iter().collect(),
            all: open.iter().chain(&over).collect(),
            end: self.range.to,
            latest,
        };
        for target in &mut targets {
            known.judge(target);
        }
        targets.sort_by_cached_key(|target| {
            let worst = target.worst();
            let is_down = target.is_up == Some(false);
            (Reverse((worst.max(State::Silent), is_down)), target.name())
        });
        let mut evidences = Evidences::new(self.recall, &self.place, self.range.to);
        open.sort_by_cached_key(Story::rank);
        over.sort_by_key(|story| Reverse(story.last().time));
        for story in open.iter_mut().chain(&mut over) {
            story.evidence = evidences.of(story);
        }
        let mut left_out = Vec::new();
        if evidences.n_left_out > 0 {
            let n = evidences.n_left_out;
            left_out.push(format!(
                "the profiles of {n} findings: leadsman profile diff compares them"
            ));
        }
        problems.tell(evidences.problems);
        Ok(Report {
            range: self.range,
            made: self.made,
            place: self.place.clone(),
            asked: match self.selector.matchers.is_empty() {
                true => String::new(),
                false => self.selector.to_string(),
            },
            targets,
            incidents: incidents(open),
            over,
            latest,
            left_out,
            problems: problems.told,
        })
    }

    fn stories(
        &self,
        signals: &[Arc<Signal>],
        problems: &mut Problems,
    ) -> Result<(Vec<Story>, Vec<Story>), RecallError> {
        let mut findings = Vec::new();
        if self.ends_now {
            let open = self.recall.open_findings(&self.selector)?;
            problems.add(&open.left_out);
            findings.extend(open.findings);
        }
        // What is open at a time in the past may have begun at any time before.
        let in_range = self.recall.findings(&FindingQuery {
            selector: self.selector.clone(),
            from: self.ends_now.then_some(self.range.from),
            to: Some(self.range.to),
            ..FindingQuery::default()
        })?;
        problems.add(&in_range.left_out);
        let known = |finding: &Arc<Finding>| {
            let is_same = |one: &&Arc<Finding>| {
                one.id == finding.id && one.time == finding.time && one.state == finding.state
            };
            in_range.findings.iter().any(|one| is_same(&one))
        };
        findings.retain(|finding| !known(finding));
        findings.extend(in_range.findings.iter().cloned());
        findings.sort_by_key(|finding| finding.time);
        let stories = Trouble::all(&findings, &self.silences).into_iter();
        let stories = stories.map(|trouble| story(trouble, signals));
        let (open, mut over): (Vec<_>, Vec<_>) = stories.partition(|story| story.last().is_open());
        over.retain(|story| story.last().time >= self.range.from);
        Ok((open, over))
    }

    /// The targets with their signals and what is usual, and when the last sample of them was.
    fn targets(
        &self,
        signals: &[Arc<Signal>],
        problems: &mut Problems,
    ) -> Result<(Vec<TargetReport>, Option<UnixMillis>), RecallError> {
        let mut targets = Targets::default();
        for series in self.series(Matcher::equal("__name__", "up"), problems)? {
            targets.add_up(&series);
        }
        let by_metric: HashMap<String, usize> = signals
            .iter()
            .enumerate()
            .map(|(idx, signal)| (signal.metric_name(), idx))
            .collect();
        if let Ok(name) = Matcher::new("__name__", MatchOp::Regex, format!("{SIGNAL_PREFIX}.*")) {
            for series in self.series(name, problems)? {
                let idx = by_metric.get(series.labels.metric_name());
                if let Some(signal) = idx.and_then(|&idx| signals.get(idx)) {
                    targets.add_signal(signal, &series);
                }
            }
        }
        for (idx, edge) in ["leadsman_baseline_lower", "leadsman_baseline_upper"]
            .into_iter()
            .enumerate()
        {
            for series in self.series(Matcher::equal("__name__", edge), problems)? {
                targets.add_band(idx, &series);
            }
        }
        let rank = |signal: &SignalReport| by_metric.get(&signal.signal.metric_name()).copied();
        for target in &mut targets.all {
            target
                .signals
                .sort_by_cached_key(|signal| (rank(signal), signal.labels.clone()));
        }
        Ok((targets.all, targets.latest))
    }

    /// Series of a name, as fine as they can be held at once.
    fn series(&self, name: Matcher, problems: &mut Problems) -> Result<Vec<Series>, RecallError> {
        let mut selector = self.selector.clone();
        selector.matchers.push(name);
        let mut query = SeriesQuery {
            selector,
            from: Some(self.range.from),
            to: Some(self.range.to),
            ..SeriesQuery::default()
        };
        let answer = match self.recall.series(&query) {
            Err(RecallError::TooManyPoints { .. }) => {
                query.resolution = Asked::Exactly(Resolution::OneHour);
                self.recall.series(&query)?
            }
            answer => answer?,
        };
        problems.add(&answer.left_out);
        Ok(answer.series)
    }
}

/// What could not be read, each file once.
#[derive(Default)]
struct Problems {
    told: Vec<String>,
}

impl Problems {
    fn add(&mut self, errors: &[ArchiveError]) {
        self.tell(errors.iter().map(|error| ErrorChain(error).to_string()));
    }

    fn tell(&mut self, texts: impl IntoIterator<Item = String>) {
        for text in texts {
            if !self.told.contains(&text) {
                self.told.push(text);
            }
        }
    }
}

fn story(trouble: Trouble, signals: &[Arc<Signal>]) -> Story {
    let name = &trouble.last().signal;
    let signal = signals.iter().find(|signal| signal.name == *name).cloned();
    Story {
        trouble,
        signal,
        evidence: Vec::new(),
    }
}

/// Puts together what shares the number of an incident, in order of the worst of each.
fn incidents(open: Vec<Story>) -> Vec<Incident> {
    let mut numbers: Vec<u64> = Vec::new();
    let mut incidents: Vec<Incident> = Vec::new();
    for story in open {
        let number = story.last().incident;
        match numbers.iter().position(|known| *known == number) {
            Some(idx) => incidents[idx].stories.push(story),
            None => {
                numbers.push(number);
                incidents.push(Incident {
                    stories: vec![story],
                });
            }
        }
    }
    incidents
}

/// Targets as they come up in series.
#[derive(Default)]
struct Targets {
    all: Vec<TargetReport>,
    /// Where a series of a signal is: its target, its signal's name, and the hash of its own labels.
    places: HashMap<(usize, String, u64), usize>,
    latest: Option<UnixMillis>,
}

impl Targets {
    fn add_up(&mut self, series: &Series) {
        let labels = without(&series.labels, |name| name == "__name__");
        let (points, last) = points(series);
        self.latest = self.latest.max(last.map(|(time, _)| time));
        if points.is_empty() {
            return;
        }
        self.all.push(TargetReport {
            labels,
            is_up: last.map(|(_, value)| value != 0.0),
            signals: Vec::new(),
        });
    }

    fn add_signal(&mut self, signal: &Arc<Signal>, series: &Series) {
        let (points, last) = points(series);
        self.latest = self.latest.max(last.map(|(time, _)| time));
        let target_idx = self.target_of(&series.labels);
        let target = &mut self.all[target_idx];
        let labels = without(&series.labels, |name| {
            name == "__name__" || target.labels.get(name).is_some()
        });
        let place = (target_idx, signal.name.clone(), labels.hash64());
        self.places.insert(place, target.signals.len());
        target.signals.push(SignalReport {
            signal: Arc::clone(signal),
            labels,
            points,
            lower: Vec::new(),
            upper: Vec::new(),
            last,
            spans: Vec::new(),
            state: State::Unknown,
        });
    }

    /// The lower end if `edge_idx` is 0, else the upper one.
    fn add_band(&mut self, edge_idx: usize, series: &Series) {
        let target_idx = self.target_of(&series.labels);
        let target = &mut self.all[target_idx];
        let labels = without(&series.labels, |name| {
            matches!(name, "__name__" | "signal") || target.labels.get(name).is_some()
        });
        let signal = series.labels.get("signal").unwrap_or_default().to_owned();
        let place = self.places.get(&(target_idx, signal, labels.hash64()));
        let Some(report) = place.and_then(|&idx| target.signals.get_mut(idx)) else {
            return;
        };
        let (points, _) = points(series);
        let edge = points
            .iter()
            .map(|point| (point.time, point.value))
            .collect();
        match edge_idx {
            0 => report.lower = edge,
            _ => report.upper = edge,
        }
    }

    /// The target that a series is of: the one that shares most of its labels. Where `up` is not
    /// known it is told by `job` and `instance`.
    fn target_of(&mut self, labels: &Labels) -> usize {
        let is_of = |target: &TargetReport| {
            let mut own = target.labels.iter();
            own.all(|(name, value)| labels.get(name) == Some(value))
        };
        let fitting = self
            .all
            .iter()
            .enumerate()
            .filter(|(_, target)| is_of(target));
        if let Some((idx, _)) = fitting.max_by_key(|(_, target)| target.labels.len()) {
            return idx;
        }
        self.all.push(TargetReport {
            labels: without(labels, |name| !matches!(name, "job" | "instance")),
            is_up: None,
            signals: Vec::new(),
        });
        self.all.len() - 1
    }
}

fn without(labels: &Labels, is_dropped: impl Fn(&str) -> bool) -> Labels {
    Labels::from_pairs(labels.iter().filter(|(name, _)| !is_dropped(name)))
}

/// The points of a series, in order of time, and its last value. What is no number is left out.
fn points(series: &Series) -> (Vec<Point>, Option<(UnixMillis, f64)>) {
    let windows = series.windows.iter().filter_map(|window| {
        let WindowValues::Gauge { min, max, sum, .. } = window.values else {
            return None;
        };
        let point = Point {
            time: i64::midpoint(window.time.0, window.end().0),
            value: sum / window.count as f64,
            min,
            max,
        };
        Some((point, (window.end(), window.last)))
    });
    let samples = series.samples.iter().map(|sample| {
        let value = sample.value;
        let point = Point {
            time: sample.time.0,
            value,
            min: value,
            max: value,
        };
        (point, (sample.time, value))
    });
    let known = windows.chain(samples);
    let mut known: Vec<_> = known.filter(|(point, _)| point.value.is_finite()).collect();
    known.sort_by_key(|(point, _)| point.time);
    let last = known.last().map(|(_, last)| *last);
    let last = last.filter(|(_, value)| value.is_finite());
    (known.into_iter().map(|(point, _)| point).collect(), last)
}

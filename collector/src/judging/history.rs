//! What is usual, learned from the archive.

use std::time::{Duration, Instant};

use baseline::assess::Assessor;
use proto::metrics::SIGNAL_PREFIX;
use proto::selector::{MatchOp, Matcher, Selector, SelectorError};
use proto::{Finding, UnixMillis};
use storage::ErrorChain;
use storage::archive::WindowValues;
use storage::archive::{Asked, Recall, RecallError, Resolution, Series, SeriesQuery};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

const DAY: i64 = 86_400_000;
/// How far back is looked: six weeks, so that each hour of the week was there six times.
const FURTHEST: i64 = 42 * DAY;
/// What is older than a day is read in windows of five minutes, the rest as it was.
const RAW: i64 = DAY;
/// How much is read at once, at first: as long as an answer would be too large, half of it.
const STEP: i64 = 2 * DAY;
/// Least that is read at once.
const LEAST_STEP: i64 = DAY / 24;

/// How learning went.
#[derive(Default)]
pub(super) struct Learned {
    n_series: usize,
    n_points: usize,
    /// What was found and is not over.
    pub(super) open: Vec<Finding>,
    took: Duration,
    problems: Vec<String>,
}

/// Learns what `recall` has of signals until `now`, oldest first, and what was found and is open.
/// What cannot be read is left out, and told.
pub(super) fn learn(
    assessor: &mut Assessor,
    recall: &Recall,
    now: UnixMillis,
    stop: &CancellationToken,
) -> Learned {
    let started = Instant::now();
    let mut learned = Learned::default();
    let raw = now.0.saturating_sub(RAW);
    let (mut from, mut step) = (now.0.saturating_sub(FURTHEST), STEP);
    // Each reading looks through the log's tail too: without a past there is one of them.
    let kept_only = assessor.kept_only();
    if has_nothing(recall, from, now.0) {
        from = now.0;
    }
    while from < now.0 && !stop.is_cancelled() {
        let (end, resolution) = match from < raw {
            true => (raw, Resolution::FiveMinutes),
            false => (now.0, Resolution::Raw),
        };
        let to = (from + step).min(end);
        match read(recall, from, to, resolution, &kept_only) {
            Ok(series) => learned.take(assessor, &series),
            Err(Problem::TooMuch) if step > LEAST_STEP => {
                step /= 2;
                continue;
            }
            Err(problem) => learned.problems.push(problem.to_string()),
        }
        from = to;
    }
    match recall.open_findings(&Selector::default()) {
        Ok(answer) => {
            let open = answer.findings.iter();
            learned.open = open.map(|finding| (**finding).clone()).collect();
        }
        Err(error) => learned.problems.push(ErrorChain(&error).to_string()),
    }
    learned.took = started.elapsed();
    learned
}

/// Why a part of the past is not known.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("an hour has too many points")]
    TooMuch,
    #[error("{0}")]
    Recall(String),
    #[error(transparent)]
    Selector(#[from] SelectorError),
}

fn read(
    recall: &Recall,
    from: i64,
    to: i64,
    resolution: Resolution,
    kept_only: &[String],
) -> Result<Vec<Series>, Problem> {
    let mut query = signals(from, to, resolution)?;
    if !kept_only.is_empty() {
        let names = kept_only.join("|");
        let others = Matcher::new("__name__", MatchOp::NotRegex, names)?;
        query.selector.matchers.push(others);
    }
    match recall.series(&query) {
        Ok(answer) => Ok(answer.series),
        Err(RecallError::TooManyPoints { .. }) => Err(Problem::TooMuch),
        Err(error) => Err(Problem::Recall(ErrorChain(&error).to_string())),
    }
}

/// Whether there are no signals at all in a range. Problems are left to those who read it.
fn has_nothing(recall: &Recall, from: i64, to: i64) -> bool {
    let query = signals(from, to, Resolution::FiveMinutes);
    let names = query.map(|query| recall.series_names(&query));
    matches!(names, Ok(Ok(answer)) if answer.series.is_empty())
}

fn signals(from: i64, to: i64, resolution: Resolution) -> Result<SeriesQuery, SelectorError> {
    let name = Matcher::new("__name__", MatchOp::Regex, format!("{SIGNAL_PREFIX}.*"))?;
    Ok(SeriesQuery {
        selector: Selector {
            matchers: vec![name],
        },
        from: Some(UnixMillis(from)),
        to: Some(UnixMillis(to)),
        resolution: Asked::Exactly(resolution),
        ..SeriesQuery::default()
    })
}

/// The points of a series: of a window its mean, at its end.
pub(super) fn points(series: &Series) -> impl Iterator<Item = (UnixMillis, f64)> {
    let windows = series
        .windows
        .iter()
        .filter_map(|window| match window.values {
            WindowValues::Gauge { sum, .. } => Some((window.end(), sum / window.count as f64)),
            WindowValues::Counter { .. } => None,
        });
    let samples = series
        .samples
        .iter()
        .map(|sample| (sample.time, sample.value));
    windows.chain(samples)
}

impl Learned {
    fn take(&mut self, assessor: &mut Assessor, all: &[Series]) {
        self.n_series = self.n_series.max(all.len());
        for series in all {
            self.n_points += series.samples.len() + series.windows.len();
            assessor.learn(&series.labels, points(series));
        }
    }

    /// Logs it.
    pub(super) fn tell(&self) {
        for problem in &self.problems {
            warn!("a part of the past is not known to the judge: {problem}");
        }
        info!(
            series = self.n_series,
            points = self.n_points,
            open_findings = self.open.len(),
            seconds = self.took.as_secs_f64(),
            "the judge has learned what is usual"
        );
    }
}

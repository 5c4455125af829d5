//! What only shows over weeks, looked for in the archive.

use std::collections::HashMap;
use std::sync::Arc;

use baseline::assess::Judged;
use baseline::review::{History, LOOKED_AT, Reviewed, review};
use proto::UnixMillis;
use proto::metrics::SeriesId;
use proto::selector::{MatchOp, Matcher, Selector};
use proto::target::TargetId;
use storage::ErrorChain;
use storage::archive::{Asked, Recall, RecallError, Resolution, Series, SeriesLimits, SeriesQuery};
use tokio_util::sync::CancellationToken;

use super::history::points;

/// The signal that tells when processes began.
const AGE: &str = "process_age";
/// Points that are read at once, of however many signals: 20 MB. Those of one signal may be more.
const POINTS_AT_ONCE: usize = 200_000;
/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

/// What looking at weeks came to.
#[derive(Debug, Default)]
pub(super) struct Weeks {
    pub(super) reviewed: Vec<Reviewed>,
    /// What could not be read. Its series are not in `reviewed`.
    pub(super) problems: Vec<String>,
}

/// Looks at the weeks before `now` of all that is judged. Reads the archive: may take seconds.
pub(super) fn look(
    recall: &Recall,
    judged: Vec<Judged>,
    now: UnixMillis,
    stop: &CancellationToken,
) -> Weeks {
    let mut by_name: HashMap<String, HashMap<SeriesId, Judged>> = HashMap::new();
    for one in judged {
        let of_signal = by_name.entry(one.signal.metric_name()).or_default();
        of_signal.insert(one.id, one);
    }
    let mut looking = Looking {
        recall,
        now,
        stop,
        weeks: Weeks::default(),
    };
    // Ages say nothing but when processes began.
    let is_age = |of: &HashMap<SeriesId, Judged>| of.values().any(|one| one.signal.name == AGE);
    let ages = by_name.extract_if(|_, of| is_age(of)).collect();
    let restarts = looking.restarts(&ages);
    let names: Vec<&str> = by_name.keys().map(String::as_str).collect();
    looking.read(&names, &mut |series| {
        let id = SeriesId(series.labels.hash64());
        let one = by_name.get(series.labels.metric_name())?.get(&id)?;
        let hours: Vec<_> = points(series).collect();
        let restarts = restarts
            .get(&one.target.id())
            .map_or(&[][..], Vec::as_slice);
        let history = History {
            hours: &hours,
            limit: one.limit,
            restarts,
        };
        Some(Reviewed {
            outlook: review(&one.signal, &history, now),
            target: Arc::clone(&one.target),
            labels: one.labels.clone(),
            signal: Arc::clone(&one.signal),
            last: hours.last().map_or(f64::NAN, |(_, value)| *value),
        })
    });
    looking.weeks
}

struct Looking<'a> {
    recall: &'a Recall,
    now: UnixMillis,
    stop: &'a CancellationToken,
    weeks: Weeks,
}

impl Looking<'_> {
    /// Calls `each` with every series of metrics, and keeps what it gives.
    fn read(&mut self, names: &[&str], each: &mut dyn FnMut(&Series) -> Option<Reviewed>) {
        if names.is_empty() || self.stop.is_cancelled() {
            return;
        }
        let n_points = match names.len() {
            1 => SeriesLimits::default().n_points,
            _ => POINTS_AT_ONCE,
        };
        match self.series(names, n_points) {
            Ok(all) => self.weeks.reviewed.extend(all.iter().filter_map(each)),
            Err(Problem::TooMuch) if names.len() > 1 => {
                let (left, right) = names.split_at(names.len() / 2);
                self.read(left, each);
                self.read(right, each);
            }
            Err(problem) => self.weeks.problems.push(problem.to_string()),
        }
    }

    /// When the processes of targets began anew.
    fn restarts(
        &mut self,
        ages: &HashMap<String, HashMap<SeriesId, Judged>>,
    ) -> HashMap<TargetId, Vec<UnixMillis>> {
        let mut restarts = HashMap::new();
        let names: Vec<&str> = ages.keys().map(String::as_str).collect();
        self.read(&names, &mut |series| {
            let id = SeriesId(series.labels.hash64());
            let one = ages.get(series.labels.metric_name())?.get(&id)?;
            let began: Vec<_> = points(series).collect();
            restarts.insert(one.target.id(), drops(&began));
            None
        });
        restarts
    }

    fn series(&self, names: &[&str], n_points: usize) -> Result<Vec<Series>, Problem> {
        // Names of metrics are words: nothing in them has to be escaped.
        let name = Matcher::new("__name__", MatchOp::Regex, names.join("|"));
        let name = name.map_err(|error| Problem::Unreadable(error.to_string()))?;
        let query = SeriesQuery {
            selector: Selector {
                matchers: vec![name],
            },
            from: Some(UnixMillis(self.now.0.saturating_sub(LOOKED_AT))),
            to: Some(self.now),
            resolution: Asked::Exactly(Resolution::OneHour),
            limits: SeriesLimits {
                n_points,
                ..SeriesLimits::default()
            },
        };
        match self.recall.series(&query) {
            Ok(answer) => Ok(answer.series),
            Err(RecallError::TooManyPoints { .. }) => Err(Problem::TooMuch),
            Err(error) => Err(Problem::Unreadable(ErrorChain(&error).to_string())),
        }
    }
}

/// Why series cannot be looked at.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("a signal has too many points in four weeks")]
    TooMuch,
    #[error("{0}")]
    Unreadable(String),
}

/// The beginnings of hours in which a mean age fell.
fn drops(ages: &[(UnixMillis, f64)]) -> Vec<UnixMillis> {
    let pairs = ages.windows(2).filter_map(|pair| match pair {
        [(_, before), (time, after)] if after < before => Some(UnixMillis(time.0 - HOUR)),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_begin_anew_where_their_age_falls() {
        let ages = [
            (1, 5000.0),
            (2, 8600.0),
            (3, 900.0),
            (4, 3000.0),
            (6, 100.0),
        ];
        let ages = ages.map(|(hour, age)| (UnixMillis(hour * HOUR), age));
        assert_eq!(drops(&ages), [UnixMillis(2 * HOUR), UnixMillis(5 * HOUR)]);
        assert_eq!(drops(&ages[..1]), []);
    }
}

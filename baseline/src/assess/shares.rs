//! Shares of functions, which are judged like any series, but for what they have beside them: the
//! samples they come from, the profile they were in, and the functions that were not there before.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use proto::metrics::{MetricBatch, Series, SeriesId};
use proto::target::TargetId;
use proto::{Labels, ProfileRecord, Target, UnixMillis};

use super::Assessor;
use super::alarm::Patience;
use super::functions::{self, Seen, Standing, Whole};
use super::state::State;
use crate::catalogue::{FromProfile, Measure, Signal};
use crate::explain::least_change;
use crate::profiles::FUNCTION_LABEL;

/// For how long a function that is new is known not to have been there. Milliseconds. More than the
/// day after which a band is believed.
const PAST: i64 = 2 * 86_400_000;
/// At most so many rows of it: one a minute, or fewer.
const MIN_INTERVAL: i64 = 60_000;
/// How much the newest profile counts for what is spent in all: shares are of some profiles too.
const NEWEST: f64 = 0.3;
/// How much the newest shares count for how much functions have grown.
const NEWEST_GROWTH: f64 = 0.1;

/// What is known of shares of functions beside their series.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares {
    /// By [`family`].
    families: HashMap<u64, Family>,
    /// By how much each function was above what was expected lately.
    grown: HashMap<SeriesId, f64>,
    /// Profiles whose signals have not come yet, by target and kind.
    profiles: HashMap<(TargetId, String), Arc<ProfileRecord>>,
}

/// All functions of one signal of one target.
#[derive(Clone, Copy, Debug)]
struct Family {
    /// Since when they are told.
    first: UnixMillis,
    last: UnixMillis,
    /// From one profile to the next. Milliseconds.
    interval: i64,
    /// What is spent in all, lately.
    whole: f64,
}

/// What holds for one series of a batch beyond what its signal says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limit {
    /// The smallest change that shows over the noise.
    pub(super) least: f64,
    /// It is not told now: another one is.
    is_kept_back: bool,
}

impl Limit {
    /// What is kept back may stay as it is for as long as it wants, and fires when it no longer is.
    pub(super) fn patience(self, usual: Patience) -> Patience {
        match self.is_kept_back {
            true => Patience {
                hold: i64::MAX,
                ..usual
            },
            false => usual,
        }
    }
}

impl Shares {
    pub(super) fn keep(&mut self, record: &Arc<ProfileRecord>) {
        let key = (record.target.id(), record.kind.clone());
        self.profiles.insert(key, Arc::clone(record));
    }

    /// Takes note of when a series was.
    pub(super) fn note(&mut self, labels: &Labels, time: UnixMillis) {
        let interval = MIN_INTERVAL;
        let family = self.families.entry(family(labels)).or_insert(Family {
            first: time,
            last: time,
            interval,
            whole: f64::NAN,
        });
        family.first = family.first.min(time);
        family.last = family.last.max(time);
    }

    /// Forgets targets of which nothing was heard.
    pub(super) fn retain(
        &mut self,
        is_alive: impl Fn(TargetId) -> bool,
        is_known: impl Fn(SeriesId) -> bool,
        earliest: UnixMillis,
    ) {
        self.grown.retain(|series, _| is_known(*series));
        self.profiles.retain(|(target, _), _| is_alive(*target));
        self.families.retain(|_, family| family.last >= earliest);
    }
}

/// Keeps back what another function tells, by the stacks of the newest profile. `seen` has functions
/// with the places of their limits.
fn hold_back(
    seen: &[(usize, Seen<'_>)],
    whole: Whole,
    (record, sample_type): (&ProfileRecord, &str),
    limits: &mut HashMap<usize, Limit>,
) {
    let (places, seen): (Vec<usize>, Vec<Seen<'_>>) = seen.iter().copied().unzip();
    let Some(type_idx) = record.profile.type_idx(sample_type) else {
        return;
    };
    if seen.iter().all(|one| one.standing != Standing::Out) {
        return;
    }
    let kept_back = functions::kept_back(&seen, whole, &record.profile, type_idx);
    for (place, is_kept_back) in places.iter().zip(kept_back) {
        if let Some(limit) = limits.get_mut(place) {
            limit.is_kept_back = is_kept_back;
        }
    }
}

/// Which functions are told together: all labels but the function.
fn family(labels: &Labels) -> u64 {
    let others = labels.iter().filter(|(name, _)| *name != FUNCTION_LABEL);
    Labels::from_pairs(others).hash64()
}

impl Assessor {
    /// Takes the profile whose signals come next: by its stacks it is told which functions grew
    /// because of others.
    pub fn see(&mut self, record: &Arc<ProfileRecord>) {
        let of_kind = |signal: &Arc<Signal>| {
            let from = signal.from_profile();
            from.is_some_and(|from| from.kind == record.kind && is_judged(signal))
        };
        if self.signals.iter().any(of_kind) {
            self.shares.keep(record);
        }
    }

    /// What holds for shares of functions in a batch, by the place of their series.
    pub(super) fn limits(&mut self, batch: &MetricBatch) -> HashMap<usize, Limit> {
        let mut limits = HashMap::new();
        let kind = batch.layout.part();
        if kind.is_empty() {
            return limits;
        }
        let key = (batch.layout.target.id(), kind.to_owned());
        let record = self.shares.profiles.remove(&key);
        for idx in 0..self.signals.len() {
            let signal = Arc::clone(&self.signals[idx]);
            if let Some(from) = signal.from_profile()
                && from.kind == kind
                && is_judged(&signal)
            {
                self.limit(batch, idx, &signal, record.as_deref(), &mut limits);
            }
        }
        limits
    }

    /// The same of one signal.
    fn limit(
        &mut self,
        batch: &MetricBatch,
        signal_idx: usize,
        signal: &Signal,
        record: Option<&ProfileRecord>,
        limits: &mut HashMap<usize, Limit>,
    ) {
        let metric = signal.metric_name();
        let series = batch.layout.series.iter().zip(&batch.values).enumerate();
        let of_signal = series.filter(|(_, (series, value))| {
            value.is_finite() && series.labels.metric_name() == metric
        });
        let of_signal: Vec<(usize, &Series, f64)> = of_signal
            .map(|(place, (series, value))| (place, series, *value))
            .collect();
        let (Some((_, first, _)), Some(from)) = (of_signal.first(), signal.from_profile()) else {
            return;
        };
        let n_events = self.beside(batch, from, &[Measure::Samples]);
        let n_events = n_events.map_or(f64::INFINITY, |(n_events, _)| n_events);
        let whole = self.beside(batch, from, &[Measure::PerSecond, Measure::Total]);
        let family = self.follow(&first.labels, batch.time, whole.map(|(now, _)| now));
        let mut seen = Vec::with_capacity(of_signal.len());
        for (place, series, now) in of_signal {
            if !self.series.contains_key(&series.id) {
                self.meet_function(signal_idx, &batch.layout.target, series, family, batch.time);
            }
            if let Some((limit, one)) = self.look(signal, series, (batch.time, now), n_events) {
                limits.insert(place, limit);
                seen.extend(one.map(|one| (place, one)));
            }
        }
        let whole = Whole {
            now: family.whole,
            expected: whole.map_or(f64::NAN, |(_, expected)| expected),
        };
        if let Some(record) = record {
            hold_back(&seen, whole, (record, &from.sample_type), limits);
        }
    }

    /// A function's share as it is now: what holds for it, and once something was expected of it how
    /// it stands. `None` if it is not judged.
    fn look<'a>(
        &mut self,
        signal: &Signal,
        series: &'a Series,
        (time, now): (UnixMillis, f64),
        n_events: f64,
    ) -> Option<(Limit, Option<Seen<'a>>)> {
        let assessed = self.series.get(&series.id)?;
        let peeked = assessed.state.peek(signal, time, now);
        let expected = peeked.map_or(f64::NAN, |(verdict, _)| verdict.expected);
        let least = least_change(expected, now, n_events);
        let is_out = peeked.is_some_and(|(_, is_out)| is_out) && now - expected >= least;
        let (standing, least) = match (assessed.is_in_trouble(), is_out) {
            (true, _) => (Standing::Told, 0.0),
            (false, true) => (Standing::Out, least),
            (false, false) => (Standing::Usual, least),
        };
        let limit = Limit {
            least,
            is_kept_back: false,
        };
        if !expected.is_finite() {
            return Some((limit, None));
        }
        let grown = self.shares.grown.entry(series.id).or_default();
        *grown += NEWEST_GROWTH * (now - expected - *grown);
        let seen = Seen {
            function: series.labels.get(FUNCTION_LABEL).unwrap_or(""),
            now,
            expected,
            grown: *grown,
            standing,
        };
        Some((limit, Some(seen)))
    }

    /// What else is told of the same values: now, and what was expected of it, if that is known.
    fn beside(
        &self,
        batch: &MetricBatch,
        from: &FromProfile,
        measures: &[Measure],
    ) -> Option<(f64, f64)> {
        let mut samples = batch.samples();
        samples.find_map(|(series, time, value)| {
            let idx = self.by_metric.get(series.labels.metric_name())?;
            let signal = self.signals.get(*idx)?;
            let other = signal.from_profile()?;
            let is_it = other.kind == from.kind
                && other.sample_type == from.sample_type
                && measures.contains(&other.measure);
            is_it.then(|| {
                let assessed = self.series.get(&series.id);
                let peeked = assessed.and_then(|one| one.state.peek(signal, time, value));
                (
                    value,
                    peeked.map_or(f64::NAN, |(verdict, _)| verdict.expected),
                )
            })
        })
    }

    /// Goes on with the functions of a signal.
    fn follow(&mut self, labels: &Labels, time: UnixMillis, whole: Option<f64>) -> Family {
        let (key, whole) = (family(labels), whole.unwrap_or(f64::NAN));
        let last = self.shares.families.get(&key).map(|known| known.last);
        self.shares.note(labels, time);
        let Some(family) = self.shares.families.get_mut(&key) else {
            return Family {
                first: time,
                last: time,
                interval: MIN_INTERVAL,
                whole,
            };
        };
        let passed = last.map_or(0, |last| time.0.saturating_sub(last.0));
        if passed > 0 {
            family.interval = passed.clamp(MIN_INTERVAL, 60 * MIN_INTERVAL);
        }
        family.whole = match family.whole.is_nan() {
            true => whole,
            false => family.whole + NEWEST * (whole - family.whole),
        };
        *family
    }

    /// A function that is told for the first time: while the others were told, it was not there, or
    /// too little to be told.
    fn meet_function(
        &mut self,
        signal_idx: usize,
        target: &Arc<Target>,
        series: &Series,
        family: Family,
        time: UnixMillis,
    ) {
        let Some(signal) = self.signals.get(signal_idx) else {
            return;
        };
        let learned = self.learned.entry(series.id);
        learned.or_insert_with(|| {
            let mut state = State::new(signal);
            let from = family.first.0.max(time.0.saturating_sub(PAST));
            let until = time.0.saturating_sub(family.interval);
            let step = usize::try_from(family.interval).unwrap_or(1);
            state.was_nothing(signal, (from..=until).step_by(step));
            state
        });
        self.meet(signal_idx, target, series);
    }
}

/// Whether a signal is of functions whose shares are judged: by what they spend with what they call.
/// What a function spends by itself is in there.
fn is_judged(signal: &Signal) -> bool {
    let from = signal.from_profile();
    from.is_some_and(|from| from.measure == Measure::TotalShare)
}

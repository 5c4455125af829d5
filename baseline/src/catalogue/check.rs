//! Whether a signal can be, alone and among the others.

use std::collections::HashSet;
use std::time::Duration;

use proto::metrics::PROFILE_SIGNALS;

use super::signal::{Comparison, Direction, Severity, Signal, Source, Threshold};

/// Longest name of a signal: it becomes part of the names of metrics. Bytes.
const MAX_NAME: usize = 64;
/// Longest time for which a threshold may have to be passed.
const MAX_HOLD: Duration = Duration::from_secs(86_400);

/// What is wrong with a signal, or with a cause.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct SignalError {
    /// The key at fault, as the catalogue writes it.
    pub key: &'static str,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub allowed: &'static str,
}

impl Signal {
    /// What is wrong with it, itself alone; nothing if it can be.
    pub fn check(&self) -> Vec<SignalError> {
        let mut found = Found(Vec::new());
        self.check_name(&mut found);
        self.check_source(&mut found);
        if self.title.trim().is_empty() || self.title.contains('\n') {
            found.push("title", "not a line of text", "a few words");
        }
        if !(self.least_change.is_finite() && self.least_change >= 0.0) {
            found.push("least_change", "below zero", "zero or more, in the unit");
        }
        self.check_thresholds(&mut found);
        self.check_healthy(&mut found);
        for reference in &self.references {
            if !is_reference(reference) {
                let problem = format!("{reference:?} leads nowhere");
                found.push("references", problem, "https://…, owner/repository #number");
            }
        }
        for kind in &self.profiles {
            if !is_name(kind) {
                let problem = format!("{kind:?} is no kind of profile");
                found.push(
                    "profiles",
                    problem,
                    "process_cpu, memory, goroutine, block, mutex, …",
                );
            }
        }
        found.0
    }

    fn check_name(&self, found: &mut Found) {
        let Self { name, unit, .. } = self;
        if !is_name(name) || name.len() > MAX_NAME {
            let allowed = "small letters, digits and _, a letter first, at most 64 of them";
            found.push("name", format!("wrong name {name:?}"), allowed);
        }
        if !unit.suffix().is_empty() && name.ends_with(unit.suffix()) {
            let problem = format!("{name:?} ends with its unit");
            found.push("name", problem, "the name without it: it is put behind");
        }
        if !is_component(&self.component) {
            let problem = format!("wrong name {:?}", self.component);
            found.push("component", problem, "small letters, digits and -");
        }
    }

    fn check_source(&self, found: &mut Found) {
        let is_named = self.name.starts_with(PROFILE_SIGNALS);
        match &self.source {
            Source::Expr(expr) => {
                if !expr.is_of_series() {
                    let problem = "a number that never changes";
                    found.push("expr", problem, "series of the target");
                }
                if is_named {
                    let problem = format!("{:?} is no signal of profiles", self.name);
                    found.push("name", problem, "a name that does not begin with profile_");
                }
            }
            Source::Profile(from) => {
                from.check(self.unit, |key, problem, allowed| {
                    found.push(key, problem, allowed);
                });
                if !is_named {
                    let problem = format!("{:?} is a signal of profiles", self.name);
                    found.push("name", problem, "a name that begins with profile_");
                }
                if self.limit.is_some() {
                    let problem = "a limit from a page, of what comes from profiles";
                    found.push("limit", problem, "no limit");
                }
            }
        }
    }

    fn check_thresholds(&self, found: &mut Found) {
        for threshold in &self.thresholds {
            let Threshold { bound, hold, .. } = threshold;
            let comparison = bound.comparison;
            if !self.bad.is_towards(comparison) {
                let (comparison, bad) = (comparison.as_str(), self.bad.as_str());
                let problem = format!("{comparison:?} although what is bad is {bad:?}");
                found.push("thresholds", problem, "above with up, below with down");
            }
            if *hold > MAX_HOLD {
                found.push("thresholds", "held for too long", "for: 0s to 1d");
            }
        }
        for comparison in [Comparison::Above, Comparison::Below] {
            self.check_severities(comparison, found);
        }
    }

    /// At most one threshold of each severity on a side, and critical not before warning.
    fn check_severities(&self, comparison: Comparison, found: &mut Found) {
        let of = |severity: Severity| {
            let is_one = move |threshold: &&Threshold| {
                threshold.severity == severity && threshold.bound.comparison == comparison
            };
            self.thresholds.iter().filter(is_one)
        };
        if Severity::ALL
            .iter()
            .any(|(_, severity)| of(*severity).nth(1).is_some())
        {
            found.push(
                "thresholds",
                "two of one severity",
                "one of each severity and side",
            );
        }
        let warning = of(Severity::Warning).next().map(|one| one.bound);
        let critical = of(Severity::Critical).next().map(|one| one.bound);
        if let (Some(warning), Some(critical)) = (warning, critical)
            && critical.holds(warning.value)
        {
            found.push(
                "thresholds",
                "critical before warning",
                "critical beyond warning",
            );
        }
    }

    /// What is healthy is on the other side, and not beyond a threshold.
    fn check_healthy(&self, found: &mut Found) {
        let Some(healthy) = &self.healthy else {
            return;
        };
        let good = match healthy.bound.comparison {
            Comparison::Above => Direction::Down,
            Comparison::Below => Direction::Up,
        };
        if self.bad != Direction::Both && self.bad != good {
            let problem = format!(
                "{:?} although what is bad is {:?}",
                healthy.bound.comparison.as_str(),
                self.bad.as_str()
            );
            found.push("healthy", problem, "below with up, above with down");
        }
        let is_beyond = |threshold: &Threshold| {
            threshold.bound.comparison != healthy.bound.comparison
                && threshold.bound.holds(healthy.bound.value)
        };
        if self.thresholds.iter().any(is_beyond) {
            found.push(
                "healthy",
                "reaches beyond a threshold",
                "a value before all thresholds",
            );
        }
    }
}

/// What is wrong with signals among each other: the place of one, and what.
pub fn check_all(signals: &[Signal]) -> Vec<(usize, SignalError)> {
    let mut found = Vec::new();
    let (mut names, mut metrics) = (HashSet::new(), HashSet::new());
    for (idx, signal) in signals.iter().enumerate() {
        let mut errors = Found(Vec::new());
        let metric = signal.metric_name();
        if !names.insert(&signal.name) {
            let problem = format!("a second signal {:?}", signal.name);
            errors.push("name", problem, "another name");
        } else if metrics.contains(&metric) {
            let problem = format!("a second metric {metric}");
            errors.push("name", problem, "another name");
        }
        metrics.insert(metric);
        let guards = signal
            .thresholds
            .iter()
            .filter_map(|one| one.only_while.as_ref());
        for guard in guards {
            if guard.signal == signal.name || signals.iter().all(|one| one.name != guard.signal) {
                let problem = format!("only_while of {:?}, which is not there", guard.signal);
                errors.push("thresholds", problem, "the name of another signal");
            }
        }
        found.extend(errors.0.into_iter().map(|error| (idx, error)));
    }
    found
}

struct Found(Vec<SignalError>);

impl Found {
    fn push(&mut self, key: &'static str, problem: impl Into<String>, allowed: &'static str) {
        self.0.push(SignalError {
            key,
            problem: problem.into(),
            allowed,
        });
    }
}

/// `[a-z][a-z0-9_]*`
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_component(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// `https://…` or `owner/repository #number`.
pub(crate) fn is_reference(text: &str) -> bool {
    let url = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    if let Some(rest) = url {
        return rest.contains('.') && !rest.contains(char::is_whitespace);
    }
    let Some((repository, number)) = text.split_once(" #") else {
        return false;
    };
    let is_part = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    let is_repository = match repository.split_once('/') {
        Some((owner, name)) => is_part(owner) && is_part(name),
        None => false,
    };
    is_repository && number.parse::<u32>().is_ok_and(|number| number > 0)
}

//! What a signal is.

use std::fmt;
use std::time::Duration;

use proto::metrics::SIGNAL_PREFIX;

use super::{FromProfile, Unit};
use crate::promql::Expr;

/// What names of metrics begin with that are limits of signals.
const LIMIT_PREFIX: &str = "leadsman_limit_";

/// A signal: a number a target has at any time, what is bad about it, and what to do then.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// What it is called everywhere: `[a-z][a-z0-9_]*`, without its unit.
    pub name: String,
    /// Of what program: `etcd`, `kubelet`, … Which targets have it is told by their series alone.
    pub component: String,
    /// A few words, for tables and the heads of panels.
    pub title: String,
    /// What it tells, in a sentence or two.
    pub help: String,
    /// What its values count.
    pub unit: Unit,
    /// How it is computed for one target. Each set of labels it gives is a series of its own.
    pub source: Source,
    /// Which change of it is bad.
    pub bad: Direction,
    /// From where on it is bad, whatever it usually is.
    pub thresholds: Vec<Threshold>,
    /// Where it is good, and who says so.
    pub healthy: Option<Healthy>,
    /// Smallest change worth telling, in its unit.
    pub least_change: f64,
    /// What it must not reach, in the same unit, computed for the same target.
    pub limit: Option<Expr>,
    /// What to do about it; empty if that is not known.
    pub remedy: String,
    /// Where to read on: URLs, or issues as `owner/repository #number`.
    pub references: Vec<String>,
    /// Kinds of profiles that explain it (`process_cpu`, `memory`, `goroutine`, …).
    pub profiles: Vec<String>,
}

/// What a signal is computed from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The series of a target's page.
    Expr(Expr),
    /// A target's profiles.
    Profile(FromProfile),
}

/// Which change of a signal is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is worse.
    Up,
    /// Less is worse.
    Down,
    /// Either may be.
    Both,
    /// None: it is kept, and not judged.
    None,
}

/// A value from which on a signal is bad.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// How bad.
    pub severity: Severity,
    /// On which side of the value.
    pub bound: Bound,
    /// For how long without a break (Prometheus' `for`).
    pub hold: Duration,
    /// Counts only as long as another signal of the same target is beyond a value.
    pub only_while: Option<Guard>,
    /// Who says so.
    pub source: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// To be looked at in working hours.
    Warning,
    /// To be looked at now.
    Critical,
}

/// A value and a side of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Which side.
    pub comparison: Comparison,
    /// In the signal's unit.
    pub value: f64,
}

/// A side of a value; the value itself is on neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// `>`
    Above,
    /// `<`
    Below,
}

/// Another signal of the same target, and where it has to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// Its name.
    pub signal: String,
    /// In its unit. With several series of it, one of them suffices.
    pub bound: Bound,
}

/// Where a signal is good.
#[derive(Clone, Debug, PartialEq)]
pub struct Healthy {
    /// In the signal's unit.
    pub bound: Bound,
    /// Who says so.
    pub source: String,
}

impl Signal {
    /// A signal of which nothing else is said: a count of which either change is bad, and that is
    /// computed from the time alone.
    pub fn blank(name: impl Into<String>, component: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            component: component.into(),
            title: String::new(),
            help: String::new(),
            unit: Unit::Count,
            source: Source::Expr(Expr::Time),
            bad: Direction::Both,
            thresholds: Vec::new(),
            healthy: None,
            least_change: 0.0,
            limit: None,
            remedy: String::new(),
            references: Vec::new(),
            profiles: Vec::new(),
        }
    }

    /// How it is computed, if it is from the series of a page.
    pub fn expr(&self) -> Option<&Expr> {
        match &self.source {
            Source::Expr(expr) => Some(expr),
            Source::Profile(_) => None,
        }
    }

    /// How it is computed, if it is from a profile.
    pub fn from_profile(&self) -> Option<&FromProfile> {
        match &self.source {
            Source::Expr(_) => None,
            Source::Profile(from) => Some(from),
        }
    }

    /// The metric under which we expose it.
    pub fn metric_name(&self) -> String {
        format!("{SIGNAL_PREFIX}{}{}", self.name, self.unit.suffix())
    }

    /// The metric under which we expose its limit, if it has one.
    pub fn limit_metric_name(&self) -> Option<String> {
        let name = || format!("{LIMIT_PREFIX}{}{}", self.name, self.unit.suffix());
        self.limit.as_ref().map(|_| name())
    }
}

impl Bound {
    /// Whether a value is on this side.
    pub fn holds(self, value: f64) -> bool {
        match self.comparison {
            Comparison::Above => value > self.value,
            Comparison::Below => value < self.value,
        }
    }
}

/// As the catalogue writes it, after `expr:` or `profile:`.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expr(expr) => expr.fmt(f),
            Self::Profile(from) => from.fmt(f),
        }
    }
}

impl Direction {
    /// Every direction by its name in the catalogue and the configuration.
    pub const ALL: [(&'static str, Self); 4] = [
        ("up", Self::Up),
        ("down", Self::Down),
        ("both", Self::Both),
        ("none", Self::None),
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Both => "both",
            Self::None => "none",
        }
    }

    /// Whether being on this side of a value can be bad.
    pub(super) fn is_towards(self, comparison: Comparison) -> bool {
        match self {
            Self::Up => comparison == Comparison::Above,
            Self::Down => comparison == Comparison::Below,
            Self::Both => true,
            Self::None => false,
        }
    }
}

impl Severity {
    /// Every severity by its name in the catalogue and the configuration.
    pub const ALL: [(&'static str, Self); 2] =
        [("warning", Self::Warning), ("critical", Self::Critical)];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl Comparison {
    /// Its name in the catalogue and the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::Below => "below",
        }
    }

    /// As PromQL writes it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::Below => "<",
        }
    }
}

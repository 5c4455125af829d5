//! The expressions of all signals, with their selectors numbered and in one place.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use proto::metrics::{Family, MetricKind};
use proto::selector::{self, MatchOp, SelectorError};

use crate::catalogue::Signal;
use crate::promql::{Aggregation, BinaryOperator, Expr, MatchOperator, RangeFunction, Selector};

/// The signals of pages to compute, made once and shared by all targets.
#[derive(Debug, Default)]
pub struct Program {
    /// One expression for each of `families`.
    pub(super) roots: Vec<Node>,
    pub(super) families: Arc<[Family]>,
    pub(super) selectors: Vec<Tracked>,
    /// Time between two evaluations. Milliseconds.
    pub(super) beat: i64,
    /// Which selectors look at series of a name.
    by_name: HashMap<String, Vec<usize>>,
    /// Families that have such series: a page's others are not looked at.
    asked_families: HashSet<String>,
}

/// A selector and for how long its series are followed.
#[derive(Debug)]
pub(super) struct Tracked {
    written: Selector,
    pub(super) selector: selector::Selector,
    /// Longest window over its series, in milliseconds; 0 if only their latest values are asked for.
    pub(super) longest: i64,
}

/// [`Expr`] with indices into [`Program::selectors`].
#[derive(Debug)]
pub(super) enum Node {
    Number(f64),
    Time,
    Latest(usize),
    Range {
        function: RangeFunction,
        selector_idx: usize,
        /// Milliseconds.
        window: i64,
    },
    HistogramQuantile {
        q: f64,
        of: Box<Node>,
    },
    Aggregate {
        operator: Aggregation,
        by: Vec<String>,
        of: Box<Node>,
    },
    Binary {
        operator: BinaryOperator,
        left: Box<Node>,
        right: Box<Node>,
    },
}

/// Signals are evaluated with the first scrape of each minute, or with each scrape if there are
/// fewer.
const BEAT: Duration = Duration::from_secs(60);

/// What text formats put behind a family's name in the names of its series.
const SUFFIXES: [&str; 4] = ["_bucket", "_sum", "_count", "_total"];

impl Program {
    /// Numbers the selectors of the expressions of `signals` and of their limits.
    ///
    /// # Errors
    /// If a matcher has to be a regular expression and is none; parsed expressions have none such.
    pub fn new<'a>(signals: impl IntoIterator<Item = &'a Signal>) -> Result<Self, SelectorError> {
        let (mut program, mut families) = (Self::default(), Vec::new());
        for signal in signals {
            let Some(expr) = signal.expr() else {
                continue; // of profiles
            };
            let root = program.compile(expr)?;
            program.roots.push(root);
            families.push(family(signal));
            if let (Some(limit), Some(name)) = (&signal.limit, signal.limit_metric_name()) {
                let root = program.compile(limit)?;
                program.roots.push(root);
                families.push(Family {
                    name,
                    help: format!("Limit of: {}.", signal.title),
                    ..family(signal)
                });
            }
        }
        program.families = families.into();
        Ok(program.every(BEAT))
    }

    /// The same, evaluated so often.
    #[must_use]
    pub fn every(self, interval: Duration) -> Self {
        let beat = i64::try_from(interval.as_millis())
            .unwrap_or(i64::MAX)
            .max(1);
        Self { beat, ..self }
    }

    /// Whether series of a family can be asked for.
    pub(super) fn asks_for_family(&self, name: &str) -> bool {
        self.asked_families.contains(name)
    }

    /// The selectors that may match series of a name.
    pub(super) fn selectors_of(&self, name: &str) -> impl Iterator<Item = (usize, &Tracked)> {
        let idxs = self.by_name.get(name).into_iter().flatten();
        idxs.filter_map(|&idx| Some((idx, self.selectors.get(idx)?)))
    }

    fn compile(&mut self, expr: &Expr) -> Result<Node, SelectorError> {
        Ok(match expr {
            Expr::Number(number) => Node::Number(*number),
            Expr::Time => Node::Time,
            Expr::Selector(selector) => Node::Latest(self.track(selector, 0)?),
            Expr::Range {
                function,
                of,
                window,
            } => {
                let window = i64::try_from(window.as_millis()).unwrap_or(i64::MAX);
                Node::Range {
                    function: *function,
                    selector_idx: self.track(of, window)?,
                    window,
                }
            }
            Expr::HistogramQuantile { q, of } => Node::HistogramQuantile {
                q: *q,
                of: Box::new(self.compile(of)?),
            },
            Expr::Aggregate { operator, by, of } => Node::Aggregate {
                operator: *operator,
                by: by.clone(),
                of: Box::new(self.compile(of)?),
            },
            Expr::Binary {
                operator,
                left,
                right,
            } => Node::Binary {
                operator: *operator,
                left: Box::new(self.compile(left)?),
                right: Box::new(self.compile(right)?),
            },
        })
    }

    /// The number of a selector, new or known.
    fn track(&mut self, written: &Selector, window: i64) -> Result<usize, SelectorError> {
        let known = self.selectors.iter().position(|t| t.written == *written);
        if let Some(idx) = known
            && let Some(tracked) = self.selectors.get_mut(idx)
        {
            tracked.longest = tracked.longest.max(window);
            return Ok(idx);
        }
        let (idx, name) = (self.selectors.len(), &written.name);
        self.by_name.entry(name.clone()).or_default().push(idx);
        let bases = SUFFIXES.iter().filter_map(|s| name.strip_suffix(s));
        self.asked_families.extend(bases.map(str::to_owned));
        self.asked_families.insert(name.clone());
        self.selectors.push(Tracked {
            written: written.clone(),
            selector: ready(written)?,
            longest: window,
        });
        Ok(idx)
    }
}

/// The family of metrics that holds a signal.
pub(crate) fn family(signal: &Signal) -> Family {
    Family {
        name: signal.metric_name(),
        kind: MetricKind::Gauge,
        help: format!("{}.", signal.title),
        unit: signal.unit.suffix().trim_start_matches('_').to_owned(),
    }
}

/// A selector with its regular expressions compiled. Its name is looked up before it is asked.
fn ready(written: &Selector) -> Result<selector::Selector, SelectorError> {
    let matchers = written.matchers.iter().map(|matcher| {
        let op = match matcher.operator {
            MatchOperator::Equal => MatchOp::Equal,
            MatchOperator::NotEqual => MatchOp::NotEqual,
            MatchOperator::Matches => MatchOp::Regex,
            MatchOperator::DoesNotMatch => MatchOp::NotRegex,
        };
        selector::Matcher::new(matcher.label.as_str(), op, matcher.value.as_str())
    });
    Ok(selector::Selector {
        matchers: matchers.collect::<Result<_, _>>()?,
    })
}

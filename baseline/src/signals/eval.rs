//! Evaluating an expression over what is bound.

use std::collections::BTreeMap;

use proto::metrics::{MetricBatch, is_absent, is_stale};

use super::bound::Bound;
use super::program::Node;
use super::quantile::{Bucket, quantile};
use crate::derived::{Element, LabelPairs};
use crate::promql::{Aggregation, BinaryOperator, RangeFunction};

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Scalar(f64),
    Vector(Vec<Element<'a>>),
}

/// Where and when expressions are evaluated.
pub(super) struct Moment<'a> {
    pub(super) bound: &'a Bound,
    pub(super) batch: &'a MetricBatch,
    /// For how long the target has been followed. Milliseconds.
    followed: i64,
    /// Labels of the target, sorted by name as all labels are.
    of_target: Vec<(&'a str, &'a str)>,
}

impl<'a> Moment<'a> {
    pub(super) fn new(bound: &'a Bound, batch: &'a MetricBatch, followed: i64) -> Self {
        Self {
            bound,
            batch,
            followed,
            of_target: bound.layout.target.labels.iter().collect(),
        }
    }

    pub(super) fn eval(&self, node: &Node) -> Value<'a> {
        match node {
            Node::Number(number) => Value::Scalar(*number),
            Node::Time => Value::Scalar(self.batch.time.0 as f64 / 1000.0),
            Node::Latest(selector_idx) => Value::Vector(self.latest(*selector_idx)),
            Node::Range {
                function,
                selector_idx,
                window,
            } => Value::Vector(self.range(*function, *selector_idx, *window)),
            Node::HistogramQuantile { q, of } => Value::Vector(quantiles(*q, self.eval(of))),
            Node::Aggregate { operator, by, of } => {
                Value::Vector(aggregate(*operator, by, self.eval(of)))
            }
            Node::Binary {
                operator,
                left,
                right,
            } => binary(*operator, self.eval(left), self.eval(right)),
        }
    }

    fn latest(&self, selector_idx: usize) -> Vec<Element<'a>> {
        let values = self.bound.latest(selector_idx).filter_map(|series_idx| {
            let value = *self.batch.values.get(series_idx as usize)?;
            (!is_stale(value) && !is_absent(value)).then_some((series_idx, value))
        });
        values
            .filter_map(|(idx, value)| self.element(idx, value))
            .collect()
    }

    fn range(&self, function: RangeFunction, selector_idx: usize, window: i64) -> Vec<Element<'a>> {
        // A rate over a part of its window scatters more than it will: it would be judged by that.
        if function == RangeFunction::Rate && self.followed < window / 2 {
            return Vec::new();
        }
        let time = self.batch.time.0;
        let values = self
            .bound
            .windows(selector_idx)
            .filter_map(|(series_idx, counter)| {
                let rise = counter.rise(time, window);
                if rise.seconds <= 0.0 {
                    return None;
                }
                let value = match function {
                    RangeFunction::Rate => rise.amount / rise.seconds,
                    RangeFunction::Increase => rise.amount,
                };
                self.element(series_idx, value)
            });
        values.collect()
    }

    fn element(&self, series_idx: u32, value: f64) -> Option<Element<'a>> {
        let series = self.bound.layout.series.get(series_idx as usize)?;
        // Both are sorted: one walk along them, for each series of each signal.
        let mut of_target = self.of_target.as_slice();
        let is_own = |&(name, value): &(&str, &str)| {
            while let [(first, _), rest @ ..] = of_target
                && *first < name
            {
                of_target = rest;
            }
            name != "__name__" && of_target.first() != Some(&(name, value))
        };
        Some(Element {
            labels: series.labels.iter().filter(is_own).collect(),
            value,
        })
    }
}

impl<'a> Value<'a> {
    pub(super) fn into_elements(self) -> Vec<Element<'a>> {
        match self {
            Value::Vector(elements) => elements,
            Value::Scalar(value) => vec![Element {
                labels: Vec::new(),
                value,
            }],
        }
    }
}

/// Elements that have the same labels, as far as `is_kept` keeps them.
fn grouped<'a>(
    elements: Vec<Element<'a>>,
    is_kept: impl Fn(&str) -> bool,
) -> BTreeMap<LabelPairs<'a>, Vec<Element<'a>>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for element in elements {
        let pairs = element.labels.iter().copied();
        let key: LabelPairs<'a> = pairs.filter(|(name, _)| is_kept(name)).collect();
        groups.entry(key).or_default().push(element);
    }
    groups
}

fn quantiles<'a>(q: f64, of: Value<'a>) -> Vec<Element<'a>> {
    let groups = grouped(of.into_elements(), |name| name != "le");
    let quantiles = groups.into_iter().filter_map(|(labels, elements)| {
        let buckets = elements.iter().filter_map(|element| {
            let (_, le) = element.labels.iter().find(|(name, _)| *name == "le")?;
            Some(Bucket {
                bound: le.parse().ok()?,
                count: element.value,
            })
        });
        let value = quantile(q, &mut buckets.collect::<Vec<_>>())?;
        Some(Element { labels, value })
    });
    quantiles.collect()
}

fn aggregate<'a>(operator: Aggregation, by: &[String], of: Value<'a>) -> Vec<Element<'a>> {
    let groups = grouped(of.into_elements(), |name| {
        by.iter().any(|label| label == name)
    });
    let aggregates = groups.into_iter().map(|(labels, elements)| {
        let n_elements = elements.len() as f64;
        let values = elements.iter().map(|element| element.value);
        let value = match operator {
            Aggregation::Sum => values.sum(),
            Aggregation::Min => values.fold(f64::NAN, f64::min),
            Aggregation::Max => values.fold(f64::NAN, f64::max),
            Aggregation::Avg => values.sum::<f64>() / n_elements,
            Aggregation::Count => n_elements,
        };
        Element { labels, value }
    });
    aggregates.collect()
}

fn binary<'a>(operator: BinaryOperator, left: Value<'a>, right: Value<'a>) -> Value<'a> {
    use Value::{Scalar, Vector};
    let each = |elements: Vec<Element<'a>>, change: &dyn Fn(f64) -> f64| {
        let changed = elements.into_iter().map(|element| Element {
            value: change(element.value),
            ..element
        });
        Vector(changed.collect())
    };
    match (operator, left, right) {
        (BinaryOperator::Or, left, right) => {
            Vector(either(left.into_elements(), right.into_elements()))
        }
        (_, Scalar(l), Scalar(r)) => Scalar(compute(operator, l, r)),
        (_, Scalar(l), Vector(right)) => each(right, &|r| compute(operator, l, r)),
        (_, Vector(left), Scalar(r)) => each(left, &|l| compute(operator, l, r)),
        (_, Vector(left), Vector(right)) => Vector(pairs(operator, left, &right)),
    }
}

/// The left side, and of the right side what the left does not have.
fn either<'a>(mut left: Vec<Element<'a>>, right: Vec<Element<'a>>) -> Vec<Element<'a>> {
    let n_left = left.len();
    for element in right {
        let (known, _) = left.split_at(n_left);
        if known.iter().all(|other| other.labels != element.labels) {
            left.push(element);
        }
    }
    left
}

fn pairs<'a>(
    operator: BinaryOperator,
    left: Vec<Element<'a>>,
    right: &[Element<'a>],
) -> Vec<Element<'a>> {
    let by_labels: BTreeMap<_, _> = right.iter().map(|r| (&r.labels, r.value)).collect();
    let pairs = left.into_iter().filter_map(|element| {
        let right = *by_labels.get(&element.labels)?;
        let value = compute(operator, element.value, right);
        Some(Element { value, ..element })
    });
    pairs.collect()
}

fn compute(operator: BinaryOperator, left: f64, right: f64) -> f64 {
    match operator {
        BinaryOperator::Add => left + right,
        BinaryOperator::Sub => left - right,
        BinaryOperator::Mul => left * right,
        BinaryOperator::Div => left / right,
        BinaryOperator::Or => left,
    }
}

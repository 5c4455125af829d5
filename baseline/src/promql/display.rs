//! Expression → text, in one way only; and the expression that a whole Prometheus is asked.

use std::fmt;

use proto::selector::{label_name, quoted};
use proto::units::format_duration;

use super::ast::{
    Aggregation, BinaryOperator, Expr, MatchOperator, Matcher, RangeFunction, Selector,
};
use super::unsupported::is_reserved;

/// Labels that tell one target from the other.
const TARGET: [&str; 2] = ["job", "instance"];

impl Expr {
    /// What `self` means for one target, as a whole Prometheus has to be asked for it: every
    /// aggregation is made for each target (`job`, `instance`) apart.
    #[must_use]
    pub fn for_prometheus(&self) -> Self {
        self.rebuilt(&Selector::clone, &with_target)
    }

    /// The same of only those series for which `matchers` hold too.
    #[must_use]
    pub fn selecting(&self, matchers: &[Matcher]) -> Self {
        let narrowed = |selector: &Selector| Selector {
            name: selector.name.clone(),
            matchers: selector.matchers.iter().chain(matchers).cloned().collect(),
        };
        self.rebuilt(&narrowed, &<[String]>::to_vec)
    }

    /// The same with other selectors and other labels to aggregate by.
    fn rebuilt(
        &self,
        selector: &impl Fn(&Selector) -> Selector,
        labels: &impl Fn(&[String]) -> Vec<String>,
    ) -> Self {
        let inside = |of: &Self| Box::new(of.rebuilt(selector, labels));
        match self {
            Self::Number(_) | Self::Time => self.clone(),
            Self::Selector(of) => Self::Selector(selector(of)),
            Self::Range {
                function,
                of,
                window,
            } => Self::Range {
                function: *function,
                of: selector(of),
                window: *window,
            },
            Self::HistogramQuantile { q, of } => Self::HistogramQuantile {
                q: *q,
                of: inside(of),
            },
            Self::Aggregate { operator, by, of } => Self::Aggregate {
                operator: *operator,
                by: labels(by),
                of: inside(of),
            },
            Self::Binary {
                operator,
                left,
                right,
            } => Self::Binary {
                operator: *operator,
                left: inside(left),
                right: inside(right),
            },
        }
    }
}

fn with_target(by: &[String]) -> Vec<String> {
    let of_target = TARGET.iter().map(|label| (*label).to_owned());
    let others = by.iter().filter(|label| !TARGET.contains(&label.as_str()));
    of_target.chain(others.cloned()).collect()
}

/// Prints as PromQL; reads back as the same expression.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write_number(f, *number),
            Self::Time => f.write_str("time()"),
            Self::Selector(selector) => selector.fmt(f),
            Self::Range {
                function,
                of,
                window,
            } => {
                let (function, window) = (function.as_str(), format_duration(*window));
                write!(f, "{function}({of}[{window}])")
            }
            Self::HistogramQuantile { q, of } => {
                f.write_str("histogram_quantile(")?;
                write_number(f, *q)?;
                write!(f, ", {of})")
            }
            Self::Aggregate { operator, by, of } if by.is_empty() => {
                write!(f, "{}({of})", operator.as_str())
            }
            Self::Aggregate { operator, by, of } => {
                write!(f, "{} by ({}) ({of})", operator.as_str(), by.join(", "))
            }
            Self::Binary {
                operator,
                left,
                right,
            } => {
                let own = operator.precedence();
                write_operand(f, left, own)?;
                write!(f, " {} ", operator.as_str())?;
                write_operand(f, right, own + 1)
            }
        }
    }
}

/// `expr`, in parentheses if it binds less strongly than `least`.
fn write_operand(f: &mut fmt::Formatter<'_>, expr: &Expr, least: u8) -> fmt::Result {
    match expr {
        Expr::Binary { operator, .. } if operator.precedence() < least => write!(f, "({expr})"),
        _ => write!(f, "{expr}"),
    }
}

/// Digits only, unless that took more than twenty of them.
fn write_number(f: &mut fmt::Formatter<'_>, number: f64) -> fmt::Result {
    if number == 0.0 || (1e-6..1e15).contains(&number.abs()) {
        write!(f, "{number}")
    } else {
        write!(f, "{number:e}")
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_plain = !is_reserved(&self.name) && is_metric_name(&self.name);
        if is_plain {
            f.write_str(&self.name)?;
        }
        if is_plain && self.matchers.is_empty() {
            return Ok(());
        }
        let name = (!is_plain).then(|| format!("__name__={}", quoted(&self.name)));
        let matchers = self.matchers.iter().map(|matcher| {
            let (label, value) = (label_name(&matcher.label), quoted(&matcher.value));
            format!("{label}{}{value}", matcher.operator.as_str())
        });
        let all: Vec<_> = name.into_iter().chain(matchers).collect();
        write!(f, "{{{}}}", all.join(","))
    }
}

fn is_metric_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    name.chars().all(is_letter) && name.starts_with(|c: char| is_letter(c) && !c.is_ascii_digit())
}

impl BinaryOperator {
    pub(super) const ALL: [Self; 5] = [Self::Add, Self::Sub, Self::Mul, Self::Div, Self::Or];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Or => "or",
        }
    }

    /// How strongly it binds, in PromQL's order.
    pub(super) fn precedence(self) -> u8 {
        match self {
            Self::Or => 0,
            Self::Add | Self::Sub => 1,
            Self::Mul | Self::Div => 2,
        }
    }
}

impl MatchOperator {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::NotEqual => "!=",
            Self::Matches => "=~",
            Self::DoesNotMatch => "!~",
        }
    }
}

impl RangeFunction {
    /// The function of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Rate, Self::Increase]
            .into_iter()
            .find(|function| function.as_str() == name)
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rate => "rate",
            Self::Increase => "increase",
        }
    }
}

impl Aggregation {
    /// The aggregation of this name, in capital or small letters.
    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::Sum, Self::Min, Self::Max, Self::Avg, Self::Count]
            .into_iter()
            .find(|operator| operator.as_str().eq_ignore_ascii_case(name))
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Avg => "avg",
            Self::Count => "count",
        }
    }
}

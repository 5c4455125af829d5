//! Functions and aggregations, with what stands in their parentheses.

use std::ops::RangeInclusive;
use std::time::Duration;

use proto::units;

use super::ast::{Aggregation, Expr, RangeFunction};
use super::error::ParseError;
use super::parse::Parser;
use super::{check, unsupported};

/// Below a minute there are too few scrapes; above an hour a page's past is not at hand.
pub(super) const WINDOWS: RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(3600);

const WINDOW: &str = "a window from 1m to 1h";

impl Parser<'_> {
    /// The call of `word` that stands here; none if `word` is the name of a metric.
    pub(super) fn call(&mut self, word: &str) -> Result<Option<Expr>, ParseError> {
        let behind = self.cursor.rest().get(word.len()..).unwrap_or("");
        let is_called = behind.trim_start().starts_with('(');
        if let Some(operator) = Aggregation::named(word) {
            self.read_word(word);
            return self.aggregate(operator).map(Some);
        }
        if !is_called {
            return Ok(None);
        }
        let start = self.cursor.at();
        if let Some(instead) = unsupported::call(word) {
            return Err(self.cursor.unsupported(start, word, instead));
        }
        let range = RangeFunction::named(word);
        if range.is_none() && !["time", "histogram_quantile"].contains(&word) {
            let problem = format!("an unknown function {word}");
            return Err(self.cursor.wrong(start, problem, unsupported::FUNCTIONS));
        }
        self.read_word(word);
        self.cursor.expect("(", "(")?;
        let expr = match range {
            Some(function) => self.range(function)?,
            None if word == "time" => Expr::Time,
            None => self.quantile()?,
        };
        self.cursor.expect(")", ")")?;
        Ok(Some(expr))
    }

    fn read_word(&mut self, word: &str) {
        self.cursor.skip(word.len());
        self.cursor.skip_space();
    }

    /// `name[5m]`.
    fn range(&mut self, function: RangeFunction) -> Result<Expr, ParseError> {
        let of = self.selector()?;
        self.cursor.expect("[", "a window such as [5m]")?;
        let start = self.cursor.at();
        let rest = self.cursor.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric());
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or("");
        let window = units::parse_duration(text);
        let Some(window) = window.filter(|window| WINDOWS.contains(window)) else {
            let problem = format!("{text:?} as a window");
            return Err(self.cursor.wrong(start, problem, WINDOW));
        };
        self.read_word(text);
        if self.cursor.rest().starts_with(':') {
            let instead = "use the series itself";
            return Err(self
                .cursor
                .unsupported(self.cursor.at(), "a subquery", instead));
        }
        self.cursor.expect("]", "]")?;
        let (rest, word) = (self.cursor.rest(), self.cursor.word());
        match unsupported::behind(rest, word) {
            Some((what, instead)) => Err(self.cursor.unsupported(self.cursor.at(), what, instead)),
            None => Ok(Expr::Range {
                function,
                of,
                window,
            }),
        }
    }

    /// `0.99, buckets`.
    fn quantile(&mut self) -> Result<Expr, ParseError> {
        let start = self.cursor.at();
        let q = self.number()?;
        if !(0.0..=1.0).contains(&q) {
            return Err(self.cursor.wrong(start, format!("quantile {q}"), "0 to 1"));
        }
        self.cursor.expect(",", ",")?;
        let start = self.cursor.at();
        let of = self.expr()?;
        self.of_series(start, "histogram_quantile", &of)?;
        if check::loses_buckets(&of) {
            let problem = "histogram_quantile of an aggregation without le";
            return Err(self.cursor.wrong(start, problem, "by (le, …)"));
        }
        Ok(Expr::HistogramQuantile {
            q,
            of: Box::new(of),
        })
    }

    /// `by (a, b) (expr)` or `(expr) by (a, b)`.
    fn aggregate(&mut self, operator: Aggregation) -> Result<Expr, ParseError> {
        let before = self.by()?;
        self.cursor.expect("(", "by or (")?;
        let start = self.cursor.at();
        let of = self.expr()?;
        self.of_series(start, operator.as_str(), &of)?;
        self.cursor.expect(")", "an operator or )")?;
        let by = match before {
            Some(by) => by,
            None => self.by()?.unwrap_or_default(),
        };
        Ok(Expr::Aggregate {
            operator,
            by,
            of: Box::new(of),
        })
    }

    /// The labels behind `by`, if that stands here.
    fn by(&mut self) -> Result<Option<Vec<String>>, ParseError> {
        let cursor = &mut self.cursor;
        if cursor.is_keyword("without") {
            let (rest, word) = (cursor.rest(), cursor.word());
            let instead = unsupported::behind(rest, word).map_or("", |(_, instead)| instead);
            return Err(cursor.unsupported(cursor.at(), "without", instead));
        }
        if !cursor.is_keyword("by") {
            return Ok(None);
        }
        self.read_word("by");
        let cursor = &mut self.cursor;
        cursor.expect("(", "( and the labels that are kept")?;
        let mut labels = Vec::new();
        while !cursor.take(")") {
            let label = cursor.word();
            if label.is_empty() || label.contains(':') {
                return Err(cursor.unexpected("a label or )"));
            }
            labels.push(label.to_owned());
            cursor.skip(label.len());
            cursor.skip_space();
            if !cursor.take(",") && !cursor.rest().starts_with(')') {
                return Err(cursor.unexpected(", or )"));
            }
        }
        Ok(Some(labels))
    }
}

//! Text → expression: recursive descent over PromQL's grammar, as far as it is ours.

use std::str::FromStr;

use proto::selector::{self as promql, MatchOp, SelectorError};

use super::ast::{BinaryOperator, Expr, MatchOperator, Matcher, Selector};
use super::cursor::Cursor;
use super::error::ParseError;
use super::unsupported;

/// Longest text that is read. Bytes.
pub(super) const MAX_BYTES: usize = 16 << 10;
/// Most numbers, selectors, functions and operators of one expression; so deep may its tree be.
pub(super) const MAX_NODES: usize = 256;
/// Most parentheses within each other.
const MAX_DEPTH: usize = 32;

const TERM: &str = "a number, a metric's name, a function or (";
const METRIC_NAME: &str = "__name__";

impl Expr {
    /// Reads an expression.
    ///
    /// # Errors
    /// If it is not PromQL, or PromQL of which we do not have that part: where, and what to write.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        if text.len() > MAX_BYTES {
            return Err(ParseError::TooLong {
                most: MAX_BYTES,
                unit: "bytes",
            });
        }
        let mut parser = Parser {
            cursor: Cursor::new(text),
            n_nodes: 0,
            depth: 0,
        };
        parser.cursor.skip_space();
        let expr = parser.expr()?;
        if parser.cursor.rest().is_empty() {
            Ok(expr)
        } else {
            Err(parser.cursor.unexpected("an operator or the end"))
        }
    }
}

impl FromStr for Expr {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::parse(text)
    }
}

/// A text while it is read. Whoever reads something also reads the space behind it.
pub(super) struct Parser<'a> {
    pub(super) cursor: Cursor<'a>,
    n_nodes: usize,
    depth: usize,
}

impl Parser<'_> {
    /// An expression, up to what cannot belong to it.
    pub(super) fn expr(&mut self) -> Result<Expr, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError::TooDeep {
                column: self.cursor.column(self.cursor.at()),
                most: MAX_DEPTH,
            });
        }
        let expr = self.operands(0);
        self.depth -= 1;
        expr
    }

    /// Operands joined by operators that bind at least as strongly as `least`; all of them join
    /// from the left.
    fn operands(&mut self, least: u8) -> Result<Expr, ParseError> {
        let start = self.cursor.at();
        let mut left = self.term()?;
        while let Some(operator) = self.operator(least)? {
            let right_start = self.cursor.at();
            let right = self.operands(operator.precedence() + 1)?;
            if operator == BinaryOperator::Or {
                self.of_series(start, "or", &left)?;
                self.of_series(right_start, "or", &right)?;
            }
            left = self.node(Expr::Binary {
                operator,
                left: Box::new(left),
                right: Box::new(right),
            })?;
        }
        Ok(left)
    }

    /// Reads an operator, if one stands here that binds strongly enough.
    fn operator(&mut self, least: u8) -> Result<Option<BinaryOperator>, ParseError> {
        let cursor = &mut self.cursor;
        let (rest, word) = (cursor.rest(), cursor.word());
        if let Some((what, instead)) = unsupported::behind(rest, word) {
            return Err(cursor.unsupported(cursor.at(), what, instead));
        }
        let operators = BinaryOperator::ALL.into_iter();
        let found = operators.map(|operator| (operator, operator.as_str()));
        let mut found = found.filter(|(operator, sign)| match operator {
            BinaryOperator::Or => cursor.is_keyword(sign),
            _ => rest.starts_with(sign),
        });
        match found.next() {
            Some((operator, sign)) if operator.precedence() >= least => {
                cursor.skip(sign.len());
                cursor.skip_space();
                let behind = unsupported::behind(cursor.rest(), cursor.word());
                match behind {
                    Some((what, instead)) => Err(cursor.unsupported(cursor.at(), what, instead)),
                    None => Ok(Some(operator)),
                }
            }
            _ => Ok(None),
        }
    }

    fn term(&mut self) -> Result<Expr, ParseError> {
        let rest = self.cursor.rest();
        if self.cursor.take("(") {
            let expr = self.expr()?;
            self.cursor.expect(")", "an operator or )")?;
            self.no_range()?;
            return Ok(expr);
        }
        if rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-')) {
            return self
                .number()
                .and_then(|number| self.node(Expr::Number(number)));
        }
        if rest.starts_with('{') {
            return self.series();
        }
        let word = self.cursor.word();
        if word.is_empty() {
            return Err(self.cursor.unexpected(TERM));
        }
        match self.call(word)? {
            Some(expr) => self.node(expr),
            None => self.series(),
        }
    }

    /// `12`, `0.5`, `1e3`, with a sign or without.
    pub(super) fn number(&mut self) -> Result<f64, ParseError> {
        const NUMBERS: &str = "a number such as 12, 0.5 or -1e3";
        let start = self.cursor.at();
        let rest = self.cursor.rest();
        let unsigned = rest.strip_prefix(['+', '-']).unwrap_or(rest);
        if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            let instead = "write 0 - x";
            return Err(self
                .cursor
                .unsupported(start, "a sign before series", instead));
        }
        let mut is_after_e = false;
        let end = unsigned.find(|c: char| {
            let is_sign_of_exponent = is_after_e && matches!(c, '+' | '-');
            is_after_e = matches!(c, 'e' | 'E');
            !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || is_sign_of_exponent)
        });
        let length = rest.len() - unsigned.len() + end.unwrap_or(unsigned.len());
        let number = rest.get(..length).and_then(|text| text.parse::<f64>().ok());
        match number.filter(|number| number.is_finite()) {
            Some(number) => {
                self.cursor.skip(length);
                self.cursor.skip_space();
                Ok(number)
            }
            None => Err(self.cursor.unexpected(NUMBERS)),
        }
    }

    fn series(&mut self) -> Result<Expr, ParseError> {
        let selector = self.selector()?;
        self.no_range()?;
        self.node(Expr::Selector(selector))
    }

    /// `name{label="value"}`.
    pub(super) fn selector(&mut self) -> Result<Selector, ParseError> {
        let cursor = &mut self.cursor;
        let (start, word) = (cursor.at(), cursor.word());
        if unsupported::is_reserved(word) {
            return Err(cursor.unexpected(TERM));
        }
        let (found, length) =
            promql::Selector::prefix(cursor.rest()).map_err(|error| in_selector(cursor, error))?;
        cursor.skip(length);
        cursor.skip_space();
        let (mut names, matchers): (Vec<_>, Vec<_>) = found
            .matchers
            .iter()
            .partition(|matcher| matcher.name() == METRIC_NAME);
        let name = names.pop().and_then(promql::Matcher::only_value);
        match name.filter(|name| names.is_empty() && !name.is_empty()) {
            Some(name) => Ok(Selector {
                name: name.to_owned(),
                matchers: matchers.into_iter().map(Matcher::from).collect(),
            }),
            None => Err(cursor.wrong(
                start,
                "a selector that does not name one metric",
                "name{label=\"value\"}; several names joined with or",
            )),
        }
    }

    /// No `[5m]` may stand here.
    fn no_range(&self) -> Result<(), ParseError> {
        if self.cursor.rest().starts_with('[') {
            let instead = "windows are only of a selector in rate(name[5m]) or increase(name[15m])";
            return Err(self.cursor.unsupported(self.cursor.at(), "[", instead));
        }
        Ok(())
    }

    /// The expression at byte `start` has to be of series, as `whose` needs it.
    pub(super) fn of_series(
        &self,
        start: usize,
        whose: &str,
        expr: &Expr,
    ) -> Result<(), ParseError> {
        if expr.is_of_series() {
            return Ok(());
        }
        let problem = format!("{whose} of a number");
        Err(self.cursor.wrong(start, problem, "series"))
    }

    fn node(&mut self, expr: Expr) -> Result<Expr, ParseError> {
        self.n_nodes += 1;
        if self.n_nodes > MAX_NODES {
            return Err(ParseError::TooLong {
                most: MAX_NODES,
                unit: "operands, functions and operators",
            });
        }
        Ok(expr)
    }
}

/// An error of the selector at `cursor`, with its column in the whole text.
fn in_selector(cursor: &Cursor<'_>, error: SelectorError) -> ParseError {
    let column = cursor.column(cursor.at());
    match error {
        SelectorError::Syntax {
            expected,
            column: within,
            text,
        } => ParseError::Unexpected {
            column: column + within - 1,
            found: match text.chars().nth(within - 1) {
                Some(character) => character.to_string(),
                None => "the end".to_owned(),
            },
            expected: expected.to_owned(),
        },
        pattern @ SelectorError::Pattern { .. } => ParseError::Wrong {
            column,
            problem: pattern.to_string(),
            allowed: "regular expressions that mean the same to Go",
        },
    }
}

impl From<&promql::Matcher> for Matcher {
    fn from(matcher: &promql::Matcher) -> Self {
        Self {
            label: matcher.name().to_owned(),
            operator: match matcher.op() {
                MatchOp::Equal => MatchOperator::Equal,
                MatchOp::NotEqual => MatchOperator::NotEqual,
                MatchOp::Regex => MatchOperator::Matches,
                MatchOp::NotRegex => MatchOperator::DoesNotMatch,
            },
            value: matcher.value().to_owned(),
        }
    }
}

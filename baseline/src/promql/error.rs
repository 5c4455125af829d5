//! Why a text is not an expression.

/// Why a text is not an expression of ours. Columns are characters, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not PromQL.
    #[error("found {found} at column {column}, expected {expected}")]
    Unexpected {
        /// Where.
        column: usize,
        /// What stands there.
        found: String,
        /// What may stand there.
        expected: String,
    },
    /// It is PromQL, but not of the part that one page after the other can answer.
    #[error("{what} at column {column} is not supported: {instead}")]
    Unsupported {
        /// Where.
        column: usize,
        /// What stands there.
        what: String,
        /// What to write.
        instead: &'static str,
    },
    /// It reads as PromQL but cannot mean anything.
    #[error("{problem} at column {column}; allowed: {allowed}")]
    Wrong {
        /// Where.
        column: usize,
        /// What is wrong.
        problem: String,
        /// What would be right.
        allowed: &'static str,
    },
    /// More than anyone writes by hand.
    #[error("longer than {most} {unit}")]
    TooLong {
        /// How many there may be.
        most: usize,
        /// Of what.
        unit: &'static str,
    },
    /// Parentheses or functions within each other.
    #[error("nested deeper than {most} at column {column}")]
    TooDeep {
        /// Where.
        column: usize,
        /// How many there may be.
        most: usize,
    },
}

//! How an error is written in a log line.

use std::error::Error;
use std::fmt::{self, Display, Formatter};

/// Writes an error with its causes on one line: `failed to write x: no space left on device`.
/// JSON log lines would have no causes otherwise.
#[derive(Clone, Copy, Debug)]
pub struct ErrorChain<'a>(pub &'a (dyn Error + 'static));

impl Display for ErrorChain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some libraries print their source as part of themselves.
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
                last = text;
            }
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn layered(texts: &[&'static str]) -> Layer {
        let (text, below) = texts.split_first().unwrap();
        let source = (!below.is_empty()).then(|| Box::new(layered(below)));
        Layer { text, source }
    }

    #[test]
    fn causes_follow_unless_they_are_said_already() {
        let chain = |texts| ErrorChain(&layered(texts)).to_string();
        assert_eq!(chain(&["a"]), "a");
        assert_eq!(chain(&["a", "b", "c"]), "a: b: c");
        assert_eq!(chain(&["a: b", "b", "c"]), "a: b: c");
    }
}

//! Regular expressions that mean what they mean in Prometheus, which is written in Go.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::fmt;

use regex::Regex;
use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSetBinaryOp, ClassSetItem, Span,
    Visitor,
};

/// Compiles `pattern` to match a whole text, with a dot that matches a line feed too. On failure
/// the reason, in one line.
///
/// # Errors
/// If it is no regular expression, or one that Go reads in another way.
pub fn anchored(pattern: &str) -> Result<Regex, String> {
    let ast = ast::parse::Parser::new().parse(pattern).map_err(reason)?;
    let ascii = ast::visit(&ast, Ascii::of(pattern)).map_err(reason)?;
    Regex::new(&format!("^(?s:{ascii})$")).map_err(reason)
}

/// The regex crates draw the pattern above their message; the message is the last line.
fn reason(error: impl fmt::Display) -> String {
    let error = error.to_string();
    let line = error.lines().last().unwrap_or(&error);
    line.trim_start_matches("error: ").to_owned()
}

/// Writes a pattern anew with `\d`, `\s`, `\w` and `\b` as Go has them: they know ASCII alone.
/// Everything else (`.`, `\p{…}`, letters without case) knows Unicode in both.
struct Ascii<'p> {
    pattern: &'p str,
    written: String,
    /// How far the pattern is written. Bytes.
    end: usize,
}

impl<'p> Ascii<'p> {
    fn of(pattern: &'p str) -> Self {
        let written = String::with_capacity(pattern.len());
        Self {
            pattern,
            written,
            end: 0,
        }
    }

    fn keep_until(&mut self, end: usize) {
        let kept = self.pattern.get(self.end..end);
        self.written.push_str(kept.unwrap_or_default());
        self.end = end;
    }

    fn replace(&mut self, span: Span, new: &str) {
        self.keep_until(span.start.offset);
        self.written.push_str(new);
        self.end = span.end.offset;
    }

    fn replace_class(&mut self, class: &ClassPerl) {
        let new = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            // Without the vertical tab.
            (ClassPerlKind::Space, false) => r"[\t\n\f\r ]",
            (ClassPerlKind::Space, true) => r"[^\t\n\f\r ]",
            (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
            (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
        };
        self.replace(class.span, new);
    }
}

impl Visitor for Ascii<'_> {
    type Output = String;
    type Err = &'static str;

    fn finish(mut self) -> Result<String, Self::Err> {
        self.keep_until(self.pattern.len());
        Ok(self.written)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), Self::Err> {
        match ast {
            Ast::ClassPerl(class) => self.replace_class(class),
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::WordBoundary => self.replace(assertion.span, r"(?-u:\b)"),
                AssertionKind::NotWordBoundary => self.replace(assertion.span, r"(?-u:\B)"),
                _ => {}
            },
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), Self::Err> {
        match item {
            ClassSetItem::Perl(class) => self.replace_class(class),
            // In Go the inner bracket stands for itself.
            ClassSetItem::Bracketed(_) => return Err(r"a bracket within brackets has to be \["),
            _ => {}
        }
        Ok(())
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ClassSetBinaryOp) -> Result<(), Self::Err> {
        // In Go they stand for themselves.
        Err(r"&&, -- and ~~ within brackets have to be \&\&, \-\- and \~\~")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether Go's `regexp` matches the whole text (tried with Go 1.19).
    #[track_caller]
    fn check(pattern: &str, text: &str, is_match: bool) {
        let regex = anchored(pattern).unwrap();
        assert_eq!(regex.is_match(text), is_match, "{pattern} on {text:?}");
    }

    #[test]
    fn digits_letters_and_spaces_are_those_of_ascii() {
        check(r"\d+", "0123456789", true);
        check(r"\d", "٣", false);
        check(r"\D", "٣", true);
        check(r"\w+", "aZ_09", true);
        check(r"\w", "ä", false);
        check(r"\W", "ä", true);
        check(r"\s+", "\t\n\x0c\r ", true);
        check(r"\s", "\x0b", false);
        check(r"\s", "\u{a0}", false);
        check(r"\S", "\u{a0}", true);
    }

    #[test]
    fn they_are_so_within_brackets_too() {
        check(r"[\d.]+", "10.0", true);
        check(r"[\w.-]+", "a-b.c", true);
        check(r"[^\w]", "ä", true);
        check(r"[^\W]", "ä", false);
        check(r"[\Wa]", "ä", true);
        check(r"[^\s\d]+", "x\u{a0}", true);
        check(r"[[:alpha:]\d]+", "a1", true);
        check(r"(?i)[\w]", "\u{212a}", true);
    }

    #[test]
    fn word_boundaries_are_those_of_ascii() {
        check(r".*\bb", "äb", true);
        check(r".*\Bb", "äb", false);
        check(r"a\bä", "aä", true);
        check(r"a\Bb", "ab", true);
        check(r"\Bä", "ä", true);
    }

    #[test]
    fn everything_else_knows_unicode() {
        check(".", "ä", true);
        check(".", "\n", true);
        check(r"\p{Greek}", "λ", true);
        check("(?i)Ä", "ä", true);
        check("[^a]", "ä", true);
        check("ä{2}", "ää", true);
    }

    #[test]
    fn the_whole_text_has_to_match() {
        check("a|ab", "ab", true);
        check("b", "ab", false);
        check("a", "a\n", false);
    }

    #[track_caller]
    fn check_refused(pattern: &str, reason: &str) {
        let refused = anchored(pattern).unwrap_err();
        assert!(refused.contains(reason), "{refused}");
    }

    #[test]
    fn what_would_mean_something_else_in_go_is_refused() {
        check_refused("[a&&b]", r"\&\&");
        check_refused("[a--b]", r"\-\-");
        check_refused("[a[b]]", r"\[");
    }

    #[test]
    fn a_pattern_cannot_leave_its_group() {
        check_refused("a)|(b", "unopened group");
        check_refused("(", "unclosed group");
        check_refused(r"\p{Nothing}", "Unicode property not found");
    }
}

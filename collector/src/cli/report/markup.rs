//! Markup that no text can break: what is written as markup is known at compile time, everything
//! else is escaped.

use std::fmt::{self, Display, Write};

/// HTML, or SVG inside it, as it grows.
#[derive(Clone, Debug, Default)]
pub(super) struct Markup(String);

impl Markup {
    /// Adds markup.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, for the inside of an element or of an attribute in double quotes.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // A String takes every write.
        let _ = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// Adds what is markup already.
    pub(super) fn add(&mut self, other: &Self) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// As text. Bytes of it are what a file holds.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

struct Escaped<'a>(&'a mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                _ if is_misleading(character) => self.0.push('\u{fffd}'),
                _ => self.0.push(character),
            }
        }
        Ok(())
    }
}

/// Control characters, and those that turn the direction of what follows: with them a label could
/// look like another one.
pub(super) fn is_misleading(character: char) -> bool {
    let turns = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && !matches!(character, '\n' | '\t'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        let mut markup = Markup::default();
        markup
            .raw("<b title=\"")
            .text("\"'><script>&amp;")
            .raw("\">")
            .text("a\u{202e}b\u{0}c\n")
            .raw("</b>");
        assert_eq!(
            markup.as_str(),
            "<b title=\"&quot;&#39;&gt;&lt;script&gt;&amp;amp;\">a\u{fffd}b\u{fffd}c\n</b>"
        );
    }
}

//! Texts that no reader of Markdown takes for markup, on one line.

use super::super::markup::is_misleading;

/// A text in a sentence or in the cell of a table.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' => out.push(' '),
            // A backslash before < is not enough for every reader.
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' => {
                out.push('\\');
                out.push(character);
            }
            _ if is_misleading(character) => out.push('\u{fffd}'),
            _ => out.push(character),
        }
    }
    out
}

/// A name as code: what would end it is replaced.
pub(super) fn code(text: &str) -> String {
    let plain = text.chars().map(|character| match character {
        '`' => '\'',
        '|' => '¦',
        _ if is_misleading(character) || character.is_control() => '\u{fffd}',
        _ => character,
    });
    format!("`{}`", plain.collect::<String>())
}

/// An address between < and >.
pub(super) fn url(address: &str) -> String {
    let is_plain = |character: &char| !character.is_whitespace() && !"<>\\".contains(*character);
    address.chars().filter(is_plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            text("a|b *c* <script>\n[x](y) ![z]"),
            "a\\|b \\*c\\* &lt;script&gt; \\[x\\](y) \\!\\[z\\]"
        );
        assert_eq!(code("a`b|c\n"), "`a'b¦c\u{fffd}`");
        assert_eq!(url("https://a/b> <c"), "https://a/bc");
    }
}

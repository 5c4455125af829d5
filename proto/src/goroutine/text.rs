//! Pieces of text that both kinds of dump are made of.

use std::borrow::Cow;

/// The lines of a dump without their ends. Bytes that are not UTF-8 are replaced.
pub(super) fn lines(text: &[u8]) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let (line, tail) = rest.split_at_checked(end)?;
        rest = tail.get(1..).unwrap_or(&[]);
        Some(String::from_utf8_lossy(
            line.strip_suffix(b"\r").unwrap_or(line),
        ))
    })
}

/// Splits `dir/file.go:12` into file and line; a line that is no number is part of the file.
pub(super) fn file_and_line(place: &str) -> (&str, i64) {
    let split = place.rsplit_once(':');
    split
        .and_then(|(file, line)| Some((file, line.parse().ok()?)))
        .unwrap_or((place, 0))
}

/// Parses `0x1f`.
pub(super) fn hex(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

/// Takes a string as Go's `%q` writes it off the front. The escapes of control characters are
/// kept as they are written: they are for reading.
pub(super) fn take_quoted(rest: &mut &str) -> Option<String> {
    let body = rest.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = body.char_indices();
    while let Some((at, character)) = chars.next() {
        match character {
            '"' => {
                *rest = body.get(at + 1..)?;
                return Some(out);
            }
            '\\' => match chars.next()?.1 {
                escaped @ ('"' | '\\') => out.push(escaped),
                other => out.extend(['\\', other]),
            },
            plain => out.push(plain),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_any_way() {
        let read: Vec<_> = lines(b"a\r\n\nb\xff").collect();
        assert_eq!(read, ["a", "", "b\u{fffd}"]);
    }

    #[test]
    fn quoted_strings_are_unquoted() {
        let mut rest = r#""a \"b\" \\ \n":"c""#;
        assert_eq!(take_quoted(&mut rest).as_deref(), Some(r#"a "b" \ \n"#));
        assert_eq!(rest, r#":"c""#);
        assert_eq!(take_quoted(&mut r#""open"#), None);
    }

    #[test]
    fn windows_paths_keep_their_colon() {
        assert_eq!(file_and_line("C:/go/main.go:7"), ("C:/go/main.go", 7));
        assert_eq!(file_and_line("C:/go/main.go"), ("C:/go/main.go", 0));
    }
}

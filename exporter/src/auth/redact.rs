//! Taking secrets out of what a server says: one that is curious or broken may send them back.

/// Shown in place of a secret.
const MARK: &str = "<secret>";
/// So much of the start of a secret is taken for it: a message may have been cut within it. Bytes.
const TELLING: usize = 6;
/// What is shorter is no secret, and taking it out would garble every message. Bytes.
const SHORTEST: usize = 4;

/// `text` without `secret`, and without a part of it that starts at its start.
pub(crate) fn redact(text: &str, secret: &str) -> String {
    if secret.len() < SHORTEST {
        return text.to_owned();
    }
    let telling = secret.char_indices().find(|(idx, _)| *idx >= TELLING);
    let start = telling.and_then(|(end, _)| secret.get(..end));
    let start = start.unwrap_or(secret);
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(idx) = rest.find(start) {
        let (before, found) = rest.split_at(idx);
        out.push_str(before);
        out.push_str(MARK);
        rest = found.get(shared(found, secret)..).unwrap_or("");
    }
    out + rest
}

/// Length of what both start with, in bytes of whole characters.
fn shared(left: &str, right: &str) -> usize {
    left.chars()
        .zip(right.chars())
        .take_while(|(left, right)| left == right)
        .map(|(same, _)| same.len_utf8())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, secret: &str, expected: &str) {
        assert_eq!(redact(text, secret), expected);
    }

    #[test]
    fn a_secret_is_taken_out_wherever_it_stands() {
        check(
            "no hunter2x, hunter2x!",
            "hunter2x",
            "no <secret>, <secret>!",
        );
        check("cut at hunter2", "hunter2x", "cut at <secret>");
        check("user anna", "hunter2x", "user anna");
        check("pin 1234", "1234", "pin <secret>");
        check("schlüßelüü!", "schlüßelüü", "<secret>!");
    }

    #[test]
    fn what_is_too_short_to_be_a_secret_stays() {
        check("a banana", "a", "a banana");
        check("a banana", "", "a banana");
    }
}

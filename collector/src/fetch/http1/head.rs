//! The head of an answer: status, the few headers that matter, and where the body ends
//! (RFC 9112, sections 2 to 6).

use httparse::{EMPTY_HEADER, Header, Status};

/// Headers of an answer. More are an error.
const MAX_HEADERS: usize = 100;

/// What is wrong with an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::fetch) enum Malformed {
    #[error("not an HTTP answer: {0}")]
    Head(#[from] httparse::Error),
    #[error("head is longer than {0} bytes")]
    LongHead(usize),
    #[error("answer with upgrade to another protocol")]
    Upgrade,
    #[error("bad content length {0:?}")]
    ContentLength(String),
    #[error("unknown transfer encoding {0:?}")]
    TransferEncoding(String),
    #[error("bad chunk: {0}")]
    Chunk(&'static str),
    #[error("connection closed before the end of the answer")]
    Cut,
    #[error("connection closed without an answer")]
    Silent,
}

/// Where a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After its last chunk.
    Chunked,
    /// With the connection.
    Close,
}

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) status: u16,
    pub(super) content_type: String,
    pub(super) content_encoding: String,
    pub(super) location: String,
    pub(super) framing: Framing,
    /// Whether another request may follow on the connection.
    pub(super) is_persistent: bool,
}

impl Head {
    /// Parses the head at the start of `input`; returns it with its length. `None` if it is not
    /// there as a whole.
    pub(super) fn parse(input: &[u8]) -> Result<Option<(Self, usize)>, Malformed> {
        let mut headers = [EMPTY_HEADER; MAX_HEADERS];
        let mut answer = httparse::Response::new(&mut headers);
        let Status::Complete(length) = answer.parse(input)? else {
            return Ok(None);
        };
        let status = answer.code.unwrap_or_default();
        if status == 101 {
            return Err(Malformed::Upgrade);
        }
        let head = Self::from_headers(status, answer.version == Some(1), answer.headers)?;
        Ok(Some((head, length)))
    }

    /// Whether the real answer is still to come (RFC 9110, section 15.2).
    pub(super) fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn from_headers(
        status: u16,
        is_http_1_1: bool,
        headers: &[Header<'_>],
    ) -> Result<Self, Malformed> {
        let mut head = Self {
            status,
            content_type: String::new(),
            content_encoding: String::new(),
            location: String::new(),
            framing: Framing::Close,
            is_persistent: is_http_1_1,
        };
        let (mut length, mut is_chunked) = (None, false);
        for header in headers {
            let value = std::str::from_utf8(header.value).unwrap_or_default().trim();
            let is = |name| header.name.eq_ignore_ascii_case(name);
            if is("content-type") {
                head.content_type = value.to_owned();
            } else if is("content-encoding") {
                head.content_encoding = value.to_owned();
            } else if is("location") {
                head.location = value.to_owned();
            } else if is("connection") {
                head.note_connection(value);
            } else if is("content-length") {
                length = Some(content_length(value, length)?);
            } else if is("transfer-encoding") {
                if is_chunked || !value.eq_ignore_ascii_case("chunked") {
                    return Err(Malformed::TransferEncoding(shown(value)));
                }
                is_chunked = true;
            }
        }
        head.framing = match (status, is_chunked, length) {
            (100..200 | 204 | 304, ..) => Framing::Length(0),
            (_, true, _) => Framing::Chunked,
            (_, false, Some(length)) => Framing::Length(length),
            (_, false, None) => Framing::Close,
        };
        // Both at once may be an attempt to smuggle: nothing else is read from such a connection.
        let is_ambiguous = is_chunked && length.is_some();
        head.is_persistent &= head.framing != Framing::Close && !is_ambiguous;
        Ok(head)
    }

    fn note_connection(&mut self, value: &str) {
        for option in value.split(',').map(str::trim) {
            if option.eq_ignore_ascii_case("close") {
                self.is_persistent = false;
            } else if option.eq_ignore_ascii_case("keep-alive") {
                self.is_persistent = true;
            }
        }
    }
}

/// One length, though it may be said several times.
fn content_length(value: &str, before: Option<u64>) -> Result<u64, Malformed> {
    let mut known = before;
    for part in value.split(',').map(str::trim) {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let length = part.parse().ok().filter(|_| is_number);
        match (length, known) {
            (Some(length), None) => known = Some(length),
            (Some(length), Some(other)) if length == other => {}
            _ => return Err(Malformed::ContentLength(shown(value))),
        }
    }
    known.ok_or_else(|| Malformed::ContentLength(shown(value)))
}

/// As much of an untrusted header as a message can bear.
fn shown(value: &str) -> String {
    value.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Option<(Head, usize)>, Malformed> {
        Head::parse(head.replace('\n', "\r\n").as_bytes())
    }

    fn check_framing(head: &str, framing: Framing, is_persistent: bool) {
        let (parsed, _) = parse(head).unwrap().unwrap();
        assert_eq!(
            (parsed.framing, parsed.is_persistent),
            (framing, is_persistent),
            "{head}"
        );
    }

    #[test]
    fn the_body_ends_where_the_head_says() {
        check_framing(
            "HTTP/1.1 200 OK\nContent-Length: 12\n\n",
            Framing::Length(12),
            true,
        );
        check_framing(
            "HTTP/1.1 200 OK\ncontent-length: 5, 5\n\n",
            Framing::Length(5),
            true,
        );
        check_framing(
            "HTTP/1.1 200 OK\nTransfer-Encoding: Chunked\n\n",
            Framing::Chunked,
            true,
        );
        check_framing(
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nContent-Length: 5\n\n",
            Framing::Chunked,
            false,
        );
        check_framing("HTTP/1.1 200 OK\n\n", Framing::Close, false);
        check_framing("HTTP/1.1 204 No\n\n", Framing::Length(0), true);
        check_framing("HTTP/1.1 100 Go on\n\n", Framing::Length(0), true);
    }

    #[test]
    fn a_connection_lasts_as_its_version_and_its_header_say() {
        let check = |start: &str, expected| {
            check_framing(
                &format!("{start}\nContent-Length: 0\n\n"),
                Framing::Length(0),
                expected,
            );
        };
        check("HTTP/1.1 200 OK", true);
        check("HTTP/1.1 200 OK\nConnection: Close", false);
        check("HTTP/1.1 200 OK\nConnection: x, close", false);
        check("HTTP/1.0 200 OK", false);
        check("HTTP/1.0 200 OK\nConnection: keep-alive", true);
    }

    #[test]
    fn what_is_not_an_answer_is_refused() {
        for head in [
            "SSH-2.0-OpenSSH_9.2p1\n",
            "HTTP/1.1 200 OK\nContent-Length: -1\n\n",
            "HTTP/1.1 200 OK\nContent-Length: +1\n\n",
            "HTTP/1.1 200 OK\nContent-Length: \n\n",
            "HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\n",
            "HTTP/1.1 200 OK\nContent-Length: 99999999999999999999\n\n",
            "HTTP/1.1 200 OK\nTransfer-Encoding: gzip, chunked\n\n",
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked\n\n",
            "HTTP/1.1 101 Switching\n\n",
        ] {
            assert!(parse(head).is_err(), "{head}");
        }
    }

    #[test]
    fn half_a_head_is_none() {
        let head = "HTTP/1.1 200 OK\nContent-Type: a/b\n\n".replace('\n', "\r\n");
        for length in 0..head.len() {
            assert_eq!(Head::parse(&head.as_bytes()[..length]), Ok(None));
        }
        let (parsed, length) = Head::parse(head.as_bytes()).unwrap().unwrap();
        assert_eq!((parsed.content_type.as_str(), length), ("a/b", head.len()));
    }
}

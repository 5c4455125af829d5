//! Bodies in chunks (RFC 9112, section 7.1).

use bytes::{Buf, Bytes, BytesMut};

use super::head::Malformed;

/// Longest line of a chunk's size with its extensions, and all lines behind the last chunk. Bytes.
const MAX_LINES: usize = 16 << 10;

/// Where in a body in chunks a connection is.
#[derive(Debug)]
pub(super) struct Chunks {
    state: State,
    body: BytesMut,
    limit: usize,
    n_trailing: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size,
    Data {
        left: usize,
    },
    /// The end of line behind a chunk.
    DataEnd,
    Trailers,
}

/// What came of some input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The whole body.
    Done(Bytes),
    /// There is more to come.
    More,
    /// It is longer than allowed.
    TooLarge,
}

impl Chunks {
    /// At the start of a body that may have `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            state: State::Size,
            body: BytesMut::new(),
            limit,
            n_trailing: 0,
        }
    }

    /// Bytes of the body so far.
    pub(super) fn len(&self) -> usize {
        self.body.len()
    }

    /// The body so far.
    pub(super) fn into_body(self) -> Bytes {
        self.body.freeze()
    }

    /// Takes as much as there is of the body from the start of `input`.
    pub(super) fn take(&mut self, input: &mut BytesMut) -> Result<Progress, Malformed> {
        loop {
            match self.state {
                State::Size => {
                    let Some(line) = take_line(input)? else {
                        return Ok(Progress::More);
                    };
                    let size = chunk_size(&line)?;
                    if size > self.limit - self.body.len() {
                        return Ok(Progress::TooLarge);
                    }
                    self.state = match size {
                        0 => State::Trailers,
                        left => State::Data { left },
                    };
                }
                State::Data { left } => {
                    let data = input.split_to(left.min(input.len()));
                    self.body.extend_from_slice(&data);
                    match left - data.len() {
                        0 => self.state = State::DataEnd,
                        left => {
                            self.state = State::Data { left };
                            return Ok(Progress::More);
                        }
                    }
                }
                State::DataEnd => match take_line(input)? {
                    None => return Ok(Progress::More),
                    Some(line) if line.is_empty() => self.state = State::Size,
                    Some(_) => return Err(Malformed::Chunk("longer than its size")),
                },
                State::Trailers => match take_line(input)? {
                    None => return Ok(Progress::More),
                    Some(line) if line.is_empty() => {
                        return Ok(Progress::Done(std::mem::take(&mut self.body).freeze()));
                    }
                    Some(line) => {
                        self.n_trailing += line.len();
                        if self.n_trailing > MAX_LINES {
                            return Err(Malformed::Chunk("endless trailers"));
                        }
                    }
                },
            }
        }
    }
}

/// A line without its end. `None` if it is not there as a whole.
fn take_line(input: &mut BytesMut) -> Result<Option<BytesMut>, Malformed> {
    let Some(end) = input.iter().take(MAX_LINES).position(|byte| *byte == b'\n') else {
        return match input.len() < MAX_LINES {
            true => Ok(None),
            false => Err(Malformed::Chunk("endless line")),
        };
    };
    let mut line = input.split_to(end);
    input.advance(1);
    if line.last() != Some(&b'\r') {
        return Err(Malformed::Chunk("line without a carriage return"));
    }
    line.truncate(end - 1);
    Ok(Some(line))
}

/// The size at the start of a chunk's line; extensions mean nothing to us.
fn chunk_size(line: &[u8]) -> Result<usize, Malformed> {
    const BAD: Malformed = Malformed::Chunk("bad size");
    let digits = line.split(|byte| *byte == b';').next().unwrap_or_default();
    let digits = std::str::from_utf8(digits.trim_ascii_end()).map_err(|_| BAD)?;
    let is_hex = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hex {
        true => usize::from_str_radix(digits, 16).map_err(|_| BAD),
        false => Err(BAD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome of a body that comes in pieces of `step` bytes, and what is left behind it.
    fn outcome(input: &[u8], step: usize) -> (Result<Progress, Malformed>, usize) {
        let (mut chunks, mut buffer) = (Chunks::new(10), BytesMut::new());
        let mut pieces = input.chunks(step);
        loop {
            match chunks.take(&mut buffer) {
                Ok(Progress::More) => {}
                ended => return (ended, buffer.len() + pieces.map(<[u8]>::len).sum::<usize>()),
            }
            let Some(piece) = pieces.next() else {
                return (Ok(Progress::More), buffer.len());
            };
            buffer.extend_from_slice(piece);
        }
    }

    fn check(input: &str, expected: Result<Progress, Malformed>) {
        let input = input.replace('\n', "\r\n");
        for step in 1..=input.len() {
            assert_eq!(
                outcome(input.as_bytes(), step).0,
                expected,
                "{input} by {step}"
            );
        }
    }

    #[test]
    fn chunks_make_a_body_however_they_come() {
        let body = |text: &'static str| Ok(Progress::Done(Bytes::from_static(text.as_bytes())));
        check("5\nhello\n0\n\n", body("hello"));
        check("3;a=b\nhel\n002 \nlo\n0\nTrailer: x\n\n", body("hello"));
        check("0\n\n", body(""));
        check("a\n0123456789\n0\n\n", body("0123456789"));
    }

    #[test]
    fn what_is_behind_a_body_stays() {
        assert_eq!(outcome(b"0\r\n\r\nHTTP", 9).1, 4);
    }

    #[test]
    fn half_a_body_needs_more() {
        check("5\nhel", Ok(Progress::More));
        check("5\nhello\n0\n", Ok(Progress::More));
    }

    #[test]
    fn a_body_over_the_limit_is_known_from_the_size_of_its_chunk() {
        check("b\n", Ok(Progress::TooLarge));
        check("a\n0123456789\n1\n", Ok(Progress::TooLarge));
        check("7fffffffffffffff\n", Ok(Progress::TooLarge));
    }

    #[test]
    fn bad_chunks_are_refused() {
        for input in [
            "\r\n",
            "x\r\n",
            "-1\r\n",
            "+1\r\n",
            "1\r\nab\r\n",
            "5\nhello",
            "ffffffffffffffffff\r\n",
        ] {
            let ended = outcome(input.as_bytes(), input.len()).0;
            assert!(
                matches!(ended, Err(Malformed::Chunk(_))),
                "{input:?}: {ended:?}"
            );
        }
        let endless = vec![b'0'; MAX_LINES];
        assert!(outcome(&endless, 100).0.is_err());
        let trailers = [&b"0\r\n"[..], &b"a: b\r\n".repeat(MAX_LINES / 3)].concat();
        assert!(outcome(&trailers, 1000).0.is_err());
    }
}

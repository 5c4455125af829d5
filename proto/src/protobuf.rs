//! The protobuf wire format, read field by field
//! (<https://protobuf.dev/programming-guides/encoding/>).

/// What is wrong with a message.
pub(crate) type Problem = &'static str;

const CUT_SHORT: Problem = "message is cut short";

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Fixed32,
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    /// A `uint64`, `int64`, `uint32` or enum; 0 if it is of another type, as if absent.
    pub(crate) fn number(self) -> u64 {
        if let Self::Varint(number) = self {
            number
        } else {
            0
        }
    }

    /// A `sint32` or `sint64`.
    pub(crate) fn zigzag(self) -> i64 {
        zigzag(self.number())
    }

    /// A `double`.
    pub(crate) fn double(self) -> f64 {
        if let Self::Fixed64(bits) = self {
            f64::from_bits(bits)
        } else {
            0.0
        }
    }

    /// A string or a message.
    pub(crate) fn bytes(self) -> &'a [u8] {
        if let Self::Bytes(bytes) = self {
            bytes
        } else {
            &[]
        }
    }

    /// A string.
    pub(crate) fn text(self) -> Result<&'a str, Problem> {
        std::str::from_utf8(self.bytes()).map_err(|_| "invalid UTF-8")
    }
}

/// What a `sint64` stands for.
pub(crate) fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

/// The fields of a message, by number, in their order.
#[derive(Clone)]
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// Bytes not read yet.
    pub(crate) fn n_left(&self) -> usize {
        self.rest.len()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Problem>;

    // Inlined into each loop over a message's fields, where the unused kinds of values fall away.
    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = take_field(&mut self.rest);
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

#[inline(always)]
fn take_field<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>), Problem> {
    let tag = take_varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Varint(take_varint(rest)?),
        1 => Value::Fixed64(take_fixed64(rest)?),
        2 => Value::Bytes(take_delimited(rest)?),
        5 => {
            *rest = rest.get(4..).ok_or(CUT_SHORT)?;
            Value::Fixed32
        }
        _ => return Err("unknown wire type"),
    };
    Ok((tag >> 3, value))
}

/// A length, then as many bytes.
#[inline(always)]
pub(crate) fn take_delimited<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Problem> {
    let length = usize::try_from(take_varint(rest)?).map_err(|_| CUT_SHORT)?;
    let (bytes, tail) = rest.split_at_checked(length).ok_or(CUT_SHORT)?;
    *rest = tail;
    Ok(bytes)
}

/// A `double`'s or `fixed64`'s bits.
#[inline]
pub(crate) fn take_fixed64(rest: &mut &[u8]) -> Result<u64, Problem> {
    let (bytes, tail) = rest.split_first_chunk().ok_or(CUT_SHORT)?;
    *rest = tail;
    Ok(u64::from_le_bytes(*bytes))
}

#[inline(always)]
pub(crate) fn take_varint(rest: &mut &[u8]) -> Result<u64, Problem> {
    match rest.split_first() {
        Some((&byte, tail)) if byte < 0x80 => {
            *rest = tail;
            Ok(byte.into())
        }
        _ => take_long_varint(rest),
    }
}

fn take_long_varint(rest: &mut &[u8]) -> Result<u64, Problem> {
    let mut number = 0;
    let mut bytes = *rest;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = bytes.split_first().ok_or(CUT_SHORT)?;
        bytes = tail;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            *rest = bytes;
            return Ok(number);
        }
    }
    Err("varint is too long")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_order_and_a_torn_one_ends_them() {
        let message = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x19, 1, 2];
        let fields: Vec<_> = Fields::of(&message).collect();
        assert_eq!(
            fields,
            [
                Ok((1, Value::Varint(150))),
                Ok((2, Value::Bytes(b"hi"))),
                Err(CUT_SHORT)
            ]
        );
    }

    #[test]
    fn varints_longer_than_ten_bytes_are_refused() {
        assert!(take_varint(&mut &[0xff; 11][..]).is_err());
        assert_eq!(take_varint(&mut &[0xff, 0xff, 0x03][..]), Ok(0xffff));
        assert_eq!([0, 1, 2, 3].map(zigzag), [0, -1, 1, -2]);
    }
}

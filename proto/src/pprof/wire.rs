//! The protobuf wire format, as far as pprof needs it
//! (<https://protobuf.dev/programming-guides/encoding/>).

/// The bytes are not protobuf. Which message they were in is the caller's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WireError;

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    /// `fixed32` or `fixed64`, which no field of pprof is: only skipped.
    Fixed,
}

impl<'a> Value<'a> {
    /// The number of a scalar field; 0 if it is of another type, as for an absent field.
    pub(super) fn number(self) -> u64 {
        match self {
            Value::Varint(number) => number,
            Value::Bytes(_) | Value::Fixed => 0,
        }
    }

    /// The bytes of a string or message field; empty if it is of another type.
    pub(super) fn bytes(self) -> &'a [u8] {
        match self {
            Value::Bytes(bytes) => bytes,
            Value::Varint(_) | Value::Fixed => &[],
        }
    }

    /// Calls `visit` for each number of a repeated field, packed or not.
    pub(super) fn for_each_number<E: From<WireError>>(
        self,
        mut visit: impl FnMut(u64) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Value::Varint(number) => visit(number),
            Value::Bytes(packed) => {
                let mut rest = packed;
                while !rest.is_empty() {
                    visit(take_varint(&mut rest)?)?;
                }
                Ok(())
            }
            Value::Fixed => Ok(()),
        }
    }
}

/// Calls `visit` with the number and value of each field of a message.
#[inline]
pub(super) fn for_each_field<'a, E: From<WireError>>(
    message: &'a [u8],
    mut visit: impl FnMut(u64, Value<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let mut rest = message;
    while !rest.is_empty() {
        let (field, value) = take_field(&mut rest)?;
        visit(field, value)?;
    }
    Ok(())
}

#[inline]
fn take_field<'a>(rest: &mut &'a [u8]) -> Result<(u64, Value<'a>), WireError> {
    let tag = take_varint(rest)?;
    let value = match tag & 7 {
        0 => Value::Varint(take_varint(rest)?),
        1 => skip_fixed(rest, 8)?,
        2 => {
            let length = take_varint(rest)?.try_into().map_err(|_| WireError)?;
            let (bytes, tail) = rest.split_at_checked(length).ok_or(WireError)?;
            *rest = tail;
            Value::Bytes(bytes)
        }
        5 => skip_fixed(rest, 4)?,
        // 3 and 4 are groups, which no writer of pprof knows; 6 and 7 do not exist.
        _ => return Err(WireError),
    };
    match tag >> 3 {
        0 => Err(WireError),
        field => Ok((field, value)),
    }
}

fn skip_fixed<'a>(rest: &mut &'a [u8], width: usize) -> Result<Value<'a>, WireError> {
    *rest = rest.get(width..).ok_or(WireError)?;
    Ok(Value::Fixed)
}

#[inline]
fn take_varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let (&first, tail) = rest.split_first().ok_or(WireError)?;
    if first < 0x80 {
        *rest = tail;
        return Ok(first.into());
    }
    take_long_varint(rest)
}

fn take_long_varint(rest: &mut &[u8]) -> Result<u64, WireError> {
    let mut number = 0u64;
    for (idx, &byte) in rest.iter().enumerate().take(10) {
        number |= u64::from(byte & 0x7f) << (7 * idx);
        if byte < 0x80 {
            // The tenth byte has room for one bit only.
            if idx == 9 && byte > 1 {
                return Err(WireError);
            }
            *rest = rest.get(idx + 1..).ok_or(WireError)?;
            return Ok(number);
        }
    }
    Err(WireError)
}

/// Writes a message; the counterpart of [`for_each_field`].
#[derive(Debug, Default)]
pub(super) struct Writer {
    pub(super) bytes: Vec<u8>,
}

impl Writer {
    /// A scalar field; nothing for 0, which is what an absent field means.
    pub(super) fn number(&mut self, field: u8, number: u64) {
        if number != 0 {
            self.bytes.push(field << 3);
            self.varint(number);
        }
    }

    /// A string or message field, also if it is empty.
    pub(super) fn bytes(&mut self, field: u8, bytes: &[u8]) {
        self.bytes.push(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.bytes.extend_from_slice(bytes);
    }

    /// A message field: `write` gets `scratch`, emptied, to write the message to.
    pub(super) fn message(
        &mut self,
        field: u8,
        scratch: &mut Writer,
        write: impl FnOnce(&mut Writer),
    ) {
        scratch.bytes.clear();
        write(scratch);
        self.bytes(field, &scratch.bytes);
    }

    /// A packed repeated field; nothing if there are no numbers.
    pub(super) fn packed(&mut self, field: u8, numbers: impl Iterator<Item = u64> + Clone) {
        let length: usize = numbers.clone().map(varint_len).sum();
        if length == 0 {
            return;
        }
        self.bytes.push(field << 3 | 2);
        self.varint(length as u64);
        for number in numbers {
            self.varint(number);
        }
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

fn varint_len(number: u64) -> usize {
    let n_bits = 64 - (number | 1).leading_zeros() as usize;
    n_bits.div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fields(message: &[u8]) -> Result<Vec<(u64, Value<'_>)>, WireError> {
        let mut out = Vec::new();
        for_each_field(message, |field, value| {
            out.push((field, value));
            Ok::<_, WireError>(())
        })?;
        Ok(out)
    }

    #[test]
    fn malformed_messages_are_refused() {
        let too_long = [&[0x08][..], &[0xff; 10]].concat();
        let overflow = [&[0x08][..], &[0xff; 9], &[0x02]].concat();
        let cases: [&[u8]; 7] = [
            &[0x00],
            &[0x08],
            &[0x0a, 0x02, 0x00],
            &[0x0b],
            &[0x09, 0, 0],
            &too_long,
            &overflow,
        ];
        for message in cases {
            assert_eq!(fields(message), Err(WireError), "{message:x?}");
        }
    }

    #[test]
    fn fixed_fields_are_skipped() {
        let message = [0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x0d, 1, 2, 3, 4, 0x08, 5];
        let expected = [(1, Value::Fixed), (1, Value::Fixed), (1, Value::Varint(5))];
        assert_eq!(fields(&message).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn numbers_round_trip(numbers in prop::collection::vec(any::<u64>(), 1..20)) {
            let mut writer = Writer::default();
            writer.packed(3, numbers.iter().copied());
            let mut read = Vec::new();
            for (field, value) in fields(&writer.bytes).unwrap() {
                prop_assert_eq!(field, 3);
                value.for_each_number(|number| { read.push(number); Ok::<_, WireError>(()) }).unwrap();
            }
            prop_assert_eq!(read, numbers);
        }
    }
}

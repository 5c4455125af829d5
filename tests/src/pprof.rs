//! Writes profiles in pprof's protobuf, good ones and others: just the wire format.

/// A message of `perftools.profiles`, field by field.
#[derive(Clone, Debug, Default)]
pub struct Message(Vec<u8>);

/// Fields of `Profile`.
pub mod profile {
    /// `ValueType`.
    pub const SAMPLE_TYPE: u64 = 1;
    /// `Sample`.
    pub const SAMPLE: u64 = 2;
    /// `Location`.
    pub const LOCATION: u64 = 4;
    /// `Function`.
    pub const FUNCTION: u64 = 5;
    /// A string; the first one is empty.
    pub const STRING: u64 = 6;
}

impl Message {
    /// Without fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a number more; a negative one takes ten bytes.
    pub fn number(mut self, field: u64, value: i64) -> Self {
        push_varint(&mut self.0, field << 3);
        push_varint(&mut self.0, value.cast_unsigned());
        self
    }

    /// With a text, bytes or a message more.
    pub fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        self.push(field, value.as_ref());
        self
    }

    /// The same in place.
    pub fn push(&mut self, field: u64, value: impl AsRef<[u8]>) {
        let value = value.as_ref();
        push_varint(&mut self.0, field << 3 | 2);
        push_varint(&mut self.0, value.len() as u64);
        self.0.extend_from_slice(value);
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A profile of one function called `work`, at location 1, with the sample type `objects` in
/// `count`; it has no samples yet.
pub fn of_one_function() -> Message {
    let strings = ["", "objects", "count", "work"];
    let line = Message::new().number(1, 1);
    let profile = Message::new()
        .bytes(
            profile::SAMPLE_TYPE,
            Message::new().number(1, 1).number(2, 2),
        )
        .bytes(profile::FUNCTION, Message::new().number(1, 1).number(2, 3))
        .bytes(
            profile::LOCATION,
            Message::new().number(1, 1).bytes(4, line),
        );
    strings.iter().fold(profile, |profile, text| {
        profile.bytes(profile::STRING, text)
    })
}

/// A sample at these locations.
pub fn sample(locations: &[i64], value: i64) -> Message {
    let at = locations
        .iter()
        .fold(Message::new(), |sample, id| sample.number(1, *id));
    at.number(2, value)
}

fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

//! Writing protobuf back to front.
//!
//! A nested message is prefixed with its length, which is known only once it is written. Writing
//! from the last byte to the first makes it known when the prefix is due: nothing is measured
//! beforehand and nothing is copied to make room.

/// Wire type of a varint.
const VARINT: u8 = 0;
/// Wire type of eight bytes, little endian.
const FIXED64: u8 = 1;
/// Wire type of bytes, strings, messages and packed numbers.
const LENGTH_DELIMITED: u8 = 2;

/// A buffer that grows at its front. Fields are written in reverse order.
#[derive(Debug, Default)]
pub(super) struct ReverseWriter {
    buf: Vec<u8>,
    /// Index of the first written byte.
    start: usize,
}

impl ReverseWriter {
    /// Bytes written so far. Taken before a message, it is the mark for [`Self::message`].
    pub(super) fn len(&self) -> usize {
        self.buf.len() - self.start
    }

    /// Forgets what was written after the writer was `len` long.
    pub(super) fn rewind(&mut self, len: usize) {
        self.start = self.buf.len() - len.min(self.len());
    }

    /// Takes what was written, in order, and leaves the writer empty with its room.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let bytes = self.buf.get(self.start..).unwrap_or_default().to_vec();
        self.start = self.buf.len();
        bytes
    }

    /// Writes bytes in front of the others.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        if self.start < bytes.len() {
            self.grow(bytes.len());
        }
        let end = self.start;
        self.start -= bytes.len();
        if let Some(room) = self.buf.get_mut(self.start..end) {
            room.copy_from_slice(bytes);
        }
    }

    /// A field of bytes or a string.
    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.raw(bytes);
        self.prefix(field, bytes.len());
    }

    /// A `fixed64` field.
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.raw(&value.to_le_bytes());
        self.key(field, FIXED64);
    }

    /// A `double` field.
    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// A varint field: `uint32`, `bool` or an enumeration.
    pub(super) fn uint(&mut self, field: u32, value: u64) {
        self.varint(value);
        self.key(field, VARINT);
    }

    /// A `sint32` field (zigzag).
    pub(super) fn sint32(&mut self, field: u32, value: i32) {
        self.uint(field, u64::from(((value << 1) ^ (value >> 31)) as u32));
    }

    /// Closes a message, or a packed field, that began when the writer was `mark` long.
    pub(super) fn message(&mut self, field: u32, mark: usize) {
        self.prefix(field, self.len() - mark);
    }

    /// A varint without a key, as in a packed field.
    pub(super) fn varint(&mut self, mut value: u64) {
        let mut bytes = [0u8; 10];
        let mut n_bytes = 0;
        for byte in &mut bytes {
            n_bytes += 1;
            *byte = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                break;
            }
            *byte |= 0x80;
        }
        self.raw(bytes.get(..n_bytes).unwrap_or_default());
    }

    fn prefix(&mut self, field: u32, length: usize) {
        self.varint(length as u64);
        self.key(field, LENGTH_DELIMITED);
    }

    fn key(&mut self, field: u32, wire_type: u8) {
        self.varint(u64::from(field << 3 | u32::from(wire_type)));
    }

    /// At least doubles the buffer, what is written staying at its end.
    fn grow(&mut self, more: usize) {
        let written = self.len();
        let capacity = (self.buf.len() * 2).max(written + more).max(4096);
        let mut buf = vec![0; capacity];
        let start = capacity - written;
        if let (Some(room), Some(old)) = (buf.get_mut(start..), self.buf.get(self.start..)) {
            room.copy_from_slice(old);
        }
        self.buf = buf;
        self.start = start;
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::metrics::v1::{
        ExponentialHistogramDataPoint, exponential_histogram_data_point::Buckets,
    };
    use proptest::prelude::*;
    use prost::Message;

    use super::*;

    proptest! {
        #[test]
        fn prost_reads_back_what_was_written(
            time in any::<u64>(), sum in any::<i32>(), scale in any::<i32>(), flags in any::<u32>(),
            offset in any::<i32>(), counts in prop::collection::vec(any::<u64>(), 1..5000),
        ) {
            let mut writer = ReverseWriter::default();
            writer.uint(10, u64::from(flags));
            let buckets = writer.len();
            let packed = writer.len();
            counts.iter().rev().for_each(|count| writer.varint(*count));
            writer.message(2, packed);
            writer.sint32(1, offset);
            writer.message(8, buckets);
            writer.sint32(6, scale);
            writer.double(5, f64::from(sum));
            writer.fixed64(3, time);

            let expected = ExponentialHistogramDataPoint {
                time_unix_nano: time, sum: Some(f64::from(sum)), scale, flags,
                positive: Some(Buckets { offset, bucket_counts: counts }),
                ..Default::default()
            };
            prop_assert_eq!(ExponentialHistogramDataPoint::decode(&*writer.take()), Ok(expected));
            prop_assert_eq!(writer.len(), 0);
        }
    }

    #[test]
    fn rewind_forgets_the_last_fields_only() {
        let mut writer = ReverseWriter::default();
        writer.raw(b"kept");
        let mark = writer.len();
        writer.raw(&[b'x'; 9000]);
        writer.rewind(mark);
        assert_eq!(writer.take(), b"kept");
    }
}

//! Identities that come from content: the same after a restart and on another machine.
//!
//! XXH3-64 over numbers as little-endian bytes and texts with their length before them. These
//! are written down in every archive, so what goes into them does not change.

use proto::profile::{Location, LocationId, Profile, StrId};
use proto::{ProfileRecord, Target};
use xxhash_rust::xxh3::Xxh3;

use crate::Position;

/// The `capture_id` of a capture in the archive. The position, at which its record ends in the log,
/// makes it unique in a log, the rest among logs.
pub fn capture_id(end: Position, record: &ProfileRecord) -> u64 {
    let mut hash = ContentHash::of_target(&record.target);
    hash.text(&record.kind);
    hash.number(u64::from(record.is_delta));
    hash.number(record.profile.time_nanos.cast_unsigned());
    hash.number(record.profile.duration_nanos.cast_unsigned());
    hash.number(end.0);
    hash.finish()
}

/// One sample type of a capture.
pub(super) fn profile_id(capture_id: u64, type_idx: u32) -> u64 {
    let mut hash = ContentHash::default();
    hash.number(capture_id);
    hash.number(u64::from(type_idx));
    hash.finish()
}

/// The profiles of one kind of one target, over time: what merged captures are made of.
pub(super) fn profile_source_id(target: &Target, kind: &str) -> u64 {
    let mut hash = ContentHash::of_target(target);
    hash.text(kind);
    hash.finish()
}

/// Captures of a source merged into one: those that are deltas or those that are not, of the window
/// of `step` milliseconds that begins at `start`. `from` tells those apart that were merged of
/// different files (0 for those of all files).
pub(super) fn merged_capture_id(
    source_id: u64,
    is_delta: bool,
    (start, step): (i64, i64),
    from: Position,
) -> u64 {
    let mut hash = ContentHash::default();
    hash.number(source_id);
    hash.number(u64::from(is_delta));
    hash.number(start.cast_unsigned());
    hash.number(step.cast_unsigned());
    hash.number(from.0);
    hash.finish()
}

/// The profiles of one series in a merged capture.
pub(super) fn merged_profile_id(capture_id: u64, series_id: u64) -> u64 {
    let mut hash = ContentHash::default();
    hash.number(capture_id);
    hash.number(series_id);
    hash.finish()
}

/// The profiles of one type and kind of one target, over time.
pub(super) fn profile_series_id(target: &Target, kind: &str, sample_type: &str, unit: &str) -> u64 {
    let mut hash = ContentHash::of_target(target);
    hash.text(kind);
    hash.text(sample_type);
    hash.text(unit);
    hash.finish()
}

/// Hash of every location of a profile, from which those of its stacks follow.
pub(super) fn location_hashes(profile: &Profile) -> Vec<u64> {
    profile
        .locations
        .iter()
        .map(|location| location_hash(profile, location))
        .collect()
}

/// One stack, from the hashes of the profile's locations.
pub(super) fn stack_id(stack: &[LocationId], location_hashes: &[u64]) -> u64 {
    let mut hash = ContentHash::default();
    for location in stack {
        hash.number(
            location_hashes
                .get(location.0 as usize)
                .copied()
                .unwrap_or(0),
        );
    }
    hash.finish()
}

fn location_hash(profile: &Profile, location: &Location) -> u64 {
    let mut hash = ContentHash::default();
    let text = |id: StrId| profile.strings.get(id);
    hash.number(location.address);
    hash.number(u64::from(location.is_folded));
    let mapping = location
        .mapping
        .and_then(|id| profile.mappings.get(id.0 as usize));
    hash.number(u64::from(mapping.is_some()));
    if let Some(mapping) = mapping {
        hash.number(mapping.memory_start);
        hash.text(text(mapping.filename));
        hash.text(text(mapping.build_id));
    }
    for line in &location.lines {
        let function = profile
            .functions
            .get(line.function.0 as usize)
            .copied()
            .unwrap_or_default();
        hash.text(text(function.name));
        hash.text(text(function.system_name));
        hash.text(text(function.filename));
        hash.number(function.start_line.cast_unsigned());
        hash.number(line.line.cast_unsigned());
        hash.number(line.column.cast_unsigned());
    }
    hash.finish()
}

#[derive(Default)]
struct ContentHash(Xxh3);

impl ContentHash {
    fn of_target(target: &Target) -> Self {
        let mut hash = Self::default();
        hash.bytes(target.labels.as_packed());
        hash
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn finish(self) -> u64 {
        self.0.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::testing;

    /// These numbers are in archives. If this fails, the code is wrong and not the test.
    #[test]
    fn ids_are_what_they_always_were() {
        let record = testing::cpu_profile(1_795_300_000_000_000_000);
        let hashes = location_hashes(&record.profile);
        let stack = &record.profile.stacks[0];
        let capture = capture_id(Position(1), &record);
        let series = profile_series_id(&record.target, "process_cpu", "cpu", "nanoseconds");
        let ids = [
            stack_id(stack, &hashes),
            capture,
            profile_id(capture, 1),
            series,
        ];
        let expected = [
            0x0b61_f667_5edd_0901,
            0x9296_11e3_7c53_e0a0,
            0xad8f_a607_8137_09e5,
            0x918f_d23f_af90_c663,
        ];
        assert_eq!(ids, expected, "{ids:#018x?}");
    }
}

//! A profile message taken apart but not yet understood: writers may put the tables in any
//! order (Go puts the strings last), and everything refers to everything.

use super::error::PprofError;
use super::wire::{WireError, for_each_field};

/// The top-level fields of `perftools.profiles.Profile`.
#[derive(Default)]
pub(super) struct RawProfile<'a> {
    pub(super) sample_types: Vec<&'a [u8]>,
    pub(super) samples: Vec<&'a [u8]>,
    pub(super) mappings: Vec<&'a [u8]>,
    pub(super) locations: Vec<&'a [u8]>,
    pub(super) functions: Vec<&'a [u8]>,
    pub(super) strings: Vec<&'a [u8]>,
    pub(super) drop_frames: u64,
    pub(super) keep_frames: u64,
    pub(super) time_nanos: i64,
    pub(super) duration_nanos: i64,
    pub(super) period_type: &'a [u8],
    pub(super) period: i64,
    pub(super) comments: Vec<u64>,
    pub(super) default_sample_type: u64,
    pub(super) doc_url: u64,
}

impl<'a> RawProfile<'a> {
    pub(super) fn scan(bytes: &'a [u8]) -> Result<Self, PprofError> {
        let mut raw = Self::default();
        for_each_field(bytes, |field, value| {
            match field {
                1 => raw.sample_types.push(value.bytes()),
                2 => raw.samples.push(value.bytes()),
                3 => raw.mappings.push(value.bytes()),
                4 => raw.locations.push(value.bytes()),
                5 => raw.functions.push(value.bytes()),
                6 => raw.strings.push(value.bytes()),
                7 => raw.drop_frames = value.number(),
                8 => raw.keep_frames = value.number(),
                9 => raw.time_nanos = value.number() as i64,
                10 => raw.duration_nanos = value.number() as i64,
                11 => raw.period_type = value.bytes(),
                12 => raw.period = value.number() as i64,
                13 => {
                    return value.for_each_number(|comment| {
                        raw.comments.push(comment);
                        Ok(())
                    });
                }
                14 => raw.default_sample_type = value.number(),
                15 => raw.doc_url = value.number(),
                _ => {}
            }
            Ok::<_, WireError>(())
        })
        .map_err(|WireError| PprofError::Malformed { message: "Profile" })?;
        Ok(raw)
    }
}

//! pprof bytes → [`Profile`]. Every id and index is checked before it becomes a handle.

use super::error::PprofError;
use super::id_map::IdMap;
use super::raw::RawProfile;
use super::wire::{Value, WireError, for_each_field};
use crate::profile::{
    Function, FunctionId, LabelValue, Line, Location, LocationId, Mapping, MappingId, Profile,
    ProfileBuilder, SampleLabel, StrId, ValueType,
};

/// Handles and offsets are 32 bits wide; no real profile comes near.
const MAX_BYTES: usize = 1 << 30;

/// Decodes an uncompressed pprof message.
///
/// The tables keep their order. Equal strings, stacks and label sets become one; equal samples
/// stay apart ([`crate::profile_ops::merge`] sums them). Strings that are not UTF-8 get the
/// replacement character. The result takes at most some 16 bytes for each byte of input.
///
/// # Errors
/// If the bytes are not protobuf, or a reference in them leads nowhere: the whole profile is
/// refused, since nothing says which part of it is right.
pub fn decode(bytes: &[u8]) -> Result<Profile, PprofError> {
    check_kind(bytes)?;
    let raw = RawProfile::scan(bytes)?;
    let mut decoder = Decoder::default();
    decoder.strings(&raw)?;
    decoder.header(&raw)?;
    decoder.mappings(&raw.mappings)?;
    decoder.functions(&raw.functions)?;
    decoder.locations(&raw.locations)?;
    decoder.samples(&raw.samples)?;
    Ok(decoder.builder.finish())
}

/// Names what people send by mistake, which protobuf parsing would only call malformed.
fn check_kind(bytes: &[u8]) -> Result<(), PprofError> {
    const TEXTS: [(&[u8], &str); 7] = [
        (b"heap profile:", "heap profile"),
        (b"goroutine profile:", "goroutine profile"),
        (b"goroutine ", "goroutine dump"),
        (b"threadcreate profile:", "thread creation profile"),
        (b"--- contention:", "contention profile"),
        (b"--- mutex:", "contention profile"),
        (b"--- heapz", "heap profile"),
    ];
    const OTHERS: [(&[u8], &str); 5] = [
        (b"\x1f\x8b", "gzip data"),
        (b"\x28\xb5\x2f\xfd", "zstd data"),
        (b"go 1.", "a Go execution trace"),
        (b"<", "HTML"),
        (b"{", "JSON"),
    ];
    let find = |kinds: &[(&[u8], &'static str)]| {
        kinds
            .iter()
            .find(|(start, _)| bytes.starts_with(start))
            .map(|(_, format)| *format)
    };
    match (find(&TEXTS), find(&OTHERS)) {
        (Some(format), _) => Err(PprofError::Text { format }),
        (_, Some(format)) => Err(PprofError::NotPprof { format }),
        _ if bytes.is_empty() => Err(PprofError::Empty),
        _ if bytes.len() > MAX_BYTES => Err(PprofError::TooLarge {
            n_bytes: bytes.len(),
        }),
        _ => Ok(()),
    }
}

#[derive(Default)]
struct Decoder {
    builder: ProfileBuilder,
    /// Index in the message's string table → handle.
    strings: Vec<StrId>,
    mappings: IdMap,
    functions: IdMap,
    locations: IdMap,
}

impl Decoder {
    fn strings(&mut self, raw: &RawProfile<'_>) -> Result<(), PprofError> {
        if raw.strings.first().is_some_and(|first| !first.is_empty()) {
            return Err(PprofError::FirstString);
        }
        let builder = &mut self.builder;
        builder.reserve(raw.strings.len(), raw.samples.len());
        let ids = raw
            .strings
            .iter()
            .map(|bytes| match std::str::from_utf8(bytes) {
                Ok(text) => builder.string(text),
                Err(_) => builder.string(&String::from_utf8_lossy(bytes)),
            });
        self.strings = ids.collect();
        // A message without strings still has its index 0, the absent string.
        if self.strings.is_empty() {
            self.strings.push(StrId::default());
        }
        Ok(())
    }

    fn string(&self, index: u64) -> Result<StrId, PprofError> {
        let known = usize::try_from(index)
            .ok()
            .and_then(|idx| self.strings.get(idx));
        known.copied().ok_or(PprofError::Dangling {
            table: "string",
            reference: index,
        })
    }

    fn header(&mut self, raw: &RawProfile<'_>) -> Result<(), PprofError> {
        let types = raw.sample_types.iter().map(|bytes| self.value_type(bytes));
        let sample_types: Vec<ValueType> = types.collect::<Result<_, _>>()?;
        let default_kind = self.string(raw.default_sample_type)?;
        let default_idx = sample_types
            .iter()
            .position(|value_type| value_type.kind == default_kind);
        let comments = raw.comments.iter().map(|index| self.string(*index));
        let comments = comments.collect::<Result<_, _>>()?;
        let (drop_frames, keep_frames) =
            (self.string(raw.drop_frames)?, self.string(raw.keep_frames)?);
        let (doc_url, period_type) = (self.string(raw.doc_url)?, self.value_type(raw.period_type)?);

        let profile = self.builder.profile_mut();
        profile.sample_types = sample_types;
        profile.default_sample_type = default_idx
            .filter(|_| default_kind != StrId::default())
            .map(|idx| idx as u32);
        profile.time_nanos = raw.time_nanos;
        profile.duration_nanos = raw.duration_nanos;
        profile.period_type = period_type;
        profile.period = raw.period;
        profile.comments = comments;
        profile.drop_frames = drop_frames;
        profile.keep_frames = keep_frames;
        profile.doc_url = doc_url;
        Ok(())
    }

    fn value_type(&self, bytes: &[u8]) -> Result<ValueType, PprofError> {
        let mut value_type = ValueType::default();
        message("ValueType", bytes, |field, value| {
            match field {
                1 => value_type.kind = self.string(value.number())?,
                2 => value_type.unit = self.string(value.number())?,
                _ => {}
            }
            Ok(())
        })?;
        Ok(value_type)
    }

    fn mappings(&mut self, messages: &[&[u8]]) -> Result<(), PprofError> {
        self.mappings = IdMap::new("mapping", messages.len());
        for (idx, bytes) in messages.iter().enumerate() {
            let (id, mapping) = self.mapping(bytes)?;
            self.mappings.insert(id, idx)?;
            self.builder.profile_mut().mappings.push(mapping);
        }
        Ok(())
    }

    fn mapping(&self, bytes: &[u8]) -> Result<(u64, Mapping), PprofError> {
        let (mut id, mut mapping) = (0, Mapping::default());
        message("Mapping", bytes, |field, value| {
            let number = value.number();
            match field {
                1 => id = number,
                2 => mapping.memory_start = number,
                3 => mapping.memory_limit = number,
                4 => mapping.file_offset = number,
                5 => mapping.filename = self.string(number)?,
                6 => mapping.build_id = self.string(number)?,
                7 => mapping.has_functions = number != 0,
                8 => mapping.has_filenames = number != 0,
                9 => mapping.has_line_numbers = number != 0,
                10 => mapping.has_inline_frames = number != 0,
                _ => {}
            }
            Ok(())
        })?;
        Ok((id, mapping))
    }

    fn functions(&mut self, messages: &[&[u8]]) -> Result<(), PprofError> {
        self.functions = IdMap::new("function", messages.len());
        self.builder
            .profile_mut()
            .functions
            .reserve_exact(messages.len());
        for (idx, bytes) in messages.iter().enumerate() {
            let (id, function) = self.function(bytes)?;
            self.functions.insert(id, idx)?;
            self.builder.profile_mut().functions.push(function);
        }
        Ok(())
    }

    fn function(&self, bytes: &[u8]) -> Result<(u64, Function), PprofError> {
        let (mut id, mut function) = (0, Function::default());
        message("Function", bytes, |field, value| {
            let number = value.number();
            match field {
                1 => id = number,
                2 => function.name = self.string(number)?,
                3 => function.system_name = self.string(number)?,
                4 => function.filename = self.string(number)?,
                5 => function.start_line = number as i64,
                _ => {}
            }
            Ok(())
        })?;
        Ok((id, function))
    }

    fn locations(&mut self, messages: &[&[u8]]) -> Result<(), PprofError> {
        self.locations = IdMap::new("location", messages.len());
        self.builder
            .profile_mut()
            .locations
            .reserve_exact(messages.len());
        for (idx, bytes) in messages.iter().enumerate() {
            let (id, location) = self.location(bytes)?;
            self.locations.insert(id, idx)?;
            self.builder.profile_mut().locations.push(location);
        }
        Ok(())
    }

    fn location(&self, bytes: &[u8]) -> Result<(u64, Location), PprofError> {
        let (mut id, mut location) = (0, Location::default());
        message("Location", bytes, |field, value| {
            match field {
                1 => id = value.number(),
                2 => {
                    location.mapping = match value.number() {
                        0 => None,
                        mapping => Some(MappingId(self.mappings.get(mapping)?)),
                    }
                }
                3 => location.address = value.number(),
                4 => location.lines.push(self.line(value.bytes())?),
                5 => location.is_folded = value.number() != 0,
                _ => {}
            }
            Ok(())
        })?;
        Ok((id, location))
    }

    fn line(&self, bytes: &[u8]) -> Result<Line, PprofError> {
        let (mut function, mut line, mut column) = (0, 0, 0);
        message("Line", bytes, |field, value| {
            match field {
                1 => function = value.number(),
                2 => line = value.number() as i64,
                3 => column = value.number() as i64,
                _ => {}
            }
            Ok(())
        })?;
        Ok(Line {
            function: FunctionId(self.functions.get(function)?),
            line,
            column,
        })
    }

    fn samples(&mut self, messages: &[&[u8]]) -> Result<(), PprofError> {
        let n_types = self.builder.profile().sample_types.len();
        let mut scratch = SampleScratch::default();
        for (sample_idx, bytes) in messages.iter().enumerate() {
            self.sample(bytes, &mut scratch)?;
            let n_values = scratch.values.len();
            // Samples of a profile without sample types could not be counted.
            if n_values != n_types || n_types == 0 {
                return Err(PprofError::ValueCount {
                    sample_idx,
                    n_values,
                    n_types,
                });
            }
            let stack = self.builder.stack(&scratch.locations);
            let labels = self.builder.label_set(&scratch.labels);
            self.builder.push_sample(stack, labels, &scratch.values);
        }
        Ok(())
    }

    fn sample(&self, bytes: &[u8], scratch: &mut SampleScratch) -> Result<(), PprofError> {
        scratch.clear();
        let SampleScratch {
            locations,
            values,
            labels,
        } = scratch;
        message("Sample", bytes, |field, value| match field {
            1 => value.for_each_number(|id| {
                locations.push(LocationId(self.locations.get(id)?));
                Ok(())
            }),
            2 => value.for_each_number(|number| {
                values.push(number as i64);
                Ok(())
            }),
            3 => {
                labels.push(self.label(value.bytes())?);
                Ok(())
            }
            _ => Ok(()),
        })
    }

    fn label(&self, bytes: &[u8]) -> Result<SampleLabel, PprofError> {
        let (mut key, mut text, mut number, mut unit) = (0, 0, 0, 0);
        message("Label", bytes, |field, value| {
            match field {
                1 => key = value.number(),
                2 => text = value.number(),
                3 => number = value.number() as i64,
                4 => unit = value.number(),
                _ => {}
            }
            Ok(())
        })?;
        let text = self.string(text)?;
        let value = if text == StrId::default() {
            LabelValue::Num(number, self.string(unit)?)
        } else {
            LabelValue::Str(text)
        };
        Ok(SampleLabel {
            key: self.string(key)?,
            value,
        })
    }
}

/// One sample's parts, with buffers that are kept from sample to sample.
#[derive(Default)]
struct SampleScratch {
    locations: Vec<LocationId>,
    values: Vec<i64>,
    labels: Vec<SampleLabel>,
}

impl SampleScratch {
    fn clear(&mut self) {
        self.locations.clear();
        self.values.clear();
        self.labels.clear();
    }
}

/// Visits the fields of a message, naming it if it is malformed.
fn message<'a>(
    name: &'static str,
    bytes: &'a [u8],
    visit: impl FnMut(u64, Value<'a>) -> Result<(), FieldError>,
) -> Result<(), PprofError> {
    for_each_field(bytes, visit).map_err(|error| match error {
        FieldError::Wire => PprofError::Malformed { message: name },
        FieldError::Pprof(error) => error,
    })
}

enum FieldError {
    Wire,
    Pprof(PprofError),
}

impl From<WireError> for FieldError {
    fn from(_: WireError) -> Self {
        Self::Wire
    }
}

impl From<PprofError> for FieldError {
    fn from(error: PprofError) -> Self {
        Self::Pprof(error)
    }
}

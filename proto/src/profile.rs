//! Profiles: columnar tables joined by handles, as in pprof and in OTLP, whichever it came from.
//!
//! Tables hold each thing once. A handle ([`StrId`], [`FunctionId`], [`MappingId`],
//! [`LocationId`], [`StackId`], [`LabelSetId`]) is an index into the table of the same profile
//! and valid only there; whoever builds a [`Profile`] from outside bytes checks every index first.

mod builder;
mod frames;
pub(crate) mod index;
mod type_id;

use std::borrow::Cow;

pub use builder::ProfileBuilder;
pub use frames::Frame;
use smallvec::SmallVec;
pub use type_id::{ProfileTypeId, ProfileTypeIdError};

/// Index into [`Profile::strings`]; 0 is the empty string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StrId(pub u32);
/// Index into [`Profile::functions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionId(pub u32);
/// Index into [`Profile::mappings`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MappingId(pub u32);
/// Index into [`Profile::locations`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LocationId(pub u32);
/// Index into [`Profile::stacks`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId(pub u32);
/// Index into [`Profile::label_sets`]; 0 is the empty set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelSetId(pub u32);

/// Strings, each once, in one allocation. Index 0 is the empty string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StringTable {
    bytes: String,
    ends: Vec<u32>,
}

impl Default for StringTable {
    fn default() -> Self {
        Self {
            bytes: String::new(),
            ends: vec![0],
        }
    }
}

impl StringTable {
    /// The string of a handle; the empty string if there is none.
    pub fn get(&self, id: StrId) -> &str {
        let idx = id.0 as usize;
        let Some(&end) = self.ends.get(idx) else {
            return "";
        };
        let start = idx
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied();
        self.bytes
            .get(start.unwrap_or(0) as usize..end as usize)
            .unwrap_or("")
    }

    /// Appends a string that the caller knows to be new. Interning is the builder's business.
    pub fn push(&mut self, text: &str) -> StrId {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u32);
        StrId(self.ends.len() as u32 - 1)
    }

    /// Number of strings, the empty one included.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Never: index 0 is always there.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// What it holds in memory. Bytes.
    fn n_bytes(&self) -> usize {
        self.bytes.len() + size_of_val(self.ends.as_slice())
    }

    /// The strings in the order of their handles.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len() as u32).map(|idx| self.get(StrId(idx)))
    }
}

/// What a value counts: `cpu` in `nanoseconds`, `inuse_space` in `bytes`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ValueType {
    /// What is counted.
    pub kind: StrId,
    /// In which unit.
    pub unit: StrId,
}

/// A binary or library mapped into the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mapping {
    /// First address.
    pub memory_start: u64,
    /// First address behind it.
    pub memory_limit: u64,
    /// Offset in the file of `memory_start`.
    pub file_offset: u64,
    /// The file.
    pub filename: StrId,
    /// Its build id.
    pub build_id: StrId,
    /// Whether function names were resolved.
    pub has_functions: bool,
    /// Whether file names were resolved.
    pub has_filenames: bool,
    /// Whether line numbers were resolved.
    pub has_line_numbers: bool,
    /// Whether inlined frames were resolved.
    pub has_inline_frames: bool,
}

/// A function.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Function {
    /// Name for people.
    pub name: StrId,
    /// Name as the system has it (mangled), often the same.
    pub system_name: StrId,
    /// Source file.
    pub filename: StrId,
    /// Line at which it starts, 0 if unknown.
    pub start_line: i64,
}

/// A place in a function; a location has several where calls were inlined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    /// The function.
    pub function: FunctionId,
    /// Line, 0 if unknown.
    pub line: i64,
    /// Column, 0 if unknown.
    pub column: i64,
}

/// The lines of a location. Nearly every one has just one: it is kept without an allocation.
pub type Lines = SmallVec<[Line; 1]>;

/// One address with the lines it stands for, innermost (inlined) call first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Location {
    /// The mapping it lies in, if known.
    pub mapping: Option<MappingId>,
    /// The instruction's address, 0 if unknown.
    pub address: u64,
    /// Innermost first; the last is the outermost caller. Empty if not symbolised.
    pub lines: Lines,
    /// Whether several addresses were folded into this one.
    pub is_folded: bool,
}

/// A value of a sample's label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LabelValue {
    /// A string.
    Str(StrId),
    /// A number with its unit (0: none).
    Num(i64, StrId),
}

/// A label of a sample. A key may stand several times (pprof allows it).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleLabel {
    /// Its key.
    pub key: StrId,
    /// Its value.
    pub value: LabelValue,
}

/// A profile: samples of stacks with values, and the tables that name them.
///
/// Samples are columns: sample `i` has `sample_stacks[i]`, `sample_labels[i]` and the values
/// `values[i * n .. (i + 1) * n]` where `n = sample_types.len()`.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// What each value of a sample counts.
    pub sample_types: Vec<ValueType>,
    /// The type a viewer shows first: an index into `sample_types`.
    pub default_sample_type: Option<u32>,
    /// When it was taken, nanoseconds since the Unix epoch, 0 if unknown.
    pub time_nanos: i64,
    /// How long it was taken for, in nanoseconds; 0 for a snapshot.
    pub duration_nanos: i64,
    /// What one period is (`cpu`, `nanoseconds`).
    pub period_type: ValueType,
    /// Events between two samples.
    pub period: i64,
    /// Free text.
    pub comments: Vec<StrId>,
    /// Regular expression of frames a viewer drops.
    pub drop_frames: StrId,
    /// Regular expression of frames it keeps all the same.
    pub keep_frames: StrId,
    /// Where the profile is documented.
    pub doc_url: StrId,

    /// Strings, each once.
    pub strings: StringTable,
    /// Binaries; the first is the main one.
    pub mappings: Vec<Mapping>,
    /// Functions.
    pub functions: Vec<Function>,
    /// Locations.
    pub locations: Vec<Location>,
    /// Stacks, leaf first, each once.
    pub stacks: Vec<Box<[LocationId]>>,
    /// Label sets of samples, each once; the first is empty.
    pub label_sets: Vec<Box<[SampleLabel]>>,

    /// Stack of each sample.
    pub sample_stacks: Vec<StackId>,
    /// Labels of each sample.
    pub sample_labels: Vec<LabelSetId>,
    /// Values, row by row.
    pub values: Vec<i64>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            sample_types: Vec::new(),
            default_sample_type: None,
            time_nanos: 0,
            duration_nanos: 0,
            period_type: ValueType::default(),
            period: 0,
            comments: Vec::new(),
            drop_frames: StrId::default(),
            keep_frames: StrId::default(),
            doc_url: StrId::default(),
            strings: StringTable::default(),
            mappings: Vec::new(),
            functions: Vec::new(),
            locations: Vec::new(),
            stacks: Vec::new(),
            label_sets: vec![Box::default()],
            sample_stacks: Vec::new(),
            sample_labels: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl Profile {
    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.sample_stacks.len()
    }

    /// The samples: stack, labels, and one value for each sample type.
    pub fn samples(&self) -> impl Iterator<Item = (StackId, LabelSetId, &[i64])> {
        let n_types = self.sample_types.len().max(1);
        self.sample_stacks
            .iter()
            .zip(&self.sample_labels)
            .zip(self.values.chunks_exact(n_types))
            .map(|((stack, labels), values)| (*stack, *labels, values))
    }

    /// A label's value as text: a number has its unit behind it.
    pub fn label_text(&self, value: LabelValue) -> Cow<'_, str> {
        match value {
            LabelValue::Str(text) => self.strings.get(text).into(),
            LabelValue::Num(number, StrId(0)) => number.to_string().into(),
            LabelValue::Num(number, unit) => format!("{number} {}", self.strings.get(unit)).into(),
        }
    }

    /// The sample type to show where none is asked for: the default one, else the last, as
    /// `go tool pprof` has it.
    pub fn default_type_idx(&self) -> usize {
        let last = self.sample_types.len().saturating_sub(1);
        self.default_sample_type
            .map_or(last, |idx| (idx as usize).min(last))
    }

    /// The sample type with this name (`cpu`, `inuse_space`).
    pub fn type_idx(&self, kind: &str) -> Option<usize> {
        self.sample_types
            .iter()
            .position(|known| self.strings.get(known.kind) == kind)
    }

    /// What one sample type is called over all profiles, given the kind of this one.
    pub fn type_id(&self, kind: &str, type_idx: usize) -> ProfileTypeId {
        let own = self.sample_types.get(type_idx).copied();
        let own = own.unwrap_or_default();
        let text = |id| self.strings.get(id).to_owned();
        ProfileTypeId {
            kind: kind.to_owned(),
            sample_type: text(own.kind),
            unit: text(own.unit),
            period_type: text(self.period_type.kind),
            period_unit: text(self.period_type.unit),
        }
    }

    /// What the tables hold in memory, about. Bytes.
    pub fn n_bytes(&self) -> usize {
        let stacks = self
            .stacks
            .iter()
            .map(|stack| stack.len() * size_of::<LocationId>());
        let sets = self
            .label_sets
            .iter()
            .map(|set| set.len() * size_of::<SampleLabel>());
        let samples = size_of::<StackId>() + size_of::<LabelSetId>();
        self.strings.n_bytes()
            + size_of_val(self.mappings.as_slice())
            + size_of_val(self.functions.as_slice())
            + size_of_val(self.locations.as_slice())
            + size_of_val(self.stacks.as_slice())
            + size_of_val(self.label_sets.as_slice())
            + stacks.chain(sets).sum::<usize>()
            + self.n_samples() * samples
            + size_of_val(self.values.as_slice())
    }

    /// Sum of one sample type over all samples, saturating.
    pub fn total(&self, type_idx: usize) -> i64 {
        self.samples().fold(0, |sum: i64, (_, _, values)| {
            sum.saturating_add(values.get(type_idx).copied().unwrap_or(0))
        })
    }
}

//! Bringing the content of one profile into the tables of another.

use crate::profile::index::{Index, Seed};
use crate::profile::{
    Function, FunctionId, LabelSetId, LabelValue, Line, Location, LocationId, Mapping, MappingId,
    Profile, ProfileBuilder, SampleLabel, StackId, StrId, ValueType,
};

/// Binaries already known, by what stays the same when they are loaded at another address.
#[derive(Debug)]
pub(super) struct KnownMappings {
    seed: Seed,
    index: Index,
}

impl Default for KnownMappings {
    fn default() -> Self {
        Self {
            seed: Seed::random(),
            index: Index::default(),
        }
    }
}

/// Takes parts of `source` over into `builder`, each at most once, and only those asked for.
pub(super) struct Importer<'a> {
    source: &'a Profile,
    builder: &'a mut ProfileBuilder,
    known_mappings: &'a mut KnownMappings,
    strings: Memo,
    mappings: Memo,
    functions: Memo,
    locations: Memo,
    stacks: Memo,
    label_sets: Memo,
    /// Kept from stack to stack and from location to location: most are known already, and
    /// looking them up should not allocate.
    stack_scratch: Vec<LocationId>,
    location_scratch: Location,
}

impl<'a> Importer<'a> {
    pub(super) fn new(
        source: &'a Profile,
        builder: &'a mut ProfileBuilder,
        known_mappings: &'a mut KnownMappings,
    ) -> Self {
        Self {
            strings: Memo::new(source.strings.len()),
            mappings: Memo::new(source.mappings.len()),
            functions: Memo::new(source.functions.len()),
            locations: Memo::new(source.locations.len()),
            stacks: Memo::new(source.stacks.len()),
            label_sets: Memo::new(source.label_sets.len()),
            stack_scratch: Vec::new(),
            location_scratch: Location::default(),
            source,
            builder,
            known_mappings,
        }
    }

    pub(super) fn builder(&mut self) -> &mut ProfileBuilder {
        self.builder
    }

    pub(super) fn string(&mut self, id: StrId) -> StrId {
        if let Some(known) = self.strings.get(id.0) {
            return StrId(known);
        }
        let new = self.builder.string(self.source.strings.get(id));
        self.strings.set(id.0, new.0);
        new
    }

    pub(super) fn value_type(&mut self, value_type: ValueType) -> ValueType {
        ValueType {
            kind: self.string(value_type.kind),
            unit: self.string(value_type.unit),
        }
    }

    pub(super) fn stack(&mut self, id: StackId) -> StackId {
        if let Some(known) = self.stacks.get(id.0) {
            return StackId(known);
        }
        let source = self
            .source
            .stacks
            .get(id.0 as usize)
            .map_or(&[][..], |stack| stack);
        let mut locations = std::mem::take(&mut self.stack_scratch);
        locations.clear();
        locations.extend(source.iter().map(|location| self.location(*location)));
        let new = self.builder.stack(&locations);
        self.stack_scratch = locations;
        self.stacks.set(id.0, new.0);
        new
    }

    /// Labels are ordered by kind and key; the values of one key keep their order.
    pub(super) fn label_set(&mut self, id: LabelSetId) -> LabelSetId {
        if let Some(known) = self.label_sets.get(id.0) {
            return LabelSetId(known);
        }
        let source = self
            .source
            .label_sets
            .get(id.0 as usize)
            .map_or(&[][..], |labels| labels);
        let mut labels: Vec<_> = source.iter().map(|label| self.label(*label)).collect();
        let strings = &self.builder.profile().strings;
        labels.sort_by_key(|label| {
            (
                matches!(label.value, LabelValue::Num(..)),
                strings.get(label.key),
            )
        });
        let new = self.builder.label_set(&labels);
        self.label_sets.set(id.0, new.0);
        new
    }

    pub(super) fn mapping(&mut self, id: MappingId) -> MappingId {
        if let Some(known) = self.mappings.get(id.0) {
            return MappingId(known);
        }
        let source = self
            .source
            .mappings
            .get(id.0 as usize)
            .copied()
            .unwrap_or_default();
        let mapping = Mapping {
            filename: self.string(source.filename),
            build_id: self.string(source.build_id),
            ..source
        };
        let new = self.known_mappings.find_or_add(self.builder, mapping);
        self.mappings.set(id.0, new.0);
        new
    }

    fn label(&mut self, label: SampleLabel) -> SampleLabel {
        let value = match label.value {
            LabelValue::Str(text) => LabelValue::Str(self.string(text)),
            LabelValue::Num(number, unit) => LabelValue::Num(number, self.string(unit)),
        };
        SampleLabel {
            key: self.string(label.key),
            value,
        }
    }

    fn location(&mut self, id: LocationId) -> LocationId {
        if let Some(known) = self.locations.get(id.0) {
            return LocationId(known);
        }
        let mut moved = std::mem::take(&mut self.location_scratch);
        self.move_location(id, &mut moved);
        let new = self.builder.known_location(&moved);
        self.location_scratch = moved;
        self.locations.set(id.0, new.0);
        new
    }

    /// The location with its address moved to where the known mapping lies.
    fn move_location(&mut self, id: LocationId, moved: &mut Location) {
        moved.lines.clear();
        let Some(location) = self.source.locations.get(id.0 as usize) else {
            *moved = Location::default();
            return;
        };
        let mapping = location.mapping.map(|id| (id, self.mapping(id)));
        moved.mapping = mapping.map(|(_, target)| target);
        moved.address = mapping.map_or(location.address, |(source, target)| {
            let from = self.source.mappings.get(source.0 as usize);
            let to = self.builder.profile().mappings.get(target.0 as usize);
            let start = |mapping: Option<&Mapping>| mapping.map_or(0, |known| known.memory_start);
            location
                .address
                .wrapping_sub(start(from))
                .wrapping_add(start(to))
        });
        moved.is_folded = location.is_folded;
        let lines = location.lines.iter();
        moved.lines.extend(lines.map(|line| Line {
            function: self.function(line.function),
            ..*line
        }));
    }

    fn function(&mut self, id: FunctionId) -> FunctionId {
        if let Some(known) = self.functions.get(id.0) {
            return FunctionId(known);
        }
        let source = self
            .source
            .functions
            .get(id.0 as usize)
            .copied()
            .unwrap_or_default();
        let function = Function {
            name: self.string(source.name),
            system_name: self.string(source.system_name),
            filename: self.string(source.filename),
            start_line: source.start_line,
        };
        let new = self.builder.function(function);
        self.functions.set(id.0, new.0);
        new
    }
}

impl KnownMappings {
    fn find_or_add(&mut self, builder: &mut ProfileBuilder, mapping: Mapping) -> MappingId {
        let key = MappingKey::of(&mapping);
        let hash = self.seed.hash(&key);
        let mappings = &builder.profile().mappings;
        let is_equal = |idx: u32| {
            mappings
                .get(idx as usize)
                .is_some_and(|known| MappingKey::of(known) == key)
        };
        if let Some(known) = self.index.find(hash, is_equal) {
            return MappingId(known);
        }
        let new = builder.mapping(mapping);
        self.index.insert(hash, new.0);
        new
    }
}

/// What makes two mappings the same binary in spite of address space randomisation, as
/// google/pprof's merge has it: the size in pages, the offset, and the build id or else the file.
#[derive(PartialEq, Eq, Hash)]
struct MappingKey {
    n_pages: u64,
    file_offset: u64,
    build_id_or_file: StrId,
}

impl MappingKey {
    fn of(mapping: &Mapping) -> Self {
        let size = mapping.memory_limit.wrapping_sub(mapping.memory_start);
        let has_build_id = mapping.build_id != StrId::default();
        Self {
            n_pages: size.div_ceil(4096),
            file_offset: mapping.file_offset,
            build_id_or_file: if has_build_id {
                mapping.build_id
            } else {
                mapping.filename
            },
        }
    }
}

/// Source handle → target handle, for those taken over so far.
struct Memo {
    targets: Vec<u32>,
}

/// Not taken over yet. No table is that long.
const VACANT: u32 = u32::MAX;

impl Memo {
    fn new(n_handles: usize) -> Self {
        Self {
            targets: vec![VACANT; n_handles],
        }
    }

    fn get(&self, source: u32) -> Option<u32> {
        self.targets
            .get(source as usize)
            .copied()
            .filter(|target| *target != VACANT)
    }

    fn set(&mut self, source: u32, target: u32) {
        if let Some(slot) = self.targets.get_mut(source as usize) {
            *slot = target;
        }
    }
}

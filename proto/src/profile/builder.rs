//! Building a [`Profile`] from content instead of handles: everything added is interned.

use super::index::{Index, Seed};
use super::{
    Function, FunctionId, LabelSetId, Location, LocationId, Mapping, MappingId, Profile,
    SampleLabel, StackId, StrId,
};

/// Interns strings, functions, mappings, locations, stacks and label sets into a [`Profile`].
///
/// Adding content that is already there returns its handle. The header fields are set through
/// [`ProfileBuilder::profile_mut`]; set `sample_types` before the first sample.
#[derive(Clone, Debug)]
pub struct ProfileBuilder {
    profile: Profile,
    seed: Seed,
    strings: Index,
    mappings: Index,
    functions: Index,
    locations: Index,
    stacks: Index,
    label_sets: Index,
    samples: Index,
}

impl Default for ProfileBuilder {
    fn default() -> Self {
        let seed = Seed::random();
        let (mut strings, mut label_sets) = (Index::default(), Index::default());
        strings.insert(seed.hash(""), StrId::default().0);
        let no_labels: &[SampleLabel] = &[];
        label_sets.insert(seed.hash(no_labels), LabelSetId::default().0);
        Self {
            profile: Profile::default(),
            seed,
            strings,
            mappings: Index::default(),
            functions: Index::default(),
            locations: Index::default(),
            stacks: Index::default(),
            label_sets,
            samples: Index::default(),
        }
    }
}

impl ProfileBuilder {
    /// A builder of an empty profile.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was built so far.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// For setting the header fields (types, times, period, comments). The tables are the
    /// builder's: what is pushed to them here is not found again.
    pub fn profile_mut(&mut self) -> &mut Profile {
        &mut self.profile
    }

    /// The profile.
    pub fn finish(self) -> Profile {
        self.profile
    }

    /// Makes room for so many strings and stacks, so that the indexes need not grow step by step.
    pub(crate) fn reserve(&mut self, n_strings: usize, n_stacks: usize) {
        self.strings.reserve(n_strings);
        self.stacks.reserve(n_stacks);
    }

    /// Interns a string.
    pub fn string(&mut self, text: &str) -> StrId {
        let hash = self.seed.hash(text);
        let strings = &mut self.profile.strings;
        if let Some(known) = self
            .strings
            .find(hash, |idx| strings.get(StrId(idx)) == text)
        {
            return StrId(known);
        }
        let id = strings.push(text);
        self.strings.insert(hash, id.0);
        id
    }

    /// Interns a binary. The first one added is the main one.
    pub fn mapping(&mut self, mapping: Mapping) -> MappingId {
        let hash = self.seed.hash(&mapping);
        MappingId(intern(
            &mut self.mappings,
            &mut self.profile.mappings,
            hash,
            mapping,
        ))
    }

    /// Interns a function.
    pub fn function(&mut self, function: Function) -> FunctionId {
        let hash = self.seed.hash(&function);
        FunctionId(intern(
            &mut self.functions,
            &mut self.profile.functions,
            hash,
            function,
        ))
    }

    /// Interns a location.
    pub fn location(&mut self, location: Location) -> LocationId {
        let hash = self.seed.hash(&location);
        LocationId(intern(
            &mut self.locations,
            &mut self.profile.locations,
            hash,
            location,
        ))
    }

    /// Interns a location that is most likely known: it is only cloned if it is not.
    pub(crate) fn known_location(&mut self, location: &Location) -> LocationId {
        let hash = self.seed.hash(location);
        let column = &self.profile.locations;
        let is_equal = |idx: u32| column.get(idx as usize) == Some(location);
        match self.locations.find(hash, is_equal) {
            Some(known) => LocationId(known),
            None => self.location(location.clone()),
        }
    }

    /// Interns a stack, leaf first.
    pub fn stack(&mut self, locations: &[LocationId]) -> StackId {
        let hash = self.seed.hash(locations);
        StackId(intern_slice(
            &mut self.stacks,
            &mut self.profile.stacks,
            hash,
            locations,
        ))
    }

    /// Interns a label set. The order of the labels counts.
    pub fn label_set(&mut self, labels: &[SampleLabel]) -> LabelSetId {
        let hash = self.seed.hash(labels);
        LabelSetId(intern_slice(
            &mut self.label_sets,
            &mut self.profile.label_sets,
            hash,
            labels,
        ))
    }

    /// Adds the values to the sample with this stack and these labels (saturating), which is
    /// appended if it is not there. `values` has one value for each sample type; missing ones
    /// are 0, surplus ones are ignored.
    pub fn add_sample(&mut self, stack: StackId, labels: LabelSetId, values: &[i64]) {
        let hash = self.seed.hash(&(stack, labels));
        let profile = &mut self.profile;
        let is_equal = |idx: u32| {
            profile.sample_stacks.get(idx as usize) == Some(&stack)
                && profile.sample_labels.get(idx as usize) == Some(&labels)
        };
        let Some(sample_idx) = self.samples.find(hash, is_equal) else {
            self.samples.insert(hash, profile.n_samples() as u32);
            self.push_sample(stack, labels, values);
            return;
        };
        let n_types = profile.sample_types.len();
        let sums = profile
            .values
            .iter_mut()
            .skip(sample_idx as usize * n_types)
            .take(n_types);
        for (sum, value) in sums.zip(values) {
            *sum = sum.saturating_add(*value);
        }
    }

    /// Appends a sample even if there is an equal one, which then stays apart from it.
    pub fn push_sample(&mut self, stack: StackId, labels: LabelSetId, values: &[i64]) {
        let profile = &mut self.profile;
        let n_types = profile.sample_types.len();
        profile.sample_stacks.push(stack);
        profile.sample_labels.push(labels);
        profile.values.extend(
            values
                .iter()
                .copied()
                .chain(std::iter::repeat(0))
                .take(n_types),
        );
    }
}

fn intern<T: PartialEq>(index: &mut Index, column: &mut Vec<T>, hash: u64, content: T) -> u32 {
    if let Some(known) = index.find(hash, |idx| column.get(idx as usize) == Some(&content)) {
        return known;
    }
    let id = column.len() as u32;
    column.push(content);
    index.insert(hash, id);
    id
}

fn intern_slice<T: PartialEq + Clone>(
    index: &mut Index,
    column: &mut Vec<Box<[T]>>,
    hash: u64,
    content: &[T],
) -> u32 {
    let is_equal = |idx: u32| {
        column
            .get(idx as usize)
            .is_some_and(|known| **known == *content)
    };
    if let Some(known) = index.find(hash, is_equal) {
        return known;
    }
    let id = column.len() as u32;
    column.push(content.into());
    index.insert(hash, id);
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{LabelValue, Line, ValueType};

    #[test]
    fn content_added_twice_has_one_handle() {
        let mut builder = ProfileBuilder::new();
        let name = builder.string("main.main");
        assert_eq!(builder.string("main.main"), name);
        assert_eq!(builder.string(""), StrId::default());
        let function = builder.function(Function {
            name,
            ..Function::default()
        });
        assert_eq!(
            builder.function(Function {
                name,
                ..Function::default()
            }),
            function
        );
        let line = Line {
            function,
            line: 7,
            column: 0,
        };
        let at = |address| Location {
            address,
            lines: smallvec::smallvec![line],
            ..Location::default()
        };
        let (first, second) = (builder.location(at(1)), builder.location(at(2)));
        assert_ne!(first, second);
        assert_eq!(builder.location(at(1)), first);
        assert_eq!(
            builder.stack(&[first, second]),
            builder.stack(&[first, second])
        );
        assert_ne!(
            builder.stack(&[first, second]),
            builder.stack(&[second, first])
        );
    }

    #[test]
    fn the_empty_label_set_is_handle_zero() {
        let mut builder = ProfileBuilder::new();
        assert_eq!(builder.label_set(&[]), LabelSetId(0));
        let key = builder.string("bytes");
        let label = SampleLabel {
            key,
            value: LabelValue::Num(512, StrId(0)),
        };
        assert_eq!(builder.label_set(&[label]), LabelSetId(1));
        assert_eq!(builder.label_set(&[label]), LabelSetId(1));
    }

    #[test]
    fn equal_samples_are_summed_or_kept_apart_as_asked() {
        let mut builder = ProfileBuilder::new();
        builder.profile_mut().sample_types = vec![ValueType::default(); 2];
        let stack = builder.stack(&[]);
        builder.add_sample(stack, LabelSetId(0), &[1, i64::MAX]);
        builder.add_sample(stack, LabelSetId(0), &[2, 1]);
        builder.push_sample(stack, LabelSetId(0), &[4]);
        let profile = builder.finish();
        assert_eq!(profile.values, [3, i64::MAX, 4, 0]);
        assert_eq!(profile.n_samples(), 2);
    }
}

//! A goroutine dump, and the profile it makes.

use std::collections::HashMap;

use crate::UnixNanos;
use crate::profile::{
    Function, LabelSetId, LabelValue, Line, Location, LocationId, Profile, ProfileBuilder,
    SampleLabel, StackId, StrId, ValueType,
};

/// Goroutines, grouped where the dump groups them.
#[derive(Debug, Default)]
pub struct Dump {
    pub(super) tables: ProfileBuilder,
    pub(super) groups: Vec<Group>,
    /// Lines that were not understood, and skipped.
    pub n_unread_lines: usize,
}

/// Goroutines that are alike: one in a `debug=2` dump, one or more in a `debug=1` dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many there are.
    pub n_goroutines: u64,
    /// Minutes they have been blocked for; the runtime prints it from one minute on.
    pub wait_minutes: u64,
    /// Whether the goroutine is locked to its thread.
    pub is_locked: bool,
    pub(super) state: StrId,
    pub(super) created_by: StrId,
    pub(super) stack: StackId,
    /// Labels set by the program (`runtime/pprof.Do`).
    pub(super) labels: LabelSetId,
}

impl Dump {
    /// The groups in the order of the dump.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// How many goroutines there are.
    pub fn n_goroutines(&self) -> u64 {
        self.groups
            .iter()
            .fold(0, |sum, group| sum.saturating_add(group.n_goroutines))
    }

    /// Why the goroutines of a group are not running (`select`, `IO wait`, `chan receive`), or
    /// `running`, `runnable`; the empty string in a `debug=1` dump, which does not say.
    pub fn state(&self, group: &Group) -> &str {
        self.tables.profile().strings.get(group.state)
    }

    /// The function that started the goroutines of a group; the empty string if the dump does
    /// not say: in a `debug=1` dump, and for the main goroutine.
    pub fn created_by(&self, group: &Group) -> &str {
        self.tables.profile().strings.get(group.created_by)
    }

    /// The names of the functions on the stack of a group, leaf first.
    pub fn functions(&self, group: &Group) -> impl Iterator<Item = &str> {
        let profile = self.tables.profile();
        let frames = profile
            .frames(group.stack)
            .filter_map(|frame| frame.function);
        frames
            .filter_map(|id| profile.functions.get(id.0 as usize))
            .map(|function| profile.strings.get(function.name))
    }

    /// How many goroutines are in each state, the most frequent first. Empty for `debug=1`.
    pub fn by_state(&self) -> Vec<(&str, u64)> {
        self.counts_by(|group| group.state)
    }

    /// How many goroutines each function started, the most first. Empty for `debug=1`.
    pub fn by_creator(&self) -> Vec<(&str, u64)> {
        self.counts_by(|group| group.created_by)
    }

    /// The groups that have been blocked for at least so many minutes.
    pub fn blocked_for(&self, minutes: u64) -> impl Iterator<Item = &Group> {
        self.groups
            .iter()
            .filter(move |group| group.wait_minutes >= minutes.max(1))
    }

    /// The dump as a profile of the sample type `goroutine` in `count`. The labels of a sample:
    /// `state`, `created_by`, `wait_minutes` (a number of `minutes`), `locked`=`thread`, each
    /// only where the dump says so, then those set by the program. Equal ones are one sample.
    pub fn to_profile(&self, time: UnixNanos) -> Profile {
        let mut builder = self.tables.clone();
        let goroutine = ValueType {
            kind: builder.string("goroutine"),
            unit: builder.string("count"),
        };
        let names = LabelNames::new(&mut builder);
        let header = builder.profile_mut();
        header.sample_types = vec![goroutine];
        (header.period_type, header.period) = (goroutine, 1);
        header.time_nanos = time.0;
        for group in &self.groups {
            let labels = names.label_set(&mut builder, group);
            let count = i64::try_from(group.n_goroutines).unwrap_or(i64::MAX);
            builder.add_sample(group.stack, labels, &[count]);
        }
        builder.finish()
    }

    /// Interns a call. `address` is 0 in a `debug=2` dump.
    pub(super) fn location(
        &mut self,
        address: u64,
        function: &str,
        file: &str,
        line: i64,
    ) -> LocationId {
        let (name, filename) = (self.tables.string(function), self.tables.string(file));
        let function = Function {
            name,
            system_name: name,
            filename,
            start_line: 0,
        };
        let function = self.tables.function(function);
        let lines = smallvec::smallvec![Line {
            function,
            line,
            column: 0,
        }];
        self.tables.location(Location {
            address,
            lines,
            ..Location::default()
        })
    }

    fn counts_by(&self, key: impl Fn(&Group) -> StrId) -> Vec<(&str, u64)> {
        let mut counts: HashMap<StrId, u64> = HashMap::new();
        for group in self
            .groups
            .iter()
            .filter(|group| key(group) != StrId::default())
        {
            let count = counts.entry(key(group)).or_default();
            *count = count.saturating_add(group.n_goroutines);
        }
        let strings = &self.tables.profile().strings;
        let mut counts: Vec<_> = counts
            .into_iter()
            .map(|(id, count)| (strings.get(id), count))
            .collect();
        counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(right.0)));
        counts
    }
}

/// The strings of the labels a dump gives its samples.
struct LabelNames {
    state: StrId,
    created_by: StrId,
    wait_minutes: StrId,
    minutes: StrId,
    locked: StrId,
    thread: StrId,
}

impl LabelNames {
    fn new(builder: &mut ProfileBuilder) -> Self {
        Self {
            state: builder.string("state"),
            created_by: builder.string("created_by"),
            wait_minutes: builder.string("wait_minutes"),
            minutes: builder.string("minutes"),
            locked: builder.string("locked"),
            thread: builder.string("thread"),
        }
    }

    fn label_set(&self, builder: &mut ProfileBuilder, group: &Group) -> LabelSetId {
        let text = |key, text| SampleLabel {
            key,
            value: LabelValue::Str(text),
        };
        let wait = LabelValue::Num(
            i64::try_from(group.wait_minutes).unwrap_or(i64::MAX),
            self.minutes,
        );
        let mut labels = vec![
            text(self.state, group.state),
            text(self.created_by, group.created_by),
        ];
        labels.retain(|label| label.value != LabelValue::Str(StrId::default()));
        if group.wait_minutes > 0 {
            labels.push(SampleLabel {
                key: self.wait_minutes,
                value: wait,
            });
        }
        if group.is_locked {
            labels.push(text(self.locked, self.thread));
        }
        let own = builder.profile().label_sets.get(group.labels.0 as usize);
        labels.extend(own.iter().flat_map(|labels| labels.iter()));
        builder.label_set(&labels)
    }
}

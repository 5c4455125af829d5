//! A profile written out without handles, for comparing two whose tables differ in order.

use crate::profile::{LabelValue, Location, Profile, SampleLabel, StrId, ValueType};

/// A profile's content: equal for profiles that say the same, whatever the order of their
/// tables and samples. Table entries that no sample uses are not part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canonical {
    sample_types: Vec<(String, String)>,
    default_sample_type: Option<u32>,
    time_nanos: i64,
    duration_nanos: i64,
    period_type: (String, String),
    period: i64,
    comments: Vec<String>,
    /// Drop frames, keep frames, documentation.
    texts: [String; 3],
    samples: Vec<Sample>,
}

type Sample = (Vec<Place>, Vec<Label>, Vec<i64>);

/// A location with its mapping and its lines.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    lines: Vec<(Name, i64, i64)>,
    address: u64,
    is_folded: bool,
    mapping: Option<Binary>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    name: String,
    system_name: String,
    filename: String,
    start_line: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Binary {
    filename: String,
    build_id: String,
    range: [u64; 3],
    has: [bool; 4],
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    Str(String, String),
    Num(String, i64, String),
}

/// Writes a profile out without handles. Costly: meant for tests.
pub fn canonical(profile: &Profile) -> Canonical {
    let content = Content { profile };
    let mut samples: Vec<_> = profile
        .samples()
        .map(|(stack, labels, values)| {
            let stack = profile
                .stacks
                .get(stack.0 as usize)
                .map_or(&[][..], |stack| stack);
            let locations = stack.iter().map(|id| profile.locations.get(id.0 as usize));
            let places = locations.map(|location| content.place(location)).collect();
            let labels = profile
                .label_sets
                .get(labels.0 as usize)
                .map_or(&[][..], |set| set);
            let mut labels: Vec<_> = labels.iter().map(|label| content.label(label)).collect();
            labels.sort_unstable();
            (places, labels, values.to_vec())
        })
        .collect();
    samples.sort_unstable();
    let types = profile
        .sample_types
        .iter()
        .map(|known| content.value_type(*known));
    Canonical {
        sample_types: types.collect(),
        default_sample_type: profile.default_sample_type,
        time_nanos: profile.time_nanos,
        duration_nanos: profile.duration_nanos,
        period_type: content.value_type(profile.period_type),
        period: profile.period,
        comments: profile
            .comments
            .iter()
            .map(|comment| content.text(*comment))
            .collect(),
        texts: [profile.drop_frames, profile.keep_frames, profile.doc_url]
            .map(|id| content.text(id)),
        samples,
    }
}

struct Content<'a> {
    profile: &'a Profile,
}

impl Content<'_> {
    fn text(&self, id: StrId) -> String {
        self.profile.strings.get(id).to_owned()
    }

    fn value_type(&self, value_type: ValueType) -> (String, String) {
        (self.text(value_type.kind), self.text(value_type.unit))
    }

    fn place(&self, location: Option<&Location>) -> Place {
        let default = Location::default();
        let location = location.unwrap_or(&default);
        let lines = location.lines.iter().map(|line| {
            let function = self
                .profile
                .functions
                .get(line.function.0 as usize)
                .copied();
            let function = function.unwrap_or_default();
            let name = Name {
                name: self.text(function.name),
                system_name: self.text(function.system_name),
                filename: self.text(function.filename),
                start_line: function.start_line,
            };
            (name, line.line, line.column)
        });
        let mapping = location
            .mapping
            .and_then(|id| self.profile.mappings.get(id.0 as usize));
        Place {
            lines: lines.collect(),
            address: location.address,
            is_folded: location.is_folded,
            mapping: mapping.map(|known| Binary {
                filename: self.text(known.filename),
                build_id: self.text(known.build_id),
                range: [known.memory_start, known.memory_limit, known.file_offset],
                has: [
                    known.has_functions,
                    known.has_filenames,
                    known.has_line_numbers,
                    known.has_inline_frames,
                ],
            }),
        }
    }

    fn label(&self, label: &SampleLabel) -> Label {
        let key = self.text(label.key);
        match label.value {
            LabelValue::Str(text) => Label::Str(key, self.text(text)),
            LabelValue::Num(number, unit) => Label::Num(key, number, self.text(unit)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::strategies::sample_profile;
    use super::*;

    #[test]
    fn order_does_not_count_but_content_does() {
        let types = [("n", "count")];
        let profile = sample_profile(&types, &[("main;a", &[1]), ("main;b", &[2])]);
        let shuffled = sample_profile(&types, &[("main;b", &[2]), ("main;a", &[1])]);
        let other = sample_profile(&types, &[("main;a", &[1]), ("main;b", &[3])]);
        assert_ne!(profile, shuffled);
        assert_eq!(canonical(&profile), canonical(&shuffled));
        assert_ne!(canonical(&profile), canonical(&other));
    }
}

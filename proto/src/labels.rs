//! Label sets, packed: one allocation, sorted by name, compared and hashed as bytes.
//!
//! The packing is `(varint length, bytes)` for each name and each value in turn. It is the
//! identity of a series wherever leadsman keeps one, so it does not change: [`Labels::hash64`]
//! is written to the archive as `series_id`.

use std::cmp::Ordering;
use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A set of label pairs, sorted by name, each name once, no empty value.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels {
    packed: Box<[u8]>,
}

impl Labels {
    /// Collects label pairs; see [`LabelsBuilder`] for what happens to repeated names. Of any number of
    /// pairs: they are sorted first.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        let pairs = pairs.into_iter();
        let mut pairs: Vec<(String, String)> = pairs
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        // Stable, and turned round: the last of equal names is the first.
        pairs.reverse();
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        pairs.retain(|(_, value)| !value.is_empty());
        LabelsBuilder { pairs }.build()
    }

    /// The pairs in order of their names.
    pub fn iter(&self) -> Iter<'_> {
        Iter { rest: &self.packed }
    }

    /// The value of `name`, if the set has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        // Names are compared as bytes: only the value is looked at as text.
        let mut rest = &*self.packed;
        loop {
            let candidate = take_bytes(&mut rest)?;
            let value = take_bytes(&mut rest)?;
            match candidate.cmp(name.as_bytes()) {
                Ordering::Less => {}
                Ordering::Equal => return std::str::from_utf8(value).ok(),
                Ordering::Greater => return None,
            }
        }
    }

    /// The metric's name (`__name__`), or the empty string.
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or("")
    }

    /// Whether there is no pair.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Number of pairs.
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// XXH3-64 of the packed form: the same for equal sets, on every machine, for ever.
    pub fn hash64(&self) -> u64 {
        xxh3_64(&self.packed)
    }

    /// The packed form, for writing it down; [`Labels::from_packed`] reads it back.
    pub fn as_packed(&self) -> &[u8] {
        &self.packed
    }

    /// Reads the packed form back. `None` if it is cut short, not UTF-8, or not sorted.
    pub fn from_packed(packed: &[u8]) -> Option<Self> {
        let mut rest = packed;
        let mut last_name: Option<&str> = None;
        while !rest.is_empty() {
            let name = take_str(&mut rest)?;
            take_str(&mut rest)?;
            if last_name.is_some_and(|last| last >= name) {
                return None;
            }
            last_name = Some(name);
        }
        Some(Self {
            packed: packed.into(),
        })
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Prints as in PromQL: `name{a="b",c="d"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.metric_name())?;
        f.write_str("{")?;
        let pairs = self.iter().filter(|(name, _)| *name != METRIC_NAME);
        for (idx, (name, value)) in pairs.enumerate() {
            let comma = if idx == 0 { "" } else { "," };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The pairs of a [`Labels`], in order of their names.
#[derive(Clone)]
pub struct Iter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let name = take_str(&mut self.rest)?;
        let value = take_str(&mut self.rest)?;
        Some((name, value))
    }
}

/// Builds a [`Labels`]: setting a name again replaces its value, an empty value removes it
/// (Prometheus treats a label with an empty value as absent).
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl LabelsBuilder {
    /// Sets `name` to `value`; an empty value removes the name.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) -> &mut Self {
        let (name, value) = (name.into(), value.into());
        match self
            .pairs
            .iter()
            .position(|(candidate, _)| *candidate == name)
        {
            Some(idx) if value.is_empty() => {
                self.pairs.swap_remove(idx);
            }
            Some(idx) => {
                if let Some(pair) = self.pairs.get_mut(idx) {
                    pair.1 = value;
                }
            }
            None if value.is_empty() => {}
            None => self.pairs.push((name, value)),
        }
        self
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(candidate, _)| candidate != name);
        self
    }

    /// The value of `name`, or the empty string, as relabelling sees it.
    pub fn get(&self, name: &str) -> &str {
        self.pairs
            .iter()
            .find(|(candidate, _)| candidate == name)
            .map_or("", |(_, v)| v)
    }

    /// The pairs so far, in no particular order.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.pairs
    }

    /// Sorts and packs.
    pub fn build(mut self) -> Labels {
        self.pairs
            .sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let size = self
            .pairs
            .iter()
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        let mut packed = Vec::with_capacity(size);
        for (name, value) in &self.pairs {
            put_str(&mut packed, name);
            put_str(&mut packed, value);
        }
        Labels {
            packed: packed.into_boxed_slice(),
        }
    }
}

impl From<&Labels> for LabelsBuilder {
    fn from(labels: &Labels) -> Self {
        Self {
            pairs: labels
                .iter()
                .map(|(n, v)| (n.to_owned(), v.to_owned()))
                .collect(),
        }
    }
}

fn put_str(out: &mut Vec<u8>, text: &str) {
    let mut length = text.len();
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(text.as_bytes());
}

fn take_str<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(rest)?).ok()
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = 0usize;
    for shift in (0..).step_by(7).take(5) {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        length |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            let (bytes, tail) = rest.split_at_checked(length)?;
            *rest = tail;
            return Some(bytes);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_come_back_sorted_and_empty_values_are_absent() {
        let labels = Labels::from_pairs([("b", "2"), ("a", "1"), ("c", ""), ("b", "3")]);
        assert_eq!(labels.iter().collect::<Vec<_>>(), [("a", "1"), ("b", "3")]);
        assert_eq!(labels.get("c"), None);
    }

    #[test]
    fn display_is_a_promql_selector() {
        let labels = Labels::from_pairs([("__name__", "up"), ("job", "a\"b")]);
        assert_eq!(labels.to_string(), r#"up{job="a\"b"}"#);
    }

    proptest! {
        #[test]
        fn pairs_are_what_setting_one_after_the_other_gives(
            pairs in prop::collection::vec(("[ab]{1,2}", "[xy]{0,1}"), 0..8),
        ) {
            let mut builder = LabelsBuilder::default();
            for (name, value) in &pairs {
                builder.set(name, value);
            }
            prop_assert_eq!(Labels::from_pairs(pairs), builder.build());
        }

        #[test]
        fn packed_form_round_trips(pairs in prop::collection::vec((".{0,200}", ".{0,200}"), 0..8)) {
            let labels = Labels::from_pairs(pairs);
            prop_assert_eq!(Labels::from_packed(labels.as_packed()), Some(labels));
        }

        #[test]
        fn from_packed_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Labels::from_packed(&bytes);
        }
    }
}

//! Reads mappings key by key, and collects everything that is wrong on the way.
//!
//! A reader asks a [`Table`] for the keys it knows; what nobody asked for is unknown, and what was
//! asked for is what is allowed. So the list of keys in a message cannot differ from the code.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::http::loose_permissions;
use super::scalar::Wrong;
use super::yaml::{Entry, Node, Value};

/// One file while it is read: its findings so far.
#[derive(Debug)]
pub(super) struct Source {
    file: PathBuf,
    folder: PathBuf,
    errors: RefCell<Vec<ConfigError>>,
    warnings: RefCell<Vec<String>>,
    #[cfg(test)]
    pub(super) asked: RefCell<std::collections::BTreeSet<(String, &'static str)>>,
}

impl Source {
    pub(super) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            folder: file.parent().map(Path::to_owned).unwrap_or_default(),
            errors: RefCell::default(),
            warnings: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// Reads `node` as a mapping; `place` is how messages call it. Nothing counts as empty.
    pub(super) fn table<T>(
        &self,
        node: &Node,
        place: &str,
        read: impl FnOnce(&mut Table<'_>) -> T,
    ) -> Option<T> {
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                let wrong = Wrong::value(node, "a mapping of keys to values");
                self.error(node.line, place, wrong.problem, wrong.allowed);
                return None;
            }
        };
        let place = place.to_owned();
        let mut table = Table {
            source: self,
            entries,
            place,
            line: node.line,
            asked: Vec::new(),
            foreign: Vec::new(),
        };
        let result = read(&mut table);
        table.refuse_unknown();
        Some(result)
    }

    /// The findings: errors if there is one, or else the warnings.
    pub(super) fn finish(self) -> Result<Vec<String>, Vec<ConfigError>> {
        let errors = self.errors.into_inner();
        if errors.is_empty() {
            Ok(self.warnings.into_inner())
        } else {
            Err(errors)
        }
    }

    fn error(&self, line: usize, key: &str, problem: String, allowed: String) {
        self.errors.borrow_mut().push(ConfigError {
            file: self.file.clone(),
            line: Some(line),
            key: Some(key.to_owned()),
            problem,
            allowed: (!allowed.is_empty()).then_some(allowed),
        });
    }

    fn warn(&self, line: usize, key: &str, problem: &str) {
        let file = self.file.display();
        self.warnings
            .borrow_mut()
            .push(format!("{file}:{line}: key {key:?}: {problem}"));
    }
}

/// A mapping while it is read.
pub(super) struct Table<'a> {
    source: &'a Source,
    entries: &'a [Entry],
    place: String,
    line: usize,
    /// Keys that may be here.
    asked: Vec<&'static str>,
    /// Keys of other programs that are here, of which something has been said.
    foreign: Vec<&'static str>,
}

impl<'a> Table<'a> {
    /// The value of `key`. Absent, empty and wrong are all `None`; wrong is noted.
    pub(super) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Node) -> Result<T, Wrong>,
    ) -> Option<T> {
        let entry = self.ask(key)?;
        match read(&entry.value) {
            Ok(value) => Some(value),
            Err(wrong) => {
                let line = wrong.line.unwrap_or(entry.line);
                self.source.error(line, key, wrong.problem, wrong.allowed);
                None
            }
        }
    }

    /// The value of `key`, which has to be there.
    pub(super) fn required<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        read: impl FnOnce(&Node) -> Result<T, Wrong>,
    ) -> Option<T> {
        if self.ask(key).is_none() {
            self.fail(key, format!("missing in {}", self.place), allowed);
            return None;
        }
        self.get(key, read)
    }

    /// The mapping at `key`; one that is absent or wrong is read as if it were empty.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Table<'_>) -> T,
    ) -> T {
        let place = self.below(key);
        let written = self.ask(key).map(|entry| &entry.value);
        let result = written.and_then(|node| self.source.table(node, &place, &read));
        result.unwrap_or_else(|| {
            let place = place.clone();
            read(&mut Table {
                source: self.source,
                entries: &[],
                place,
                line: self.line,
                asked: Vec::new(),
                foreign: Vec::new(),
            })
        })
    }

    /// The mapping at `key`, if there is one.
    pub(super) fn table<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Table<'_>) -> T,
    ) -> Option<T> {
        let entry = self.find(key)?;
        self.source.table(&entry.value, &self.below(key), read)
    }

    /// The list of mappings at `key`; empty if there is none.
    pub(super) fn tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Table<'_>) -> T,
    ) -> Vec<T> {
        let Some(entry) = self.ask(key) else {
            return Vec::new();
        };
        let Value::List(items) = &entry.value.value else {
            let wrong = Wrong::value(&entry.value, "a list of mappings");
            self.source
                .error(entry.line, key, wrong.problem, wrong.allowed);
            return Vec::new();
        };
        let place = self.below(key);
        let items = items.iter().enumerate();
        items
            .filter_map(|(idx, item)| {
                self.source
                    .table(item, &format!("{place}[{idx}]"), &mut read)
            })
            .collect()
    }

    /// The mapping at `key` whose own keys are free names.
    pub(super) fn named_tables<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&str, &mut Table<'_>) -> T,
    ) -> Vec<T> {
        let Some(entry) = self.ask(key) else {
            return Vec::new();
        };
        let Value::Map(named) = &entry.value.value else {
            let wrong = Wrong::value(&entry.value, "a mapping of names to mappings");
            self.source
                .error(entry.line, key, wrong.problem, wrong.allowed);
            return Vec::new();
        };
        let place = self.below(key);
        let named = named.iter();
        named
            .filter_map(|one| {
                let place = format!("{place}.{}", one.key);
                self.source
                    .table(&one.value, &place, |table| read(&one.key, table))
            })
            .collect()
    }

    /// Whether `key` is there, with or without a value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// Notes that the value of `key`, or its absence, is wrong.
    pub(super) fn fail(&self, key: &str, problem: impl Into<String>, allowed: &str) {
        let line = self.line_of(key);
        self.source
            .error(line, key, problem.into(), allowed.to_owned());
    }

    /// Notes that the value of `key` is allowed but probably not meant.
    pub(super) fn warn(&self, key: &str, problem: &str) {
        self.source.warn(self.line_of(key), key, problem);
    }

    /// Keys of Prometheus or Parca without which leadsman does the same: a warning each.
    pub(super) fn ignore(&mut self, keys: &[(&'static str, &str)]) {
        for (key, why) in keys {
            if self.has(key) {
                self.foreign.push(key);
                self.warn(key, &format!("has no effect: {why}"));
            }
        }
    }

    /// Keys of Prometheus or Parca that would change what is done: an error each.
    pub(super) fn refuse(&mut self, keys: &[(&'static str, &str)]) {
        for (key, why) in keys {
            if self.has(key) {
                self.foreign.push(key);
                self.fail(key, format!("not supported: {why}"), "");
            }
        }
    }

    /// `path`, which is relative to the folder of the configuration file.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.source.folder.join(path)
    }

    /// Warns at `key`, which holds a secret, if everyone may read the configuration file.
    pub(super) fn warn_if_file_is_loose(&self, key: &str) {
        if let Some(warning) = loose_permissions(&self.source.file) {
            self.warn(key, &warning);
        }
    }

    /// How messages call this mapping.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn line_of(&self, key: &str) -> usize {
        let entry = self.entries.iter().find(|entry| entry.key == key);
        entry.map_or(self.line, |entry| entry.line)
    }

    /// The entry of `key` if it has a value, and remembers that `key` is known.
    fn ask(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.find(key)
            .filter(|entry| entry.value.value != Value::Null)
    }

    fn find(&mut self, key: &'static str) -> Option<&'a Entry> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        #[cfg(test)]
        self.source
            .asked
            .borrow_mut()
            .insert((self.place.clone(), key));
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn below(&self, key: &str) -> String {
        match self.place.as_str() {
            "the file" => key.to_owned(),
            place => format!("{place}.{key}"),
        }
    }

    fn refuse_unknown(&self) {
        let is_told = |key: &str| self.asked.contains(&key) || self.foreign.contains(&key);
        for entry in self.entries.iter().filter(|entry| !is_told(&entry.key)) {
            let guess = match closest(&entry.key, &self.asked) {
                Some(known) => format!(" (did you mean {known:?}?)"),
                None => String::new(),
            };
            let problem = format!("unknown in {}{guess}", self.place);
            self.source
                .error(entry.line, &entry.key, problem, self.asked.join(", "));
        }
    }
}

/// The known key that `key` is a slip of: at most a third of its letters differ.
fn closest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let distances = known
        .iter()
        .map(|candidate| (distance(key, candidate), *candidate));
    let (distance, candidate) = distances.min()?;
    (distance * 3 <= candidate.len()).then_some(candidate)
}

/// Levenshtein's distance, in bytes.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (left_idx, left_byte) in left.bytes().enumerate() {
        let mut diagonal = left_idx;
        let mut before = left_idx + 1;
        if let Some(first) = row.first_mut() {
            *first = before;
        }
        for (cell, right_byte) in row.iter_mut().skip(1).zip(right.bytes()) {
            let replaced = diagonal + usize::from(left_byte != right_byte);
            diagonal = *cell;
            *cell = replaced.min(diagonal + 1).min(before + 1);
            before = *cell;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn only_near_keys_are_suggested() {
        let known = ["scrape_interval", "scheme"];
        assert_eq!(closest("scrape_intervall", &known), Some("scrape_interval"));
        assert_eq!(closest("targets", &known), None);
    }
}

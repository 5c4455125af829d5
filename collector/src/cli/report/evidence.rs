//! What the profiles that were taken for a finding say, against those of a time before it.

use baseline::explain::growth;
use jiff::Timestamp;
use proto::UnixMillis;
use proto::finding::FindingState;
use proto::flame_graph::differential_svg;
use proto::selector::Selector;
use storage::ErrorChain;
use storage::archive::{MergedProfile, ProfileSelection, Recall};

use super::model::{Evidence, Range, Story};
use crate::judging::explain::{Reference, side};

/// Findings whose profiles are read: each may be a day of them.
const MAX_FINDINGS: usize = 12;
/// Kinds of profiles that are told of one finding.
const MAX_KINDS: usize = 2;
/// Bytes of all flame graphs together.
const MAX_FLAME_BYTES: usize = 4 << 20;
/// What is compared if the catalogue does not say which kinds explain a signal.
const KINDS: [&str; 2] = ["process_cpu", "memory"];
/// The profiles of an investigation are there within this time. Milliseconds.
const TAKEN_WITHIN: i64 = 120_000;

/// Reads evidence, as much as there is room for.
pub(super) struct Evidences<'a> {
    recall: &'a Recall,
    place: &'a str,
    end: UnixMillis,
    n_findings: usize,
    n_flame_bytes: usize,
    /// Findings whose profiles were not read.
    pub(super) n_left_out: usize,
    pub(super) problems: Vec<String>,
}

impl<'a> Evidences<'a> {
    /// Of an archive, whose name on a command line is `place`, at a time.
    pub(super) fn new(recall: &'a Recall, place: &'a str, end: UnixMillis) -> Self {
        Self {
            recall,
            place,
            end,
            n_findings: 0,
            n_flame_bytes: 0,
            n_left_out: 0,
            problems: Vec::new(),
        }
    }

    /// What there is of a trouble. Nothing if no profiles were taken for it.
    pub(super) fn of(&mut self, story: &Story) -> Vec<Evidence> {
        if story.last().captures.is_empty() {
            return Vec::new();
        }
        if self.n_findings >= MAX_FINDINGS {
            self.n_left_out += 1;
            return Vec::new();
        }
        self.n_findings += 1;
        let kinds: Vec<&str> = match &story.signal {
            Some(signal) if !signal.profiles.is_empty() => {
                signal.profiles.iter().map(String::as_str).collect()
            }
            _ => KINDS.to_vec(),
        };
        let during = taken(story, self.end);
        let reference = Reference::of(story.last());
        let before = Range {
            from: reference.from.into(),
            to: reference.to.into(),
        };
        let evidence = kinds
            .into_iter()
            .filter_map(|kind| self.of_kind(story, kind, reference.words, [before, during]));
        evidence.take(MAX_KINDS).collect()
    }

    fn of_kind(
        &mut self,
        story: &Story,
        kind: &str,
        words: &'static str,
        [before, during]: [Range; 2],
    ) -> Option<Evidence> {
        let now = self.profile(story, kind, during)?;
        let base = self.profile(story, kind, before);
        let mut evidence = Evidence {
            kind: kind.to_owned(),
            commands: commands(self.place, story, kind, [before, during]),
            before: base.is_some().then_some(before),
            during,
            compared_with: words,
            changes: Vec::new(),
            flame: None,
        };
        let Some(base) = base else {
            return Some(evidence);
        };
        let base_side = side(&base.profile, base.n_captures);
        let now_side = side(&now.profile, now.n_captures);
        evidence.changes = growth(base_side, now_side);
        let svg = differential_svg(
            (&base.profile, base_side.type_idx),
            (&now.profile, now_side.type_idx),
            now_side.weight / base_side.weight,
            &format!("{kind} now and {words}"),
        );
        // A profile without a value above zero has nothing to draw.
        let svg = svg.ok().and_then(|svg| String::from_utf8(svg).ok());
        evidence.flame = svg.filter(|svg| self.n_flame_bytes + svg.len() <= MAX_FLAME_BYTES);
        self.n_flame_bytes += evidence.flame.as_ref().map_or(0, String::len);
        Some(evidence)
    }

    fn profile(&mut self, story: &Story, kind: &str, range: Range) -> Option<MergedProfile> {
        let selection = ProfileSelection {
            selector: Selector::of(&story.last().target.labels),
            kind: Some(kind.to_owned()),
            from: Some(range.from.into()),
            to: Some(range.to.into()),
            ..ProfileSelection::default()
        };
        let merged = self.recall.profile(&selection);
        let merged = merged.unwrap_or_else(|error| {
            let problem = format!("{kind} profiles: {}", ErrorChain(&error));
            self.problems.push(problem);
            None
        });
        if let Some(merged) = &merged {
            let errors = merged.left_out.iter();
            self.problems
                .extend(errors.map(|error| ErrorChain(error).to_string()));
        }
        merged
    }
}

/// When the profiles of a finding were taken: from when it fired first until it was told explained,
/// or as long as that may take.
fn taken(story: &Story, end: UnixMillis) -> Range {
    let states = story.trouble.states();
    let fired = states.iter().find(|one| one.state == FindingState::Firing);
    let from = fired.or(states.first()).map_or(end, |one| one.time);
    let explained = states.iter().find(|one| !one.captures.is_empty());
    let explained = explained.map_or(from, |one| one.time);
    // The first state may be before the range: then the explained one is all that is known.
    let from = UnixMillis(from.0.min(explained.0.saturating_sub(TAKEN_WITHIN)));
    Range {
        from: from.max(story.last().since),
        to: UnixMillis(explained.0.max(from.0.saturating_add(TAKEN_WITHIN)) + 1),
    }
}

/// The command lines that show the difference, as a table and as a flame graph.
fn commands(place: &str, story: &Story, kind: &str, [before, during]: [Range; 2]) -> [String; 2] {
    let selector = Selector::of(&story.last().target.labels);
    let begin = |range: Range| range.from.0.div_euclid(1000);
    let end = |range: Range| range.to.0.saturating_add(999).div_euclid(1000);
    let table = format!(
        "leadsman profile diff --archive {} --match {} --kind {} --base-from {} --base-until {} --from {} --until {}",
        quoted(place),
        quoted(&selector.to_string()),
        quoted(kind),
        rfc3339(begin(before)),
        rfc3339(end(before)),
        rfc3339(begin(during)),
        rfc3339(end(during)),
    );
    let flame = format!("{table} -o diff.svg");
    [table, flame]
}

/// A word for a shell, whatever is in it.
fn quoted(word: &str) -> String {
    let is_plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:@%+=,".contains(character);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// In whole seconds, as people type it.
fn rfc3339(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds);
    time.map_or_else(|_| String::new(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(quoted("s3://bucket/a_b"), "s3://bucket/a_b");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $(x)"), "'it'\\''s $(x)'");
        assert_eq!(quoted(""), "''");
    }
}

//! What a judge found: one change of state of one trouble.
//!
//! It does not know how a trouble is found, nor who is told of it.

use std::fmt;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::target::TargetId;
use crate::{Labels, Target, UnixMillis};

/// One change of state of a trouble. A trouble that goes through all its states is three findings
/// with one [`FindingId`]; where it does not last long enough to fire there are two.
///
/// Equality is by value: a finding in which a number is NaN is not equal to itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Which trouble it is: see [`FindingId::of`].
    pub id: FindingId,
    /// Findings about one cause have the same number. Unique in one archive, not beyond.
    pub incident: u64,
    /// Whose trouble.
    pub target: Arc<Target>,
    /// What was judged: a signal's name in the catalogue, or of a function where `rule` is
    /// [`Rule::Function`].
    pub signal: String,
    /// Labels of the signal beyond those of the target, such as `le`, `method` or `path`.
    pub labels: Labels,
    /// How it was found.
    pub rule: Rule,
    /// The state that begins with it.
    pub state: FindingState,
    /// How bad it is.
    pub severity: Severity,
    /// When this state began.
    pub time: UnixMillis,
    /// Since when the trouble is there: of a change point the change, not when it was noticed.
    /// The same in all findings of one trouble.
    pub since: UnixMillis,
    /// Unit of `before`, `now`, `lower` and `upper`: a word of UCUM such as `s`, `By` or `1`.
    pub unit: String,
    /// What was usual. NaN if there is nothing to compare with.
    pub before: f64,
    /// What is. Of a resolved one: what it came back to. NaN if the signal has gone.
    pub now: f64,
    /// Below it is out of the ordinary. NaN if nothing is too low.
    pub lower: f64,
    /// Above it is out of the ordinary. NaN if nothing is too high.
    pub upper: f64,
    /// How far out of the ordinary: for a band, how surprising the newest row is, 0 to 1; what it is for other
    /// rules is theirs to say. Greater is surer. NaN if the rule knows no degree.
    pub score: f64,
    /// What is the matter, in one line.
    pub title: String,
    /// What was seen, compared with what, and how sure it is, in several sentences.
    pub explanation: String,
    /// What likely causes it. Empty if nothing is known.
    pub cause: String,
    /// What to do about it. Empty if nothing is known.
    pub remedy: String,
    /// Where to look further: what is there, and its address.
    pub links: Vec<(String, String)>,
    /// Ids of the captures of profiles that were taken for it: `capture_id` in the archive.
    pub captures: Vec<u64>,
}

impl Finding {
    /// Whether the trouble is still there.
    pub fn is_open(&self) -> bool {
        self.state != FindingState::Resolved
    }

    /// What it holds in memory, about, without the target it shares with others. Bytes.
    pub fn n_bytes(&self) -> usize {
        let texts = [
            &self.signal,
            &self.unit,
            &self.title,
            &self.explanation,
            &self.cause,
            &self.remedy,
        ];
        let links = self.links.iter();
        let links = links.map(|(name, url)| size_of::<(String, String)>() + name.len() + url.len());
        size_of::<Self>()
            + self.labels.as_packed().len()
            + texts.iter().map(|text| text.len()).sum::<usize>()
            + links.sum::<usize>()
            + self.captures.len() * 8
    }
}

/// Which trouble a [`Finding`] is about, over restarts and on every machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FindingId(pub u64);

impl FindingId {
    /// The id of the trouble that `rule` sees in a signal of a target: XXH3-64 over the target's id
    /// (little endian), the rule's word and a zero byte, the signal's name and a zero byte, and the
    /// packed labels. It is written to archives, so it stays as it is.
    pub fn of(target: TargetId, signal: &str, labels: &Labels, rule: Rule) -> Self {
        let mut hash = Xxh3::new();
        hash.update(&target.0.to_le_bytes());
        for word in [rule.as_str(), signal] {
            hash.update(word.as_bytes());
            hash.update(&[0]);
        }
        hash.update(labels.as_packed());
        Self(hash.digest())
    }

    /// Reads what `Display` writes. Fewer digits are not enough.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = is_hex.then(|| u64::from_str_radix(text, 16).ok());
        id.flatten().map(Self)
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for FindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Declares an enum whose variants are words in files and on the wire.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them, in the order of their declaration.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its word in files and on the wire.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// The one of this word.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// How a trouble is found.
    Rule {
        /// A fixed limit was passed.
        Threshold = "threshold",
        /// The value left the band that is usual for the hour.
        Band = "band",
        /// The level changed and stays changed.
        Change = "change",
        /// A slow drift, or a leak.
        Trend = "trend",
        /// A function's share of a profile changed.
        Function = "function",
    }
}

words! {
    /// Where a trouble stands.
    FindingState {
        /// Seen, but not for long enough to tell anybody.
        Pending = "pending",
        /// There for long enough: receivers are told.
        Firing = "firing",
        /// Over.
        Resolved = "resolved",
    }
}

words! {
    /// How bad a trouble is, the least first.
    Severity {
        /// Worth knowing.
        Info = "info",
        /// To be looked at in working hours.
        Warning = "warning",
        /// To be looked at now.
        Critical = "critical",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(signal: &str, labels: &[(&str, &str)], rule: Rule) -> FindingId {
        let labels = Labels::from_pairs(labels.iter().copied());
        FindingId::of(TargetId(7), signal, &labels, rule)
    }

    /// Written to archives, read for ever.
    #[test]
    fn the_id_of_a_trouble_stays_as_it_is() {
        let id = id("etcd_wal_fsync_p99", &[("le", "1")], Rule::Band);
        assert_eq!(id.to_string(), "af5294332acb77f9");
        assert_eq!(FindingId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn another_target_signal_label_or_rule_is_another_trouble() {
        let ids = [
            id("a", &[], Rule::Band),
            id("a", &[], Rule::Change),
            id("b", &[], Rule::Band),
            id("a", &[("b", "c")], Rule::Band),
            FindingId::of(TargetId(8), "a", &Labels::default(), Rule::Band),
        ];
        for (idx, id) in ids.iter().enumerate() {
            assert!(!ids[idx + 1..].contains(id), "{idx}");
        }
    }

    #[test]
    fn what_is_not_an_id_is_none() {
        for text in [
            "",
            "1",
            "+123456789abcdef",
            "123456789abcdefg",
            "00112233445566778",
        ] {
            assert_eq!(FindingId::parse(text), None, "{text}");
        }
    }

    #[test]
    fn words_are_read_back_and_others_are_none() {
        for rule in Rule::ALL {
            assert_eq!(Rule::parse(rule.as_str()), Some(*rule));
        }
        for state in FindingState::ALL {
            assert_eq!(FindingState::parse(state.as_str()), Some(*state));
        }
        for severity in Severity::ALL {
            assert_eq!(Severity::parse(severity.as_str()), Some(*severity));
        }
        assert_eq!(Rule::parse("Band"), None);
        assert!(Severity::Info < Severity::Critical);
    }
}

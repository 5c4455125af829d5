//! Where to look further: our pages, about a finding and its profiles.

use form_urlencoded::Serializer;
use proto::Finding;
use proto::finding::FindingState;
use proto::selector::{Matcher, Selector};

/// Profiles that are linked to began this long before a finding was told. Milliseconds.
const BEFORE: i64 = 300_000;
/// The page of profiles is shown when profiles were taken until then. Milliseconds.
const AFTER: i64 = 60_000;

/// What links begin with: scheme and host, without a slash at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links(String);

impl Links {
    pub(crate) fn from(base: String) -> Self {
        Self(base)
    }

    /// The links of a finding: its page; of one that has profiles, these as a flame graph and as a
    /// pprof file. `kind` is the kind of profile that explains it best.
    pub(super) fn of(&self, finding: &Finding, kind: Option<&str>) -> Vec<(String, String)> {
        let id = finding.id.to_string();
        let page = self.to("/findings", &[("id", id.as_str())]);
        let mut links = vec![("finding".to_owned(), page)];
        let profiled = finding.state == FindingState::Firing && !finding.captures.is_empty();
        if let Some(kind) = kind.filter(|_| profiled) {
            let labels = finding.target.labels.iter();
            let target = Selector {
                matchers: labels
                    .map(|(name, value)| Matcher::equal(name, value))
                    .collect(),
            };
            let from = finding.time.0.saturating_sub(BEFORE).to_string();
            let to = finding.time.0.saturating_add(AFTER).to_string();
            let query = target.to_string();
            let asked = [
                ("query", query.as_str()),
                ("kind", kind),
                ("from", from.as_str()),
                ("to", to.as_str()),
            ];
            links.push(("profiles".to_owned(), self.to("/profiles", &asked)));
        }
        links
    }

    fn to(&self, path: &str, parameters: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.extend_pairs(parameters);
        format!("{}{path}?{}", self.0, query.finish())
    }
}

//! Where to look further: our pages, about a finding and its profiles.

use form_urlencoded::Serializer;
use proto::Finding;
use proto::finding::FindingState;
use proto::selector::Selector;

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

    /// The links of a finding: its page; of one that has profiles, these as a flame graph. `kind` is the kind of profile that explains it best.
    pub(super) fn of(&self, finding: &Finding, kind: Option<&str>) -> Vec<(String, String)> {
        let id = finding.id.to_string();
        let page = self.to("/findings", &[("id", id.as_str())]);
        let mut links = vec![("finding".to_owned(), page)];
        let profiled = finding.state == FindingState::Firing && !finding.captures.is_empty();
        if let Some(kind) = kind.filter(|_| profiled) {
            let from = finding.time.0.saturating_sub(BEFORE).to_string();
            let to = finding.time.0.saturating_add(AFTER).to_string();
            let query = Selector::of(&finding.target.labels).to_string();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proto::finding::{FindingId, Rule, Severity};
    use proto::{Labels, Target, UnixMillis};

    use super::*;

    fn finding(state: FindingState, captures: &[u64]) -> Finding {
        let target = Target {
            labels: Labels::from_pairs([("job", "a&b"), ("instance", "a:1")]),
            scheme: "http".to_owned(),
            address: "a:1".to_owned(),
        };
        Finding {
            id: FindingId(7),
            incident: 0,
            target: Arc::new(target),
            signal: "process_cpu".to_owned(),
            labels: Labels::default(),
            rule: Rule::Band,
            state,
            severity: Severity::Warning,
            time: UnixMillis(1_000_000),
            since: UnixMillis(0),
            unit: String::new(),
            before: 0.0,
            now: 0.0,
            lower: 0.0,
            upper: 0.0,
            score: 0.0,
            title: String::new(),
            explanation: String::new(),
            cause: String::new(),
            remedy: String::new(),
            links: Vec::new(),
            captures: captures.to_vec(),
        }
    }

    #[test]
    fn a_finding_links_to_its_page_and_to_the_profiles_that_were_taken() {
        let links = Links::from("https://l.example/x".to_owned());
        let of = |state, captures: &[u64]| links.of(&finding(state, captures), Some("memory"));
        let page = "https://l.example/x/findings?id=0000000000000007";
        let profiles = "https://l.example/x/profiles?query=%7Binstance%3D%22a%3A1%22%2Cjob%3D%22a%26b%22%7D\
                        &kind=memory&from=700000&to=1060000";
        let addresses = |links: Vec<(String, String)>| -> Vec<String> {
            links.into_iter().map(|(_, address)| address).collect()
        };
        assert_eq!(addresses(of(FindingState::Firing, &[1])), [page, profiles]);
        assert_eq!(addresses(of(FindingState::Firing, &[])), [page]);
        assert_eq!(addresses(of(FindingState::Resolved, &[1])), [page]);
    }
}

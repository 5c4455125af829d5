//! Where to look further: our pages, about a finding and its profiles, and Grafana's dashboards.

use baseline::catalogue::Signal;
use dashboards::grafana;
use form_urlencoded::Serializer;
use proto::Finding;
use proto::finding::FindingState;
use proto::selector::Selector;

/// Profiles that are linked to began this long before a finding was told. Milliseconds.
const BEFORE: i64 = 300_000;
/// The page of profiles is shown when profiles were taken until then. Milliseconds.
const AFTER: i64 = 60_000;

/// A dashboard is shown from so long before a trouble began. Milliseconds.
const DASHBOARD_BEFORE: i64 = 3_600_000;

/// What links begin with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    /// Our pages: scheme and host, without a slash at the end.
    pub pages: String,
    /// Grafana with our dashboards, likewise.
    pub grafana: Option<String>,
}

impl Links {
    /// The links of a finding: its page; of one that has profiles, these as a flame graph of the kind
    /// that explains it best; the dashboard that shows its signal.
    pub(super) fn of(&self, finding: &Finding, signal: Option<&Signal>) -> Vec<(String, String)> {
        let id = finding.id.to_string();
        let page = link(&self.pages, "/findings", &[("id", id.as_str())]);
        let mut links = vec![("finding".to_owned(), page)];
        let profiled = finding.state == FindingState::Firing && !finding.captures.is_empty();
        let kind = signal.and_then(|signal| signal.profiles.first());
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
            let profiles = link(&self.pages, "/profiles", &asked);
            links.push(("profiles".to_owned(), profiles));
        }
        if let (Some(grafana), Some(signal)) = (&self.grafana, signal) {
            links.push(("grafana".to_owned(), dashboard(grafana, finding, signal)));
        }
        links
    }
}

fn dashboard(base: &str, finding: &Finding, signal: &Signal) -> String {
    let path = format!("/d/{}", grafana::uid_of(&signal.component));
    let from = finding.since.0.saturating_sub(DASHBOARD_BEFORE);
    let to = finding.time.0.saturating_add(AFTER);
    let (from, to) = (from.to_string(), to.to_string());
    let target = &finding.target;
    let asked = [
        ("var-job", target.job()),
        ("var-service", target.job()),
        ("var-instance", target.instance()),
        ("from", from.as_str()),
        ("to", to.as_str()),
    ];
    link(base, &path, &asked)
}

fn link(base: &str, path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(parameters);
    format!("{base}{path}?{}", query.finish())
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

    fn signal() -> Signal {
        Signal {
            profiles: vec!["memory".to_owned()],
            ..Signal::blank("process_cpu", "process")
        }
    }

    fn addresses(links: Vec<(String, String)>) -> Vec<String> {
        links.into_iter().map(|(_, address)| address).collect()
    }

    #[test]
    fn a_finding_links_to_its_page_and_to_the_profiles_that_were_taken() {
        let links = Links {
            pages: "https://l.example/x".to_owned(),
            grafana: None,
        };
        let signal = signal();
        let of =
            |state, captures: &[u64]| addresses(links.of(&finding(state, captures), Some(&signal)));
        let page = "https://l.example/x/findings?id=0000000000000007";
        let profiles = "https://l.example/x/profiles?query=%7Binstance%3D%22a%3A1%22%2Cjob%3D%22a%26b%22%7D\
                        &kind=memory&from=700000&to=1060000";
        assert_eq!(of(FindingState::Firing, &[1]), [page, profiles]);
        assert_eq!(of(FindingState::Firing, &[]), [page]);
        assert_eq!(of(FindingState::Resolved, &[1]), [page]);
    }

    #[test]
    fn a_finding_links_to_the_dashboard_of_its_signal() {
        let links = Links {
            pages: String::new(),
            grafana: Some("https://g.example".to_owned()),
        };
        let all = addresses(links.of(&finding(FindingState::Firing, &[]), Some(&signal())));
        let dashboard = "https://g.example/d/leadsman-go?var-job=a%26b&var-service=a%26b\
                         &var-instance=a%3A1&from=-3600000&to=1060000";
        assert_eq!(all.last().unwrap(), dashboard);
    }
}

//! The page at `/`: what there is, and where.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

use super::App;
use super::status::{DiscoveryProblem, Health, TargetReport, TargetStatus};

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>leadsman</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
</style>
<h1>leadsman</h1>
<ul>
<li><a href="/metrics">/metrics</a>: our own metrics, and the signals of all targets</li>
<li><a href="/api/v1/targets">/api/v1/targets</a>: the targets and how their soundings go (JSON)</li>
<li><a href="/debug/pprof/profile?seconds=10">/debug/pprof/profile?seconds=10</a>,
<a href="/debug/pprof/heap">/debug/pprof/heap</a>: profiles of leadsman, for <code>go tool pprof</code></li>
<li><a href="/-/healthy">/-/healthy</a>, <a href="/-/ready">/-/ready</a></li>
</ul>
<h2>Targets</h2>
"#;

/// Lines of the table; `/api/v1/targets` has all of them.
const MAX_ROWS: usize = 200;

/// `GET /`.
pub(super) async fn page(State(app): State<App>) -> Response {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    let headers = [(header::CONTENT_SECURITY_POLICY, policy)];
    (headers, Html(render(&(app.targets)()))).into_response()
}

fn render(report: &TargetReport) -> String {
    let mut page = HEAD.to_owned();
    push_targets(&mut page, &report.targets);
    push_problems(&mut page, &report.problems);
    page
}

fn push_targets(page: &mut String, targets: &[TargetStatus]) {
    if targets.is_empty() {
        page.push_str("<p>None yet.</p>\n");
        return;
    }
    page.push_str("<table>\n<tr><th>job<th>instance<th>state<th>samples<th>last error</tr>\n");
    for target in targets.iter().take(MAX_ROWS) {
        push_row(page, target);
    }
    page.push_str("</table>\n");
    if let Some(n_more) = targets
        .len()
        .checked_sub(MAX_ROWS)
        .filter(|n_more| *n_more > 0)
    {
        page.push_str(&format!("<p>and {n_more} more</p>\n"));
    }
}

fn push_problems(page: &mut String, problems: &[DiscoveryProblem]) {
    if problems.is_empty() {
        return;
    }
    page.push_str("<h2>Not targets</h2>\n<table>\n<tr><th>job<th>what<th>why</tr>\n");
    for problem in problems.iter().take(MAX_ROWS) {
        page.push_str(&format!(
            "<tr><td>{}<td>{}<td>{}</tr>\n",
            escape(&problem.job),
            escape(&problem.source),
            escape(&problem.reason),
        ));
    }
    page.push_str("</table>\n");
}

fn push_row(page: &mut String, target: &TargetStatus) {
    let health = match target.health {
        Health::Up => "up",
        Health::Down => "down",
        Health::Unknown => "unknown",
    };
    let name = format!("{}/{}", target.job, target.instance);
    page.push_str(&format!(
        "<tr><td>{}<td><a href=\"/metrics?target={}\">{}</a><td>{health}<td>{}<td>{}</tr>\n",
        escape(&target.job),
        percent_encode(&name),
        escape(&target.instance),
        target.n_samples,
        escape(target.last_error.as_deref().unwrap_or("")),
    ));
}

/// Text as HTML: labels and errors come from outside.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
    }
    out
}

/// Text as a value in a query (RFC 3986 §2.3: all but unreserved characters are encoded).
fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_become_markup() {
        let target = TargetStatus {
            job: "<script>".into(),
            instance: "unix:///a b\"&".into(),
            scheme: "unix".into(),
            address: "/a b".into(),
            discovered_labels: Default::default(),
            labels: Default::default(),
            health: Health::Down,
            last_error: Some("</table>".into()),
            last_scrape: None,
            last_duration_seconds: 0.0,
            n_samples: 7,
            left_out: Vec::new(),
            profiles: Vec::new(),
        };
        let report = TargetReport {
            targets: vec![target; MAX_ROWS + 3],
            problems: Vec::new(),
        };
        let page = render(&report);
        let link = "/metrics?target=%3Cscript%3E%2Funix%3A%2F%2F%2Fa%20b%22%26\"";
        let row = "<td>unix:///a b&quot;&amp;</a><td>down<td>7<td>&lt;/table&gt;</tr>";
        assert!(page.contains(link), "{page}");
        assert!(page.contains(row.trim_start_matches("<td>")), "{page}");
        assert!(!page.contains("<script>") && page.contains("and 3 more"));
    }
}

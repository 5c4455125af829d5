//! What both languages of a report say in the same words.

use baseline::catalogue::{Severity as Of, Signal};
use proto::UnixMillis;
use proto::finding::{Rule, Severity};

use super::model::{Evidence, Report, SignalReport, State, Story};
use crate::cli::time;

/// How old the last sample may be until a report says that it looks into the past. Milliseconds.
const FRESH: i64 = 15 * 60_000;

/// What is wrong now, in a sentence or two.
pub(super) fn verdict(report: &Report) -> String {
    let n_open = report.open().count();
    let Some(worst) = report.open().next() else {
        return nothing_open(report);
    };
    let mut names: Vec<_> = report
        .open()
        .map(|story| story.last().target.id())
        .collect();
    names.sort_unstable();
    names.dedup();
    let are = if n_open == 1 { "is" } else { "are" };
    format!(
        "{} {are} open on {}. The worst: {} ({}), since {} UTC.{}",
        count(n_open, "finding"),
        count(names.len(), "target"),
        worst.last().title.trim_end_matches('.'),
        target(worst),
        time::show(worst.last().since),
        down(report)
    )
}

fn nothing_open(report: &Report) -> String {
    let n_signals = report.n_signals();
    let n_targets = count(report.targets.len(), "target");
    let down = down(report);
    if n_signals == 0 {
        return format!(
            "Nothing can be told: there are no signals of {n_targets} in this range. leadsman works \
             them out as it scrapes; `leadsman targets` tells what it scrapes.{down}"
        );
    }
    if !report.has_bands() {
        return format!(
            "Nothing is beyond its limits: {} of {n_targets}. What is usual is not known yet: that \
             takes a day of samples.{down}",
            count(n_signals, "signal")
        );
    }
    let signals = report.targets.iter().flat_map(|target| &target.signals);
    let n_odd = signals
        .filter(|signal| signal.state > State::Silent)
        .count();
    if n_odd > 0 {
        let are = if n_odd == 1 { "is" } else { "are" };
        return format!(
            "Nothing is open on {n_targets}. {n_odd} of {} {are} not as usual at the moment, but not \
             for long enough to tell.{down}",
            count(n_signals, "signal")
        );
    }
    format!(
        "All is as usual: {} of {n_targets}, nothing is open.{down}",
        count(n_signals, "signal")
    )
}

fn down(report: &Report) -> String {
    let is_down = report.targets.iter().filter(|one| one.is_up == Some(false));
    match is_down.count() {
        0 => String::new(),
        1 => " A target is down.".to_owned(),
        n => format!(" {n} targets are down."),
    }
}

/// A warning if the archive ends well before the range does.
pub(super) fn stale(report: &Report) -> Option<String> {
    let latest = report.latest?;
    let is_old = report.range.to.0.saturating_sub(latest.0) > FRESH;
    is_old.then(|| {
        format!(
            "The last sample of this range is of {} UTC: what is called now is of then.",
            time::show(latest)
        )
    })
}

/// What is judged, for those who wonder.
pub(super) const JUDGED: &str = "\
A signal is a number that is worked out for each target as it is scraped, such as the 99th \
percentile of etcd's fsyncs. It is judged against its limits from the first sample on, and against \
what was usual at that hour once it is known for a day. `leadsman signals` lists them.";

/// `etcd 127.0.0.1:2379`.
pub(super) fn target(story: &Story) -> String {
    crate::cli::findings::trouble::target_of(story.last())
}

/// `1 signal`, `2 signals`.
pub(super) fn count(n: usize, what: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {what}{plural}")
}

/// How it was found, and how far it is from what is usual.
pub(super) fn found_by(story: &Story) -> String {
    let told = story.trouble.at_its_worst();
    let how = match told.rule {
        Rule::Threshold => "a fixed limit is passed",
        Rule::Band => "it left what is usual at this hour",
        Rule::Change => "its level changed and stays changed",
        Rule::Trend => "it drifts",
        Rule::Function => "a function's share of a profile changed",
    };
    let half = (told.upper - told.lower) / 2.0;
    let times = (told.now - told.before).abs() / half;
    if !times.is_finite() || half <= 0.0 {
        return how.to_owned();
    }
    format!("{how}; it is {times:.1} times as far from what is expected as is usual")
}

/// What was usual then.
pub(super) fn usual(story: &Story) -> Option<String> {
    let told = story.trouble.at_its_worst();
    let [lower, upper] = [told.lower, told.upper].map(|value| story.value(value));
    match (told.lower.is_nan(), told.upper.is_nan()) {
        (true, true) => None,
        (true, false) => Some(format!("up to {upper}")),
        (false, true) => Some(format!("from {lower} on")),
        (false, false) => Some(format!("{lower} to {upper}")),
    }
}

/// Ids of the captures, as the table `profiles` has them.
pub(super) fn captures(story: &Story) -> String {
    let ids = story.last().captures.iter();
    let ids: Vec<String> = ids.map(|id| id.cast_signed().to_string()).collect();
    ids.join(", ")
}

/// The word for a state.
pub(super) fn state(state: State) -> &'static str {
    match state {
        State::Usual => "usual",
        State::Unknown => "not yet known",
        State::Silent => "not reported",
        State::Unusual => "unusual",
        State::Beyond => "beyond its limit",
        State::Pending => "pending",
        State::Firing(Severity::Info) => "info",
        State::Firing(Severity::Warning) => "warning",
        State::Firing(Severity::Critical) => "critical",
    }
}

/// What is usual of a signal at the end of the range.
pub(super) fn band(signal: &SignalReport) -> String {
    match signal.band() {
        Some((lower, upper)) => {
            format!("{} – {}", signal.value(lower), signal.value(upper))
        }
        None => "not yet known".to_owned(),
    }
}

/// The least and the greatest value in the range.
pub(super) fn extent(signal: &SignalReport) -> String {
    match signal.extent() {
        Some((min, max)) => format!("{} – {}", signal.value(min), signal.value(max)),
        None => "–".to_owned(),
    }
}

/// The last value.
pub(super) fn now(signal: &SignalReport) -> String {
    signal
        .last
        .map_or_else(|| "–".to_owned(), |(_, value)| signal.value(value))
}

/// Where a signal is healthy and from where on it is bad: `healthy below 10 ms`, `critical above 1 s`.
pub(super) fn limits(signal: &Signal) -> Vec<String> {
    let bound = |word: &str, bound: baseline::catalogue::Bound| {
        let value = signal.unit.format(bound.value);
        format!("{word} {} {value}", bound.comparison.as_str())
    };
    let healthy = signal.healthy.iter().map(|one| bound("healthy", one.bound));
    let thresholds = signal.thresholds.iter().map(|one| {
        let word = match one.severity {
            Of::Warning => "warning",
            Of::Critical => "critical",
        };
        bound(word, one.bound)
    });
    healthy.chain(thresholds).collect()
}

/// What a chart shows, for those who do not see it.
pub(super) fn alternative(signal: &SignalReport) -> String {
    let found = match signal.spans.len() {
        0 => String::new(),
        n => format!(", {}", count(n, "finding")),
    };
    match signal.extent() {
        Some((min, max)) => format!(
            "{}: {} to {}, at last {}; usual: {}{found}",
            signal.name(),
            signal.value(min),
            signal.value(max),
            now(signal),
            band(signal)
        ),
        None => format!("{}: nothing was measured{found}", signal.name()),
    }
}

/// What is compared with what.
pub(super) fn compared(evidence: &Evidence) -> String {
    let range = |range: super::model::Range| {
        format!("{} to {}", time::show(range.from), time::show(range.to))
    };
    match evidence.before {
        Some(before) => format!(
            "{} of {} (UTC) against {}",
            evidence.kind,
            range(evidence.during),
            range(before)
        ),
        None => format!(
            "{} of {} (UTC); there was none {}",
            evidence.kind,
            range(evidence.during),
            evidence.compared_with
        ),
    }
}

/// A share in percent, with one decimal.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// The address of a reference of the catalogue: itself, or of an issue on GitHub.
pub(super) fn address(reference: &str) -> Option<String> {
    let is_url = ["https://", "http://"]
        .iter()
        .any(|scheme| reference.starts_with(scheme));
    if is_url {
        return Some(reference.to_owned());
    }
    let (repository, number) = reference.split_once(" #")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
    let is_issue = is_number && repository.contains('/') && repository.bytes().all(is_part);
    is_issue.then(|| format!("https://github.com/{repository}/issues/{number}"))
}

/// Where to read on about a finding: what is there, and the address if it is one that may be linked.
pub(super) fn references(story: &Story) -> Vec<(String, Option<String>)> {
    let links = story.last().links.iter();
    let links = links.map(|(name, url)| (name.clone(), address(url)));
    let signal = story.signal.iter().flat_map(|signal| &signal.references);
    let references = signal.map(|reference| (reference.clone(), address(reference)));
    links.chain(references).collect()
}

/// How it was made, for the end of it.
pub(super) fn made(report: &Report) -> String {
    format!(
        "Made by leadsman {} on {} UTC of the archive {}",
        env!("CARGO_PKG_VERSION"),
        time::show(report.made),
        report.place
    )
}

/// `2026-11-21 10:00:00`, of milliseconds.
pub(super) fn at(time: UnixMillis) -> String {
    time::show(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_and_issues_are_linked() {
        assert_eq!(
            address("etcd-io/etcd #123").as_deref(),
            Some("https://github.com/etcd-io/etcd/issues/123")
        );
        assert_eq!(
            address("https://etcd.io/").as_deref(),
            Some("https://etcd.io/")
        );
        for other in [
            "javascript:alert(1)",
            "data:text/html,x",
            "a/b #x",
            "a b/c #1",
            "x #1",
            "",
        ] {
            assert_eq!(address(other), None, "{other}");
        }
    }
}

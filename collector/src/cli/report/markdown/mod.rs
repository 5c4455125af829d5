//! A report as Markdown, for a terminal, a ticket or a chat.

mod escape;

use std::fmt::Write as _;

use self::escape::{code, text};
use super::model::{Evidence, Report, SignalReport, State, Story, TargetReport};
use super::words;
use crate::cli::series::sparkline;

/// Findings that are written of those that are open, and of those that are over.
const MAX_FINDINGS: usize = 50;
/// Signals of one target that are written.
const MAX_SIGNALS: usize = 150;
/// Characters of a course.
const COURSE: usize = 24;

/// Writes a document.
pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    head(&mut out, report);
    open(&mut out, report);
    over(&mut out, report);
    out.push_str("## Targets\n\n");
    if report.targets.is_empty() {
        out.push_str("No target was scraped in this range.\n\n");
    }
    for one in &report.targets {
        target(&mut out, report, one);
    }
    foot(&mut out, report);
    out
}

fn head(out: &mut String, report: &Report) {
    let of = match report.asked.is_empty() {
        true => "all targets".to_owned(),
        false => text(&report.asked),
    };
    // A String takes every write.
    let _ = write!(
        out,
        "# State of {of}\n\n**{}**\n\n",
        text(&words::verdict(report))
    );
    if let Some(stale) = words::stale(report) {
        let _ = writeln!(out, "{stale}\n");
    }
    let _ = writeln!(
        out,
        "{} to {} UTC; {}, {}; {} open, {} over in this range.\n",
        words::at(report.range.from),
        words::at(report.range.to),
        words::count(report.targets.len(), "target"),
        words::count(report.n_signals(), "signal"),
        words::count(report.open().count(), "finding"),
        report.over.len()
    );
}

fn open(out: &mut String, report: &Report) {
    out.push_str("## Open findings\n\n");
    if report.incidents.is_empty() {
        out.push_str("None.\n\n");
    }
    let mut n_shown = 0;
    for incident in &report.incidents {
        let Some(worst) = incident.worst().filter(|_| n_shown < MAX_FINDINGS) else {
            break;
        };
        let _ = write!(out, "### {}", text(&words::target(worst)));
        if incident.stories.len() > 1 {
            let n = words::count(incident.stories.len(), "finding");
            let _ = write!(out, ": {n} that belong together");
        }
        out.push_str("\n\n");
        for story in incident.stories.iter().take(MAX_FINDINGS - n_shown) {
            finding(out, story);
            n_shown += 1;
        }
    }
    more(out, report.open().count(), n_shown);
}

fn over(out: &mut String, report: &Report) {
    out.push_str("## Over in this range\n\n");
    if report.over.is_empty() {
        out.push_str("None.\n\n");
    }
    for story in report.over.iter().take(MAX_FINDINGS) {
        finding(out, story);
    }
    more(out, report.over.len(), report.over.len().min(MAX_FINDINGS));
}

fn more(out: &mut String, n_all: usize, n_shown: usize) {
    if n_all > n_shown {
        let n = words::count(n_all - n_shown, "finding");
        let _ = writeln!(
            out,
            "… and {n} more: `leadsman findings --all` shows them\n"
        );
    }
}

fn finding(out: &mut String, story: &Story) {
    let last = story.last();
    let told = story.trouble.at_its_worst();
    let _ = writeln!(out, "#### {}\n", text(&told.title));
    let when = match last.is_open() {
        true => format!("since {} UTC", words::at(last.since)),
        false => format!("{} to {} UTC", words::at(last.since), words::at(last.time)),
    };
    let _ = writeln!(
        out,
        "{}, {}, {when}\n",
        text(last.severity.as_str()),
        text(&story.trouble.state())
    );
    let [before, now] = story.change();
    let signal = match last.labels.is_empty() {
        true => last.signal.clone(),
        false => format!("{}{}", last.signal, last.labels),
    };
    let mut facts = vec![
        ("target", code(&words::target(story))),
        ("signal", code(&signal)),
        ("from → to", text(&format!("{before} → {now}"))),
    ];
    facts.extend(words::usual(story).map(|usual| ("usual", text(&usual))));
    facts.push(("found", text(&words::found_by(story))));
    facts.push(("id", code(&last.id.to_string())));
    if !last.captures.is_empty() {
        facts.push(("profiles (capture_id)", words::captures(story)));
    }
    for (name, value) in facts {
        let _ = writeln!(out, "- {name}: {value}");
    }
    out.push('\n');
    for (heading, prose) in [
        ("", &last.explanation),
        ("**Cause.** ", &last.cause),
        ("**Remedy.** ", &last.remedy),
    ] {
        let mut heading = heading;
        for paragraph in prose.split("\n\n").filter(|part| !part.trim().is_empty()) {
            let _ = writeln!(out, "{heading}{}\n", text(paragraph));
            heading = "";
        }
    }
    references(out, story);
    for evidence in &story.evidence {
        profiles(out, evidence);
    }
}

fn references(out: &mut String, story: &Story) {
    let references = words::references(story);
    for (name, address) in &references {
        let _ = match address {
            Some(address) if address == name => writeln!(out, "- see <{}>", escape::url(address)),
            Some(address) => writeln!(out, "- see [{}](<{}>)", text(name), escape::url(address)),
            None => writeln!(out, "- see {}", text(name)),
        };
    }
    if !references.is_empty() {
        out.push('\n');
    }
}

fn profiles(out: &mut String, evidence: &Evidence) {
    let _ = writeln!(out, "Profiles: {}.\n", text(&words::compared(evidence)));
    if !evidence.changes.is_empty() {
        out.push_str("| function with a larger share | before | now |\n|---|--:|--:|\n");
        for change in &evidence.changes {
            let [before, now] = change.share.map(words::percent);
            let _ = writeln!(out, "| {} | {before} | {now} |", text(&change.function));
        }
        out.push('\n');
    } else if evidence.before.is_some() {
        out.push_str("No function alone explains the difference.\n\n");
    }
    let [table, flame] = &evidence.commands;
    for command in [table, flame] {
        let line: String = command.split_whitespace().collect::<Vec<_>>().join(" ");
        let _ = writeln!(out, "    {line}");
    }
    out.push('\n');
}

fn target(out: &mut String, report: &Report, target: &TargetReport) {
    let down = match target.is_up {
        Some(false) => ": down",
        _ => "",
    };
    let _ = writeln!(out, "### {}{down}\n", text(&target.name()));
    if target.signals.is_empty() {
        out.push_str("No signals in this range.\n\n");
        return;
    }
    out.push_str("| signal | state | now | usual now | in the range | course | limits |\n");
    out.push_str("|---|---|--:|--:|--:|---|---|\n");
    for signal in target.signals.iter().take(MAX_SIGNALS) {
        row(out, report, signal);
    }
    out.push('\n');
    if let Some(n @ 1..) = target.signals.len().checked_sub(MAX_SIGNALS) {
        let _ = writeln!(out, "… and {n} more\n");
    }
}

fn row(out: &mut String, report: &Report, signal: &SignalReport) {
    let state = match signal.state {
        State::Usual | State::Unknown | State::Silent => words::state(signal.state).to_owned(),
        _ => format!("**{}**", words::state(signal.state)),
    };
    let length = report.range.to.0.saturating_sub(report.range.from.0).max(1) as f64;
    let places = signal.points.iter().map(|point| {
        let place = point.time.saturating_sub(report.range.from.0) as f64 / length;
        (place.max(0.0), point.value)
    });
    let _ = writeln!(
        out,
        "| {} | {state} | {} | {} | {} | `{}` | {} |",
        text(&signal.name()),
        words::now(signal),
        words::band(signal),
        words::extent(signal),
        sparkline::draw(places, COURSE),
        words::limits(&signal.signal).join("; ")
    );
}

fn foot(out: &mut String, report: &Report) {
    out.push_str("## About this report\n\n");
    let lists = [
        ("Left out, as there was no room", &report.left_out),
        ("Not read, as it is damaged or gone", &report.problems),
    ];
    for (heading, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        let _ = writeln!(out, "{heading}:\n");
        for one in *list {
            let _ = writeln!(out, "- {}", text(one));
        }
        out.push('\n');
    }
    let _ = writeln!(out, "{}\n\n{}.", words::JUDGED, text(&words::made(report)));
}

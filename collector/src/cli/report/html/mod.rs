//! A report as a page: one file that needs nothing else, neither scripts nor a network.

mod findings;
mod targets;

use super::markup::Markup;
use super::model::{Report, State};
use super::words;
use proto::finding::Severity;

/// Light and dark, wide and narrow.
const STYLE: &str = include_str!("page.css");

/// What there is room for, counted while a page is written.
#[derive(Default)]
struct Room {
    n_charts: usize,
    n_sparklines: usize,
    /// What was left out, in sentences.
    left_out: Vec<String>,
}

/// Writes a page.
pub(super) fn render(report: &Report) -> Markup {
    let mut page = Markup::default();
    let mut room = Room::default();
    head(&mut page, report);
    page.raw("<main>\n");
    findings::open(&mut page, report, &mut room);
    findings::over(&mut page, report, &mut room);
    targets::all(&mut page, report, &mut room);
    page.raw("</main>\n");
    foot(&mut page, report, &room);
    page.raw("</body>\n</html>\n");
    page
}

fn head(page: &mut Markup, report: &Report) {
    // Nothing is fetched and nothing runs, even if a text should come through as markup.
    page.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
        .raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n")
        .raw("<meta name=\"color-scheme\" content=\"light dark\">\n")
        .raw("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n")
        .raw("<title>leadsman report, ")
        .text(words::at(report.range.to))
        .raw(" UTC</title>\n<style>\n")
        .raw(STYLE)
        .raw("</style>\n</head>\n<body>\n<header>\n<h1>State of ");
    match report.asked.is_empty() {
        true => page.raw("all targets"),
        false => page.text(&report.asked),
    };
    page.raw("</h1>\n<p class=\"verdict ")
        .raw(worst(report))
        .raw("\">")
        .text(words::verdict(report))
        .raw("</p>\n");
    if let Some(stale) = words::stale(report) {
        page.raw("<p class=\"note\">").text(stale).raw("</p>\n");
    }
    facts(page, report);
    page.raw("<nav aria-label=\"Sections\"><a href=\"#open\">Open findings</a> <a href=\"#over\">Over</a> <a href=\"#targets\">Targets</a> <a href=\"#about\">About</a></nav>\n</header>\n");
}

fn facts(page: &mut Markup, report: &Report) {
    let is_down = report.targets.iter().filter(|one| one.is_up == Some(false));
    let n_down = is_down.count();
    let down = if n_down > 0 {
        format!(", {n_down} down")
    } else {
        String::new()
    };
    let facts = [
        (
            "Range",
            format!(
                "{} to {} UTC",
                words::at(report.range.from),
                words::at(report.range.to)
            ),
        ),
        ("Targets", format!("{}{down}", report.targets.len())),
        ("Signals", report.n_signals().to_string()),
        ("Open findings", report.open().count().to_string()),
        ("Over in the range", report.over.len().to_string()),
    ];
    page.raw("<dl class=\"facts\">\n");
    for (name, value) in facts {
        page.raw("<div><dt>")
            .text(name)
            .raw("</dt><dd>")
            .text(value)
            .raw("</dd></div>\n");
    }
    page.raw("</dl>\n");
}

/// The class of the worst that is open.
fn worst(report: &Report) -> &'static str {
    let stories = report
        .open()
        .map(|story| State::Firing(story.last().severity));
    match stories.max() {
        Some(state) => class(state),
        None if report.n_signals() == 0 => "unknown",
        None => "usual",
    }
}

/// The class of a state.
fn class(state: State) -> &'static str {
    match state {
        State::Usual => "usual",
        State::Unknown | State::Silent => "unknown",
        State::Unusual | State::Pending | State::Firing(Severity::Info) => "info",
        State::Beyond | State::Firing(Severity::Warning) => "warning",
        State::Firing(Severity::Critical) => "critical",
    }
}

fn foot(page: &mut Markup, report: &Report, room: &Room) {
    page.raw("<footer id=\"about\">\n<h2>About this report</h2>\n");
    let left_out = [&report.left_out[..], &room.left_out].concat();
    let lists = [
        ("Left out, as there was no room", &left_out),
        ("Not read, as it is damaged or gone", &report.problems),
    ];
    for (heading, list) in lists.iter().filter(|(_, list)| !list.is_empty()) {
        page.raw("<h3>").text(heading).raw("</h3>\n<ul>\n");
        for text in *list {
            page.raw("<li>").text(text).raw("</li>\n");
        }
        page.raw("</ul>\n");
    }
    page.raw("<p>")
        .text(words::JUDGED)
        .raw("</p>\n<p>")
        .text(words::made(report))
        .raw(".</p>\n</footer>\n");
}

//! Findings on a page.

use super::super::markup::Markup;
use super::super::model::{Evidence, Report, State, Story};
use super::super::{flame, words};
use super::{Room, class};

/// Findings that are shown of those that are open, and of those that are over.
const MAX_SHOWN: usize = 100;
/// Characters of one text of a finding.
const MAX_TEXT: usize = 8000;

/// What is open, incident by incident.
pub(super) fn open(page: &mut Markup, report: &Report, room: &mut Room) {
    page.raw("<section id=\"open\">\n<h2>Open findings</h2>\n");
    if report.incidents.is_empty() {
        page.raw("<p>None.</p>\n");
    }
    let mut n_shown = 0;
    for incident in &report.incidents {
        let Some(worst) = incident.worst().filter(|_| n_shown < MAX_SHOWN) else {
            break;
        };
        page.raw("<section class=\"incident\">\n<h3>")
            .text(words::target(worst));
        if incident.stories.len() > 1 {
            page.text(format_args!(
                ": {} that belong together",
                words::count(incident.stories.len(), "finding")
            ));
        }
        page.raw("</h3>\n");
        for story in incident.stories.iter().take(MAX_SHOWN - n_shown) {
            article(page, story);
            n_shown += 1;
        }
        page.raw("</section>\n");
    }
    left_out(page, room, report.open().count(), n_shown, "open");
    page.raw("</section>\n");
}

/// What is over.
pub(super) fn over(page: &mut Markup, report: &Report, room: &mut Room) {
    page.raw("<section id=\"over\">\n<h2>Over in this range</h2>\n");
    if report.over.is_empty() {
        page.raw("<p>None.</p>\n");
    }
    for story in report.over.iter().take(MAX_SHOWN) {
        page.raw("<details class=\"over\"><summary><b>")
            .text(&story.trouble.at_its_worst().title)
            .raw("</b> <span class=\"dim\">")
            .text(words::target(story))
            .raw(", ")
            .text(words::at(story.last().since))
            .raw(" to ")
            .text(words::at(story.last().time))
            .raw("</span></summary>\n");
        body(page, story);
        page.raw("</details>\n");
    }
    let n_shown = report.over.len().min(MAX_SHOWN);
    left_out(page, room, report.over.len(), n_shown, "over");
    page.raw("</section>\n");
}

fn left_out(page: &mut Markup, room: &mut Room, n_all: usize, n_shown: usize, what: &str) {
    if n_all > n_shown {
        let text = format!(
            "{} that are {what}: leadsman findings --all shows them",
            words::count(n_all - n_shown, "finding")
        );
        page.raw("<p class=\"note\">… and ")
            .text(&text)
            .raw("</p>\n");
        room.left_out.push(text);
    }
}

fn article(page: &mut Markup, story: &Story) {
    let last = story.last();
    page.raw("<article class=\"finding ")
        .raw(class(State::Firing(last.severity)))
        .raw("\">\n<h4>")
        .text(&last.title)
        .raw("</h4>\n<p class=\"badges\"><span class=\"badge ")
        .raw(class(State::Firing(last.severity)))
        .raw("\">")
        .text(last.severity)
        .raw("</span> ")
        .text(story.trouble.state())
        .raw(" since <time datetime=\"")
        .text(words::at(last.since).replace(' ', "T"))
        .raw("Z\">")
        .text(words::at(last.since))
        .raw(" UTC</time></p>\n");
    body(page, story);
    page.raw("</article>\n");
}

fn body(page: &mut Markup, story: &Story) {
    let last = story.last();
    let [before, now] = story.change();
    let signal = match last.labels.is_empty() {
        true => last.signal.clone(),
        false => format!("{}{}", last.signal, last.labels),
    };
    let mut facts = vec![
        ("Signal", signal),
        ("From → to", format!("{before} → {now}")),
    ];
    facts.extend(words::usual(story).map(|usual| ("Usual", usual)));
    facts.push(("Found", words::found_by(story)));
    facts.push(("Id", last.id.to_string()));
    page.raw("<dl class=\"rows\">\n");
    for (name, value) in facts {
        page.raw("<dt>")
            .text(name)
            .raw("</dt><dd>")
            .text(value)
            .raw("</dd>\n");
    }
    page.raw("</dl>\n");
    let texts = [
        ("", &last.explanation),
        ("Cause", &last.cause),
        ("Remedy", &last.remedy),
    ];
    for (heading, text) in texts {
        prose(page, heading, text);
    }
    references(page, story);
    if !last.captures.is_empty() {
        page.raw("<h5>Profiles taken for it</h5>\n<p class=\"dim\">capture_id ")
            .text(words::captures(story))
            .raw("</p>\n");
    }
    for evidence in &story.evidence {
        profiles(page, evidence);
    }
}

fn prose(page: &mut Markup, heading: &'static str, text: &str) {
    if text.is_empty() {
        return;
    }
    if !heading.is_empty() {
        page.raw("<h5>").raw(heading).raw("</h5>\n");
    }
    let short: String = text.chars().take(MAX_TEXT).collect();
    for paragraph in short.split("\n\n").filter(|part| !part.trim().is_empty()) {
        page.raw("<p>").text(paragraph).raw("</p>\n");
    }
    if short.len() < text.len() {
        page.raw("<p class=\"note\">… it is longer: leadsman findings ID shows all of it</p>\n");
    }
}

fn references(page: &mut Markup, story: &Story) {
    let references = words::references(story);
    if references.is_empty() {
        return;
    }
    page.raw("<h5>See</h5>\n<ul>\n");
    for (name, address) in references {
        page.raw("<li>");
        match address {
            Some(address) => page
                .raw("<a rel=\"noopener noreferrer\" href=\"")
                .text(address)
                .raw("\">")
                .text(name)
                .raw("</a>"),
            None => page.text(name),
        };
        page.raw("</li>\n");
    }
    page.raw("</ul>\n");
}

fn profiles(page: &mut Markup, evidence: &Evidence) {
    page.raw("<p class=\"dim\">")
        .text(words::compared(evidence))
        .raw("</p>\n");
    if !evidence.changes.is_empty() {
        page.raw("<div class=\"scroll\"><table>\n<caption>Functions with a larger share than before</caption>\n<thead><tr><th scope=\"col\">Function</th><th scope=\"col\" class=\"n\">before</th><th scope=\"col\" class=\"n\">now</th></tr></thead>\n<tbody>\n");
        for change in &evidence.changes {
            let [before, now] = change.share.map(words::percent);
            page.raw("<tr><th scope=\"row\"><code>")
                .text(&change.function)
                .raw("</code></th><td class=\"n\">")
                .text(before)
                .raw("</td><td class=\"n\">")
                .text(now)
                .raw("</td></tr>\n");
        }
        page.raw("</tbody>\n</table></div>\n");
    } else if evidence.before.is_some() {
        page.raw("<p>No function alone explains the difference.</p>\n");
    }
    if let Some(svg) = &evidence.flame {
        page.raw(
            "<details><summary>Flame graph of the difference (red grew, blue shrank)</summary>\n",
        );
        page.add(&flame::frame(svg, &words::compared(evidence)));
        page.raw("</details>\n");
    }
    if evidence.flame.is_none() && evidence.before.is_some() {
        page.raw("<p class=\"note\">There was no room for the flame graph: the second command makes it.</p>\n");
    }
    let [table, flame] = &evidence.commands;
    page.raw("<details><summary>How to see it on the command line</summary>\n<pre>")
        .text(table)
        .raw("\n")
        .text(flame)
        .raw("</pre></details>\n");
}

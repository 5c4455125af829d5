//! Targets on a page: a table of signals each, and charts of what is in trouble.

use super::super::chart::{self, Limit, Plot};
use super::super::markup::Markup;
use super::super::model::{Report, SignalReport, State, TargetReport};
use super::super::words;
use super::{Room, class};
use baseline::catalogue::Severity;

/// Targets whose signals are shown.
const MAX_TARGETS: usize = 100;
/// Signals of one target that are shown.
const MAX_SIGNALS: usize = 150;
/// Charts of a page: about 12 kB each.
const MAX_CHARTS: usize = 60;
/// Small charts of a page: about 1.5 kB each.
const MAX_SPARKLINES: usize = 1500;

/// Every target, those in trouble first.
pub(super) fn all(page: &mut Markup, report: &Report, room: &mut Room) {
    page.raw("<section id=\"targets\">\n<h2>Targets</h2>\n");
    if report.targets.is_empty() {
        page.raw("<p>No target was scraped in this range.</p>\n");
    }
    for target in report.targets.iter().take(MAX_TARGETS) {
        one(page, report, target, room);
    }
    if let Some(more @ 1..) = report.targets.len().checked_sub(MAX_TARGETS) {
        let text = format!("{more} targets: choose with --job or --target");
        page.raw("<p class=\"note\">… and ")
            .text(&text)
            .raw("</p>\n");
        room.left_out.push(text);
    }
    page.raw("</section>\n");
}

fn one(page: &mut Markup, report: &Report, target: &TargetReport, room: &mut Room) {
    let is_down = target.is_up == Some(false);
    let is_bad = is_down || target.worst() > State::Silent;
    page.raw("<details class=\"target\"")
        // One target alone, or one in trouble, is what the reader came for.
        .raw(if is_bad || report.targets.len() == 1 {
            " open"
        } else {
            ""
        })
        .raw("><summary><h3>")
        .text(target.name())
        .raw("</h3> ");
    if is_down {
        page.raw("<span class=\"badge critical\">down</span> ");
    }
    summary(page, target);
    page.raw("</summary>\n");
    charts(page, report, target, room);
    table(page, report, target, room);
    page.raw("</details>\n");
}

/// How many signals are in which state.
fn summary(page: &mut Markup, target: &TargetReport) {
    let mut states: Vec<State> = target.signals.iter().map(|signal| signal.state).collect();
    states.sort_unstable_by(|a, b| b.cmp(a));
    if states.is_empty() {
        page.raw("<span class=\"dim\">no signals in this range</span>");
    }
    for group in states.chunk_by(|a, b| a == b) {
        let Some(state) = group.first() else { continue };
        page.raw("<span class=\"badge ")
            .raw(class(*state))
            .raw("\">")
            .text(group.len())
            .raw(" ")
            .text(words::state(*state))
            .raw("</span> ");
    }
}

fn charts(page: &mut Markup, report: &Report, target: &TargetReport, room: &mut Room) {
    let found = target.signals.iter().filter(|one| !one.spans.is_empty());
    let found: Vec<_> = found.collect();
    let n_shown = found.len().min(MAX_CHARTS.saturating_sub(room.n_charts));
    if n_shown > 0 {
        page.raw("<p class=\"legend\"><span class=\"key line\"></span>the signal <span class=\"key band\"></span>usual <span class=\"key span\"></span>a finding <span class=\"key limits\"></span>limits</p>\n");
    }
    for signal in found.iter().take(n_shown) {
        let alternative = words::alternative(signal);
        page.raw("<figure>\n<figcaption><b>")
            .text(signal.name())
            .raw("</b> ")
            .text(words::now(signal))
            .raw("</figcaption>\n");
        page.add(&chart::chart(&plot(
            report,
            signal,
            &limits(signal),
            &alternative,
        )));
        page.raw("\n</figure>\n");
        room.n_charts += 1;
    }
    if found.len() > n_shown {
        room.left_out.push(format!(
            "{} of {}",
            words::count(found.len() - n_shown, "chart"),
            target.name()
        ));
    }
}

fn plot<'a>(
    report: &Report,
    signal: &'a SignalReport,
    limits: &'a [Limit],
    alternative: &'a str,
) -> Plot<'a> {
    Plot {
        range: (report.range.from.0, report.range.to.0),
        points: &signal.points,
        band: [&signal.lower, &signal.upper],
        limits,
        spans: &signal.spans,
        unit: signal.unit(),
        alternative,
    }
}

fn limits(signal: &SignalReport) -> Vec<Limit> {
    let healthy = signal.signal.healthy.iter().map(|healthy| Limit {
        value: healthy.bound.value,
        class: "healthy",
    });
    let thresholds = signal.signal.thresholds.iter().map(|threshold| Limit {
        value: threshold.bound.value,
        class: match threshold.severity {
            Severity::Warning => "warning",
            Severity::Critical => "critical",
        },
    });
    healthy.chain(thresholds).collect()
}

fn table(page: &mut Markup, report: &Report, target: &TargetReport, room: &mut Room) {
    if target.signals.is_empty() {
        return;
    }
    page.raw("<div class=\"scroll\"><table class=\"signals\">\n<caption>Signals of ")
        .text(target.name())
        .raw("</caption>\n<thead><tr><th scope=\"col\">Signal</th><th scope=\"col\">State</th><th scope=\"col\" class=\"n\">Now</th><th scope=\"col\" class=\"n\">Usual now</th><th scope=\"col\" class=\"n\">In the range</th><th scope=\"col\">Course</th><th scope=\"col\">Limits</th></tr></thead>\n<tbody>\n");
    for signal in target.signals.iter().take(MAX_SIGNALS) {
        row(page, report, signal, room);
    }
    page.raw("</tbody>\n</table></div>\n");
    if let Some(more @ 1..) = target.signals.len().checked_sub(MAX_SIGNALS) {
        let text = format!("{more} signals of {}", target.name());
        page.raw("<p class=\"note\">… and ")
            .text(&text)
            .raw("</p>\n");
        room.left_out.push(text);
    }
}

fn row(page: &mut Markup, report: &Report, signal: &SignalReport, room: &mut Room) {
    page.raw("<tr><th scope=\"row\" title=\"")
        .text(signal.signal.help.trim())
        .raw("\">")
        .text(&signal.signal.title);
    if !signal.labels.is_empty() {
        page.raw(" <code>").text(&signal.labels).raw("</code>");
    }
    page.raw("</th><td><span class=\"badge ")
        .raw(class(signal.state))
        .raw("\">")
        .text(words::state(signal.state))
        .raw("</span></td><td class=\"n\">")
        .text(words::now(signal))
        .raw("</td><td class=\"n\">")
        .text(words::band(signal))
        .raw("</td><td class=\"n\">")
        .text(words::extent(signal))
        .raw("</td><td>");
    if room.n_sparklines < MAX_SPARKLINES && !signal.points.is_empty() {
        let alternative = words::alternative(signal);
        page.add(&chart::sparkline(&plot(report, signal, &[], &alternative)));
        room.n_sparklines += 1;
        if room.n_sparklines == MAX_SPARKLINES {
            room.left_out
                .push("the courses of further signals".to_owned());
        }
    }
    page.raw("</td><td class=\"limits\">")
        .text(words::limits(&signal.signal).join("; "))
        .raw("</td></tr>\n");
}

//! Signals as rules of Prometheus: each is recorded, each threshold is an alert. For those who judge
//! with Prometheus what it scrapes itself; leadsman judges without them.

use std::fmt::Write as _;

use baseline::catalogue::words::{by_component, condition};
use baseline::catalogue::{Signal, Threshold, Unit};
use baseline::promql::Expr;
use proto::units::format_duration;

const HEAD: &str = "\
# Recording and alerting rules of Prometheus, made of the catalogue in baseline/catalogue:
#
#     leadsman signals --format prometheus-rules > dashboards/prometheus/leadsman.rules.yaml
#
# They need what the programs themselves expose, not leadsman; those of traces need metrics of spans,
# leadsman's or those of OpenTelemetry's spanmetrics connector. Everything is computed for each target
# (job, instance) apart.
groups:
";

/// How far the growth of the last hours is continued to see whether a limit is met (etcd's mixin).
const HORIZON_HOURS: u32 = 4;

pub(super) fn render(signals: &[Signal]) -> String {
    let mut out = HEAD.to_owned();
    let of_pages: Vec<Signal> = signals
        .iter()
        .filter(|signal| signal.expr().is_some())
        .cloned()
        .collect();
    for (component, group) in by_component(&of_pages) {
        let _ = writeln!(out, "  - name: leadsman-{component}\n    rules:");
        for signal in group {
            record(&mut out, signal);
            for threshold in &signal.thresholds {
                alert(&mut out, signal, threshold, signals);
            }
            if let Some(limit) = &signal.limit {
                soon(&mut out, signal, limit);
            }
        }
    }
    out
}

/// `instance:leadsman_NAME_UNIT:rate5m`, as Prometheus' documentation has it: what is kept apart,
/// the metric, and the last thing done to it.
fn recorded(signal: &Signal) -> String {
    let (name, unit) = (&signal.name, signal.unit.suffix());
    let operation = signal.expr().map_or_else(String::new, operation);
    format!("instance:leadsman_{name}{unit}:{operation}")
}

/// The first function over a window, or `last`.
fn operation(expr: &Expr) -> String {
    let in_window = |expr: &Expr| match operation(expr) {
        operation if operation == "last" => None,
        operation => Some(operation),
    };
    match expr {
        Expr::Number(_) | Expr::Time | Expr::Selector(_) => "last".to_owned(),
        Expr::Range {
            function, window, ..
        } => format!("{}{}", function.as_str(), format_duration(*window)),
        Expr::HistogramQuantile { of, .. } | Expr::Aggregate { of, .. } => operation(of),
        Expr::Binary { left, right, .. } => in_window(left).unwrap_or_else(|| operation(right)),
    }
}

fn record(out: &mut String, signal: &Signal) {
    let name = recorded(signal);
    let Some(expr) = signal.expr().map(Expr::for_prometheus) else {
        return;
    };
    let _ = writeln!(out, "      - record: {name}");
    write_expr(out, &expr.to_string());
}

fn alert(out: &mut String, signal: &Signal, threshold: &Threshold, signals: &[Signal]) {
    let bound = threshold.bound;
    let mut expr = format!(
        "{} {} {}",
        recorded(signal),
        bound.comparison.sign(),
        bound.value
    );
    if let Some(guard) = &threshold.only_while {
        let other = signals.iter().find(|other| other.name == guard.signal);
        let other = other.map_or_else(String::new, recorded);
        let (sign, value) = (guard.bound.comparison.sign(), guard.bound.value);
        let _ = write!(expr, " and on (job, instance) {other} {sign} {value}");
    }
    let hold = format_duration(threshold.hold);
    let severity = threshold.severity.as_str();
    let summary = format!(
        "{} of {{{{ $labels.instance }}}} is {} ({}).",
        signal.title,
        humanized(signal.unit),
        condition(signal, threshold, signals)
    );
    head(out, &alert_name(&signal.name), &expr, &hold);
    labels(out, signal, severity);
    annotations(out, signal, &summary, &threshold.source);
}

/// An alert for a limit that is met soon if it goes on like this.
fn soon(out: &mut String, signal: &Signal, limit: &Expr) {
    let seconds = HORIZON_HOURS * 3600;
    let limit = limit.for_prometheus();
    let limit = match limit {
        Expr::Binary { .. } => format!("({limit})"),
        _ => limit.to_string(),
    };
    let expr = format!(
        "predict_linear({}[{HORIZON_HOURS}h], {seconds}) > {limit}",
        recorded(signal)
    );
    let summary = format!(
        "{} of {{{{ $labels.instance }}}} reaches its limit within {HORIZON_HOURS} hours.",
        signal.title
    );
    head(
        out,
        &format!("{}Limit", alert_name(&signal.name)),
        &expr,
        "10m",
    );
    labels(out, signal, "warning");
    annotations(out, signal, &summary, "as etcd's mixin predicts");
}

fn head(out: &mut String, name: &str, expr: &str, hold: &str) {
    let _ = writeln!(out, "      - alert: {name}");
    write_expr(out, expr);
    let _ = writeln!(out, "        for: {hold}");
}

fn labels(out: &mut String, signal: &Signal, severity: &str) {
    let Signal {
        name, component, ..
    } = signal;
    let _ = writeln!(out, "        labels:");
    let _ = writeln!(out, "          severity: {severity}");
    let _ = writeln!(out, "          signal: {name}");
    let _ = writeln!(out, "          component: {component}");
}

fn annotations(out: &mut String, signal: &Signal, summary: &str, source: &str) {
    let description = format!("{} {}", signal.help, signal.remedy);
    let reference = signal.references.first().map(String::as_str);
    let texts = [
        ("summary", Some(summary)),
        ("description", Some(description.trim())),
        ("source", Some(source)),
        ("reference", reference),
    ];
    let _ = writeln!(out, "        annotations:");
    let texts = texts.iter().filter_map(|(key, text)| Some((key, (*text)?)));
    for (key, text) in texts.filter(|(_, text)| !text.is_empty()) {
        let _ = writeln!(out, "          {key}: {}", quoted(text));
    }
}

/// Expressions are full of quotes and braces: a block needs none of them escaped.
fn write_expr(out: &mut String, expr: &str) {
    let _ = writeln!(out, "        expr: |-\n          {expr}");
}

/// In single quotes, in which YAML knows no escapes but the quote's own.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// `etcd_wal_fsync_p99` → `LeadsmanEtcdWalFsyncP99`.
fn alert_name(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    std::iter::once("Leadsman".to_owned())
        .chain(words)
        .collect()
}

/// A value in Prometheus' templates, as people read it.
fn humanized(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio => "{{ $value | humanizePercentage }}",
        Unit::Seconds => "{{ $value | humanizeDuration }}",
        Unit::Bytes => "{{ $value | humanize1024 }}B",
        Unit::BytesPerSecond => "{{ $value | humanize1024 }}B/s",
        Unit::PerSecond => "{{ $value | humanize }}/s",
        Unit::Count => "{{ $value | humanize }}",
        Unit::Cores => "{{ $value | humanize }} cores",
    }
}

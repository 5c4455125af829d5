//! What Prometheus is asked for a signal.

use baseline::catalogue::{Measure, Signal, Source};
use baseline::profiles::{CREATOR_LABEL, FUNCTION_LABEL, STATE_LABEL};
use baseline::promql::{Expr, MatchOperator, Matcher};

/// The targets that were chosen, as matchers.
pub(super) const CHOSEN: &str = r#"job=~"$job",instance=~"$instance""#;

/// A signal of the chosen targets: as leadsman computed it where Prometheus scrapes leadsman, else
/// from what Prometheus has of the program itself.
pub(super) fn signal(signal: &Signal) -> String {
    let ours = format!("{}{{{CHOSEN}}}", signal.metric_name());
    match signal.expr() {
        Some(expr) => format!("{ours} or {}", operand(&of_chosen(expr))),
        None => ours,
    }
}

/// What a signal must not reach.
pub(super) fn limit(signal: &Signal) -> Option<String> {
    let limit = signal.limit.as_ref()?;
    let ours = signal.limit_metric_name()?;
    Some(format!(
        "{ours}{{{CHOSEN}}} or {}",
        operand(&of_chosen(limit))
    ))
}

/// `edge` is `lower` or `upper`.
pub(super) fn band(signal: &Signal, edge: &str) -> String {
    let name = &signal.name;
    format!(r#"leadsman_baseline_{edge}{{signal="{name}",{CHOSEN}}}"#)
}

fn of_chosen(expr: &Expr) -> Expr {
    let matchers = ["job", "instance"].map(|label| Matcher {
        label: label.to_owned(),
        operator: MatchOperator::Matches,
        value: format!("${label}"),
    });
    expr.for_prometheus().selecting(&matchers)
}

/// `or` binds loosest, but reads better with what is compared in one piece.
fn operand(expr: &Expr) -> String {
    match expr {
        Expr::Binary { .. } => format!("({expr})"),
        _ => expr.to_string(),
    }
}

/// The name of a line: the target, and what tells its lines apart.
pub(super) fn legend(signal: &Signal) -> String {
    let labels = match &signal.source {
        Source::Expr(expr) => own_labels(expr).iter().map(String::as_str).collect(),
        Source::Profile(from) => match from.measure {
            Measure::SelfShare | Measure::TotalShare => vec![FUNCTION_LABEL],
            Measure::ByState => vec![STATE_LABEL],
            Measure::ByCreator => vec![CREATOR_LABEL],
            Measure::Total | Measure::PerSecond | Measure::Samples => Vec::new(),
        },
    };
    let own = labels.into_iter().map(|label| format!(" {{{{{label}}}}}"));
    format!("{{{{job}}}} {{{{instance}}}}{}", own.collect::<String>())
}

/// Labels that an expression keeps beside those of the target.
fn own_labels(expr: &Expr) -> &[String] {
    match expr {
        Expr::Number(_) | Expr::Time | Expr::Selector(_) | Expr::Range { .. } => &[],
        Expr::HistogramQuantile { of, .. } => match own_labels(of) {
            [others @ .., last] if last == "le" => others,
            labels => labels,
        },
        Expr::Aggregate { by, .. } => by,
        Expr::Binary { left, right, .. } => match own_labels(left) {
            [] => own_labels(right),
            labels => labels,
        },
    }
}

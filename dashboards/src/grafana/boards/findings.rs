//! What leadsman judges and what it found. Prometheus has to scrape leadsman for it.

use super::super::panel::GOOD;
use super::{Board, COUNT, Choice, NONE_SHOULD_BE, Row, graph, number, warn_from};

pub(super) const BOARD: Board = Board {
    name: "findings",
    title: "Baselines and findings",
    about: "What is out of the ordinary: troubles by severity, the most surprising signals, any signal beside what is usual for it. The findings with their evidence are on leadsman's own page.",
    components: &[],
    choice: Choice::Signals,
    rows: &[
        Row {
            title: "Now",
            items: &[
                number(
                    "Critical",
                    "Troubles to be looked at now.",
                    &[(
                        r#"sum(leadsman_findings{severity="critical",state="firing"})"#,
                        "firing",
                    )],
                    NONE_SHOULD_BE,
                ),
                number(
                    "Warnings",
                    "Troubles to be looked at in working hours.",
                    &[(
                        r#"sum(leadsman_findings{severity="warning",state="firing"})"#,
                        "firing",
                    )],
                    &[GOOD, warn_from(1.0)],
                ),
                number(
                    "Pending",
                    "What may become a trouble if it goes on.",
                    &[(r#"sum(leadsman_findings{state="pending"})"#, "pending")],
                    COUNT,
                ),
                number(
                    "Series that are judged",
                    "Series of signals, of all targets.",
                    &[("sum(leadsman_judged_series)", "series")],
                    COUNT,
                ),
            ],
        },
        Row {
            title: "What was told",
            items: &[
                graph(
                    "Troubles",
                    "Troubles that there are, by severity and state.",
                    "short",
                    &[(
                        "sum by (severity, state) (leadsman_findings)",
                        "{{severity}} {{state}}",
                    )],
                ),
                graph(
                    "Told in an hour",
                    "Changes of state of findings, by job.",
                    "short",
                    &[(
                        "sum by (job, state) (increase(leadsman_findings_total[1h]))",
                        "{{job}} {{state}}",
                    )],
                ),
                graph(
                    "The most surprising",
                    "Scores of the twenty signals that are least as usual: from 0.5 on something begins.",
                    "percentunit",
                    &[(
                        "topk(20, leadsman_baseline_score)",
                        "{{job}} {{instance}} {{signal}}",
                    )],
                ),
            ],
        },
        SIGNAL,
    ],
};

/// The name of a signal's metric ends with its unit, which its bands do not have.
const SIGNAL: Row = Row {
    title: "$signal",
    items: &[
        graph(
            "$signal and what is usual",
            "The signal of the chosen targets, what was expected, and the ends of what is usual.",
            "short",
            &[
                (
                    r#"{__name__=~"leadsman_signal_${signal}(_ratio|_seconds|_bytes|_per_second|_bytes_per_second|_cores)?",job=~"$job",instance=~"$instance"}"#,
                    "{{job}} {{instance}}",
                ),
                (
                    r#"leadsman_baseline_expected{signal="$signal",job=~"$job",instance=~"$instance"}"#,
                    "expected {{job}} {{instance}}",
                ),
                (
                    r#"leadsman_baseline_upper{signal="$signal",job=~"$job",instance=~"$instance"}"#,
                    "upper end {{job}} {{instance}}",
                ),
                (
                    r#"leadsman_baseline_lower{signal="$signal",job=~"$job",instance=~"$instance"}"#,
                    "lower end {{job}} {{instance}}",
                ),
            ],
        ),
        graph(
            "How surprising $signal is",
            "0 to 1; from 0.5 on something begins.",
            "percentunit",
            &[(
                r#"leadsman_baseline_score{signal="$signal",job=~"$job",instance=~"$instance"}"#,
                "{{job}} {{instance}}",
            )],
        ),
    ],
};

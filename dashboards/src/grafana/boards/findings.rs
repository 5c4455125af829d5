//! What leadsman judges and what it found. Prometheus has to scrape leadsman for it.

use super::super::panel::{GOOD, Query};
use super::Item::{Graph, Number};
use super::{Board, Choice, Row, bad_from};
use crate::grafana::model::Step;

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
                Number(
                    Query {
                        title: "Critical",
                        help: "Troubles to be looked at now.",
                        unit: "short",
                        lines: &[(
                            r#"sum(leadsman_findings{severity="critical",state="firing"})"#,
                            "firing",
                        )],
                    },
                    &[GOOD, bad_from(1.0)],
                ),
                Number(
                    Query {
                        title: "Warnings",
                        help: "Troubles to be looked at in working hours.",
                        unit: "short",
                        lines: &[(
                            r#"sum(leadsman_findings{severity="warning",state="firing"})"#,
                            "firing",
                        )],
                    },
                    &[
                        GOOD,
                        Step {
                            value: Some(1.0),
                            color: "orange",
                        },
                    ],
                ),
                Number(
                    Query {
                        title: "Pending",
                        help: "What may become a trouble if it goes on.",
                        unit: "short",
                        lines: &[(r#"sum(leadsman_findings{state="pending"})"#, "pending")],
                    },
                    &[GOOD],
                ),
                Number(
                    Query {
                        title: "Series that are judged",
                        help: "Series of signals, of all targets.",
                        unit: "short",
                        lines: &[("sum(leadsman_judged_series)", "series")],
                    },
                    &[GOOD],
                ),
            ],
        },
        Row {
            title: "What was told",
            items: &[
                Graph(Query {
                    title: "Troubles",
                    help: "Troubles that there are, by severity and state.",
                    unit: "short",
                    lines: &[(
                        "sum by (severity, state) (leadsman_findings)",
                        "{{severity}} {{state}}",
                    )],
                }),
                Graph(Query {
                    title: "Told in an hour",
                    help: "Changes of state of findings, by job.",
                    unit: "short",
                    lines: &[(
                        "sum by (job, state) (increase(leadsman_findings_total[1h]))",
                        "{{job}} {{state}}",
                    )],
                }),
                Graph(Query {
                    title: "The most surprising",
                    help: "Scores of the twenty signals that are least as usual: from 0.5 on something begins.",
                    unit: "percentunit",
                    lines: &[(
                        "topk(20, leadsman_baseline_score)",
                        "{{job}} {{instance}} {{signal}}",
                    )],
                }),
            ],
        },
        SIGNAL,
    ],
};

/// The name of a signal's metric ends with its unit, which its bands do not have.
const SIGNAL: Row = Row {
    title: "$signal",
    items: &[
        Graph(Query {
            title: "$signal and what is usual",
            help: "The signal of the chosen targets, what was expected, and the ends of what is usual.",
            unit: "short",
            lines: &[
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
        }),
        Graph(Query {
            title: "How surprising $signal is",
            help: "0 to 1; from 0.5 on something begins.",
            unit: "percentunit",
            lines: &[(
                r#"leadsman_baseline_score{signal="$signal",job=~"$job",instance=~"$instance"}"#,
                "{{job}} {{instance}}",
            )],
        }),
    ],
};

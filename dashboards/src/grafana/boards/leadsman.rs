//! leadsman itself: see `exporter/METRICS.md`.

use super::Item::Signal;
use super::{Board, COUNT, Choice, NONE_SHOULD_BE, Row, graph, number};

pub(super) const BOARD: Board = Board {
    name: "leadsman",
    title: "leadsman",
    about: "What leadsman does and what it costs: soundings, the log, the archive, receivers, its own endpoints.",
    components: &[],
    choice: Choice::Leadsmen,
    rows: &[
        OVERVIEW, SOUNDINGS, PROFILES, LOG, ARCHIVE, RECEIVERS, PROCESS,
    ],
};

const OVERVIEW: Row = Row {
    title: "At a glance",
    items: &[
        number(
            "Targets",
            "Targets that are sounded.",
            &[(r#"sum(leadsman_targets{instance=~"$instance"})"#, "")],
            COUNT,
        ),
        number(
            "Scrapes that fail",
            "Failed scrapes of the last five minutes.",
            &[(
                r#"sum(increase(leadsman_scrape_failures_total{instance=~"$instance"}[5m])) or vector(0)"#,
                "",
            )],
            NONE_SHOULD_BE,
        ),
        number(
            "The log takes nothing",
            "leadsmen whose log cannot be written: the disk is full or broken.",
            &[(
                r#"count(leadsman_log_writable{instance=~"$instance"} == 0) or vector(0)"#,
                "",
            )],
            NONE_SHOULD_BE,
        ),
        number(
            "The archive takes nothing",
            "leadsmen whose archive cannot be written; rows wait in the log.",
            &[(
                r#"count(leadsman_archive_writable{instance=~"$instance"} == 0) or vector(0)"#,
                "",
            )],
            NONE_SHOULD_BE,
        ),
        number(
            "Lost to receivers",
            "Items that receivers did not get within a day, refused or out of time.",
            &[(
                r#"sum(increase(leadsman_otlp_dropped_items_total{instance=~"$instance"}[1d])) or vector(0)"#,
                "",
            )],
            NONE_SHOULD_BE,
        ),
        number(
            "Lost to the archive",
            "Samples and captures that could not be archived within a day.",
            &[(
                r#"sum(increase(leadsman_archive_dropped_total{instance=~"$instance"}[1d])) or vector(0)"#,
                "",
            )],
            NONE_SHOULD_BE,
        ),
    ],
};

const SOUNDINGS: Row = Row {
    title: "Scrapes",
    items: &[
        graph(
            "Samples",
            "Samples scraped in a second, by job.",
            "cps",
            &[(
                r#"sum by (job) (rate(leadsman_scrape_samples_total{instance=~"$instance"}[5m]))"#,
                "{{job}}",
            )],
        ),
        graph(
            "Time of a scrape",
            "99th percentile from the request until its record is queued.",
            "s",
            &[(
                r#"histogram_quantile(0.99, sum by (job, le) (rate(leadsman_scrape_duration_seconds_bucket{instance=~"$instance"}[5m])))"#,
                "{{job}}",
            )],
        ),
        graph(
            "Scrapes that did not go well",
            "Failed, missed, and good pages of which samples were left out; within five minutes.",
            "short",
            &[
                (
                    r#"sum by (job, reason) (increase(leadsman_scrape_failures_total{instance=~"$instance"}[5m]))"#,
                    "failed: {{job}} {{reason}}",
                ),
                (
                    r#"sum by (job, reason) (increase(leadsman_scrape_missed_total{instance=~"$instance"}[5m]))"#,
                    "missed: {{job}} {{reason}}",
                ),
                (
                    r#"sum by (job, reason) (increase(leadsman_scrape_issues_total{instance=~"$instance"}[5m]))"#,
                    "left out: {{job}} {{reason}}",
                ),
            ],
        ),
    ],
};

const PROFILES: Row = Row {
    title: "Profiles",
    items: &[
        graph(
            "Profiles taken",
            "Profiles in a second, by kind.",
            "cps",
            &[(
                r#"sum by (kind) (rate(leadsman_profile_taken_total{instance=~"$instance"}[5m]))"#,
                "{{kind}}",
            )],
        ),
        graph(
            "Time targets spend on it",
            "Part of the time in which a target was being profiled.",
            "percentunit",
            &[(
                r#"sum by (job) (rate(leadsman_profile_seconds_total{instance=~"$instance"}[5m]))"#,
                "{{job}}",
            )],
        ),
        graph(
            "Profiles that did not go well",
            "Failed, missed and skipped within five minutes.",
            "short",
            &[
                (
                    r#"sum by (job, kind, reason) (increase(leadsman_profile_failures_total{instance=~"$instance"}[5m]))"#,
                    "failed: {{job}} {{kind}} {{reason}}",
                ),
                (
                    r#"sum by (job, kind, reason) (increase(leadsman_profile_missed_total{instance=~"$instance"}[5m]))"#,
                    "missed: {{job}} {{kind}} {{reason}}",
                ),
                (
                    r#"sum by (job, kind, reason) (increase(leadsman_profile_skipped_total{instance=~"$instance"}[5m]))"#,
                    "skipped: {{job}} {{kind}} {{reason}}",
                ),
            ],
        ),
    ],
};

const LOG: Row = Row {
    title: "The log",
    items: &[
        graph(
            "Size",
            "Of the log on the disk.",
            "bytes",
            &[(
                r#"leadsman_log_bytes{instance=~"$instance"}"#,
                "{{instance}}",
            )],
        ),
        graph(
            "Written",
            "Bytes that became durable in a second.",
            "binBps",
            &[(
                r#"rate(leadsman_log_end_position{instance=~"$instance"}[5m])"#,
                "{{instance}}",
            )],
        ),
        graph(
            "Time of a sync",
            "What the disk took on average.",
            "s",
            &[(
                r#"rate(leadsman_log_sync_seconds_total{instance=~"$instance"}[5m]) / rate(leadsman_log_syncs_total{instance=~"$instance"}[5m])"#,
                "{{instance}}",
            )],
        ),
        graph(
            "What readers have still to do",
            "Of the log, by reader.",
            "bytes",
            &[(
                r#"leadsman_log_reader_lag_bytes{instance=~"$instance"}"#,
                "{{reader}}",
            )],
        ),
        graph(
            "Deleted before it was read",
            "For the disk budget, or damaged.",
            "binBps",
            &[
                (
                    r#"rate(leadsman_log_reader_pruned_bytes_total{instance=~"$instance"}[5m])"#,
                    "pruned: {{reader}}",
                ),
                (
                    r#"rate(leadsman_log_reader_damaged_bytes_total{instance=~"$instance"}[5m])"#,
                    "damaged: {{reader}}",
                ),
            ],
        ),
        graph(
            "Records not taken",
            "Refused as the queue was full or they were too large, and writes that failed.",
            "short",
            &[
                (
                    r#"increase(leadsman_log_refused_records_total{instance=~"$instance"}[5m])"#,
                    "refused",
                ),
                (
                    r#"increase(leadsman_log_write_errors_total{instance=~"$instance"}[5m])"#,
                    "failed",
                ),
            ],
        ),
    ],
};

const ARCHIVE: Row = Row {
    title: "The archive",
    items: &[
        graph(
            "Rows",
            "Rows that went to files in a second, by table.",
            "cps",
            &[(
                r#"sum by (table) (rate(leadsman_archive_rows_total{instance=~"$instance"}[15m]))"#,
                "{{table}}",
            )],
        ),
        graph(
            "Growth in a day",
            "What the files written lately would come to within a day, before they are merged.",
            "bytes",
            &[(
                r#"sum by (table) (rate(leadsman_archive_bytes_total{instance=~"$instance"}[1h])) * 86400"#,
                "{{table}}",
            )],
        ),
        graph(
            "Time of a flush",
            "99th percentile; and flushes that failed within an hour.",
            "s",
            &[(
                r#"histogram_quantile(0.99, sum by (le) (rate(leadsman_archive_flush_duration_seconds_bucket{instance=~"$instance"}[1h])))"#,
                "p99",
            )],
        ),
        graph(
            "Rows that wait",
            "Memory of rows that are not in a file yet.",
            "bytes",
            &[(
                r#"leadsman_archive_buffer_bytes{instance=~"$instance"}"#,
                "{{instance}}",
            )],
        ),
        graph(
            "To be merged",
            "Size of the files that are to be merged next.",
            "bytes",
            &[(
                r#"leadsman_keeper_backlog_bytes{instance=~"$instance"}"#,
                "{{instance}}",
            )],
        ),
        graph(
            "What the keeper costs",
            "CPU of merging, rolling up and deleting.",
            "suffix: cores",
            &[(
                r#"rate(leadsman_keeper_cpu_seconds_total{instance=~"$instance"}[1h])"#,
                "{{instance}}",
            )],
        ),
    ],
};

const RECEIVERS: Row = Row {
    title: "Receivers",
    items: &[
        graph(
            "Sent",
            "Items that receivers accepted in a second.",
            "cps",
            &[(
                r#"sum by (receiver, signal) (rate(leadsman_otlp_sent_items_total{instance=~"$instance"}[5m]))"#,
                "{{receiver}} {{signal}}",
            )],
        ),
        graph(
            "Not sent yet",
            "Bytes of the log, by receiver.",
            "bytes",
            &[(
                r#"leadsman_otlp_lag_bytes{instance=~"$instance"}"#,
                "{{receiver}}",
            )],
        ),
        graph(
            "Tried again and dropped",
            "Requests and items within five minutes, by reason.",
            "short",
            &[
                (
                    r#"sum by (receiver, reason) (increase(leadsman_otlp_retries_total{instance=~"$instance"}[5m]))"#,
                    "again: {{receiver}} {{reason}}",
                ),
                (
                    r#"sum by (receiver, reason) (increase(leadsman_otlp_dropped_items_total{instance=~"$instance"}[5m]))"#,
                    "dropped: {{receiver}} {{reason}}",
                ),
            ],
        ),
        graph(
            "Time of a request",
            "99th percentile until a receiver answered.",
            "s",
            &[(
                r#"histogram_quantile(0.99, sum by (receiver, le) (rate(leadsman_otlp_request_duration_seconds_bucket{instance=~"$instance"}[5m])))"#,
                "{{receiver}}",
            )],
        ),
        graph(
            "Alerts told",
            "To Alertmanagers and webhooks, within an hour; and requests that failed.",
            "short",
            &[
                (
                    r#"sum by (receiver) (increase(leadsman_alert_sent_total{instance=~"$instance"}[1h]))"#,
                    "told: {{receiver}}",
                ),
                (
                    r#"sum by (receiver, reason) (increase(leadsman_alert_failures_total{instance=~"$instance"}[1h]))"#,
                    "failed: {{receiver}} {{reason}}",
                ),
            ],
        ),
        graph(
            "Answers",
            "Of leadsman's own endpoints in a second, by code.",
            "cps",
            &[(
                r#"sum by (code) (rate(leadsman_http_responses_total{instance=~"$instance"}[5m]))"#,
                "{{code}}",
            )],
        ),
    ],
};

const PROCESS: Row = Row {
    title: "Process",
    items: &[
        Signal("process_cpu"),
        Signal("process_resident_memory"),
        graph(
            "Memory of the allocator",
            "What the program has allocated, and what the allocator holds for it.",
            "bytes",
            &[
                (
                    r#"leadsman_allocator_allocated_bytes{instance=~"$instance"}"#,
                    "allocated {{instance}}",
                ),
                (
                    r#"leadsman_allocator_resident_bytes{instance=~"$instance"}"#,
                    "resident {{instance}}",
                ),
            ],
        ),
    ],
};

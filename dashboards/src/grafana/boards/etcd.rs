//! etcd. What people know from the dashboard of etcd's own mixin (contrib/mixin in its repository)
//! is all here; its panel "Raft proposals" asks for leader changes, ours for proposals.

use super::super::panel::GOOD;
use super::Item::{Signal, Worst};
use super::{Board, Choice, NONE_SHOULD_BE, Row, Step, bad_from, graph, number, warn_from};

const BAD: Step = Step {
    value: None,
    color: "red",
};
const GOOD_FROM_ONE: Step = Step {
    value: Some(1.0),
    color: "green",
};

pub(super) const BOARD: Board = Board {
    name: "etcd",
    title: "etcd",
    about: "Requests, disk, database, network and consensus of etcd, each beside what is usual for it.",
    components: &["etcd"],
    choice: Choice::Targets(&["etcd_server_has_leader", "leadsman_signal_etcd_has_leader"]),
    rows: &[
        OVERVIEW, REQUESTS, DISK, DATABASE, RAFT, NETWORK, WATCHES, PROCESS,
    ],
};

const OVERVIEW: Row = Row {
    title: "At a glance",
    items: &[
        number(
            "Members with a leader",
            "Members that answer and know a leader. A majority of the cluster is needed.",
            &[(
                r#"sum(leadsman_signal_etcd_has_leader{job=~"$job",instance=~"$instance"} or etcd_server_has_leader{job=~"$job",instance=~"$instance"})"#,
                "members",
            )],
            &[BAD, GOOD_FROM_ONE],
        ),
        number(
            "Members that are down",
            "Targets whose last scrape failed.",
            &[(
                r#"count((leadsman_signal_target_up{job=~"$job",instance=~"$instance"} or up{job=~"$job",instance=~"$instance"}) == 0) or vector(0)"#,
                "down",
            )],
            NONE_SHOULD_BE,
        ),
        Worst("etcd_db_quota_used", "Quota used"),
        Worst("etcd_wal_fsync_p99", "Slowest WAL fsync"),
        number(
            "Leader changes in a day",
            "The most that a member has seen within a day. Prometheus has to scrape etcd itself for it.",
            &[(
                r#"max(changes(etcd_server_leader_changes_seen_total{job=~"$job",instance=~"$instance"}[1d]))"#,
                "changes",
            )],
            &[GOOD, warn_from(1.0), bad_from(4.0)],
        ),
        number(
            "Troubles",
            "What leadsman tells of now, of all targets.",
            &[(r#"sum(leadsman_findings{state="firing"})"#, "firing")],
            NONE_SHOULD_BE,
        ),
    ],
};

const REQUESTS: Row = Row {
    title: "Requests",
    items: &[
        Signal("etcd_grpc_requests"),
        Signal("etcd_grpc_failures"),
        Signal("etcd_client_streams"),
        Signal("etcd_grpc_unary_p99"),
        Signal("etcd_request_p99"),
        Signal("etcd_apply_p99"),
    ],
};

const DISK: Row = Row {
    title: "Disk",
    items: &[
        Signal("etcd_wal_fsync_p99"),
        Signal("etcd_backend_commit_p99"),
        Signal("etcd_wal_fsyncs"),
    ],
};

const DATABASE: Row = Row {
    title: "Database",
    items: &[
        Signal("etcd_db_size"),
        Signal("etcd_db_in_use"),
        Signal("etcd_db_quota_used"),
        Signal("etcd_db_fragmentation"),
        Signal("etcd_keys"),
        Signal("etcd_open_read_transactions"),
    ],
};

const RAFT: Row = Row {
    title: "Consensus",
    items: &[
        graph(
            "Proposals",
            "Proposals that were agreed on and that were carried out, in a second; those that wait; those that failed. What is agreed on everywhere and carried out later is a slow disk.",
            "short",
            &[
                (
                    r#"rate(etcd_server_proposals_committed_total{job=~"$job",instance=~"$instance"}[5m])"#,
                    "committed/s {{job}} {{instance}}",
                ),
                (
                    r#"rate(etcd_server_proposals_applied_total{job=~"$job",instance=~"$instance"}[5m])"#,
                    "applied/s {{job}} {{instance}}",
                ),
                (
                    r#"etcd_server_proposals_pending{job=~"$job",instance=~"$instance"}"#,
                    "pending {{job}} {{instance}}",
                ),
                (
                    r#"rate(etcd_server_proposals_failed_total{job=~"$job",instance=~"$instance"}[5m])"#,
                    "failed/s {{job}} {{instance}}",
                ),
            ],
        ),
        Signal("etcd_proposals_pending"),
        Signal("etcd_proposals_failed"),
        Signal("etcd_leader_changes"),
        Signal("etcd_is_leader"),
        Signal("etcd_proposals_lag"),
        Signal("etcd_slow_applies"),
        Signal("etcd_slow_read_indexes"),
        Signal("etcd_heartbeat_send_failures"),
    ],
};

const NETWORK: Row = Row {
    title: "Network",
    items: &[
        Signal("etcd_client_received"),
        Signal("etcd_client_sent"),
        Signal("etcd_peer_rtt_p99"),
        Signal("etcd_peer_received"),
        Signal("etcd_peer_sent"),
        Signal("etcd_peer_send_failures"),
    ],
};

const WATCHES: Row = Row {
    title: "Watches and leases",
    items: &[
        Signal("etcd_watchers"),
        Signal("etcd_slow_watchers"),
        Signal("etcd_pending_events"),
        Signal("etcd_events"),
        Signal("etcd_leases_granted"),
        Signal("etcd_leases_expired"),
    ],
};

const PROCESS: Row = Row {
    title: "Process",
    items: &[
        Signal("process_resident_memory"),
        Signal("process_cpu"),
        Signal("go_goroutines"),
        Signal("go_heap_live"),
        Signal("etcd_fds_used"),
        Signal("target_up"),
    ],
};

//! The cluster-etcd-operator, and with it any controller made with Kubernetes' libraries.

use super::Item::Signal;
use super::{Board, Choice, Row};

pub(super) const BOARD: Board = Board {
    name: "cluster-etcd-operator",
    title: "cluster-etcd-operator and controllers",
    about: "Work queues, requests to the API server and certificates of the cluster-etcd-operator and of other controllers.",
    components: &["cluster-etcd-operator"],
    choice: Choice::Targets(&["workqueue_depth", "leadsman_signal_workqueue_depth"]),
    rows: &[
        Row {
            title: "Certificates",
            items: &[Signal("ceo_signer_expiry")],
        },
        Row {
            title: "Work queues",
            items: &[
                Signal("workqueue_depth"),
                Signal("workqueue_wait_p99"),
                Signal("workqueue_work_p99"),
                Signal("workqueue_adds"),
                Signal("workqueue_retries"),
                Signal("workqueue_longest_running"),
            ],
        },
        Row {
            title: "Requests to the API server",
            items: &[
                Signal("api_client_requests"),
                Signal("api_client_failures"),
                Signal("api_client_p99"),
            ],
        },
        Row {
            title: "Process",
            items: &[
                Signal("process_cpu"),
                Signal("process_resident_memory"),
                Signal("go_goroutines"),
            ],
        },
    ],
};

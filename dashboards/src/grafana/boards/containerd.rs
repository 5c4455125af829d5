//! containerd.

use super::Item::Signal;
use super::{Board, Choice, Row};

pub(super) const BOARD: Board = Board {
    name: "containerd",
    title: "containerd",
    about: "Sandboxes, containers, images, networks and garbage collection of containerd, each beside what is usual for it.",
    components: &["containerd"],
    choice: Choice::Targets(&[
        "containerd_build_info_total",
        "leadsman_signal_containerd_grpc_requests_per_second",
    ]),
    rows: &[
        Row {
            title: "Requests",
            items: &[
                Signal("containerd_grpc_requests"),
                Signal("containerd_grpc_failures"),
                Signal("containerd_grpc_unary_p99"),
            ],
        },
        Row {
            title: "Sandboxes",
            items: &[
                Signal("containerd_sandbox_runtime_create_p99"),
                Signal("containerd_sandbox_create_network_p99"),
                Signal("containerd_sandbox_runtime_stop_p99"),
            ],
        },
        Row {
            title: "Containers",
            items: &[
                Signal("containerd_container_create_p99"),
                Signal("containerd_container_start_p99"),
                Signal("containerd_container_stop_p99"),
                Signal("containerd_containers"),
                Signal("containerd_containers_cpu"),
                Signal("containerd_containers_memory"),
            ],
        },
        Row {
            title: "Images",
            items: &[
                Signal("containerd_image_pulls"),
                Signal("containerd_image_pull_failures"),
                Signal("containerd_image_pull_throughput"),
            ],
        },
        Row {
            title: "Pulls and starts by phase, from traces",
            items: &[
                Signal("containerd_trace_pull_p99"),
                Signal("containerd_trace_pull_phase_p99"),
                Signal("containerd_trace_pull_phase_mean"),
                Signal("containerd_trace_start_p99"),
                Signal("containerd_trace_start_phase_p99"),
                Signal("containerd_trace_start_phase_mean"),
            ],
        },
        Row {
            title: "Garbage collection and events",
            items: &[
                Signal("containerd_gcs"),
                Signal("containerd_gc_p99"),
                Signal("containerd_events_dropped"),
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

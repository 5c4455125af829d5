//! The kubelet, and the node below it as Prometheus' node exporter tells of it.

use super::Item::Signal;
use super::{Board, Choice, Row, graph};

pub(super) const BOARD: Board = Board {
    name: "node",
    title: "Kubelet and node",
    about: "The kubelet's loops and operations; CPU, memory, disks, pressure and network of the node, by the node exporter.",
    components: &["kubelet"],
    choice: Choice::Targets(&[
        "kubelet_running_pods",
        "leadsman_signal_kubelet_running_pods",
        "node_uname_info",
    ]),
    rows: &[
        Row {
            title: "Kubelet",
            items: &[
                Signal("kubelet_pleg_relist_p99"),
                Signal("kubelet_runtime_operation_p99"),
                Signal("kubelet_runtime_errors"),
                Signal("kubelet_pod_start_p99"),
                Signal("kubelet_running_pods"),
                Signal("kubelet_evictions"),
            ],
        },
        NODE,
        Row {
            title: "Disks and network of the node",
            items: &[
                graph(
                    "Time of a disk's write",
                    "What a write took on average, waiting in the queue included. etcd wants less than 10 ms.",
                    "s",
                    &[(
                        r#"rate(node_disk_write_time_seconds_total{job=~"$job",instance=~"$instance"}[5m]) / (rate(node_disk_writes_completed_total{job=~"$job",instance=~"$instance"}[5m]) > 0)"#,
                        "{{instance}} {{device}}",
                    )],
                ),
                graph(
                    "Disks that are busy",
                    "Part of the time in which a disk had something to do.",
                    "percentunit",
                    &[(
                        r#"rate(node_disk_io_time_seconds_total{job=~"$job",instance=~"$instance"}[5m])"#,
                        "{{instance}} {{device}}",
                    )],
                ),
                graph(
                    "Network",
                    "Received and sent, without the loopback device.",
                    "binBps",
                    &[
                        (
                            r#"sum by (job, instance) (rate(node_network_receive_bytes_total{job=~"$job",instance=~"$instance",device!="lo"}[5m]))"#,
                            "received {{instance}}",
                        ),
                        (
                            r#"sum by (job, instance) (rate(node_network_transmit_bytes_total{job=~"$job",instance=~"$instance",device!="lo"}[5m]))"#,
                            "sent {{instance}}",
                        ),
                    ],
                ),
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

const NODE: Row = Row {
    title: "Node",
    items: &[
        graph(
            "CPU of the node",
            "Cores in use, by what for.",
            "suffix: cores",
            &[(
                r#"sum by (job, instance, mode) (rate(node_cpu_seconds_total{job=~"$job",instance=~"$instance",mode!="idle"}[5m]))"#,
                "{{instance}} {{mode}}",
            )],
        ),
        graph(
            "Memory that is left",
            "What programs can still get without swapping.",
            "bytes",
            &[(
                r#"node_memory_MemAvailable_bytes{job=~"$job",instance=~"$instance"}"#,
                "{{instance}}",
            )],
        ),
        graph(
            "Pressure",
            "Part of the time in which something waited for CPU, memory or disks (kernels with pressure stall information).",
            "percentunit",
            &[
                (
                    r#"rate(node_pressure_cpu_waiting_seconds_total{job=~"$job",instance=~"$instance"}[5m])"#,
                    "CPU {{instance}}",
                ),
                (
                    r#"rate(node_pressure_memory_waiting_seconds_total{job=~"$job",instance=~"$instance"}[5m])"#,
                    "memory {{instance}}",
                ),
                (
                    r#"rate(node_pressure_io_waiting_seconds_total{job=~"$job",instance=~"$instance"}[5m])"#,
                    "disks {{instance}}",
                ),
            ],
        ),
    ],
};

//! The Go runtime and the process of any service.

use super::Item::Signal;
use super::{Board, Choice, Row};

pub(super) const BOARD: Board = Board {
    name: "go",
    title: "Go runtime and process",
    about: "CPU, memory, goroutines and garbage collection of any Go service, each beside what is usual for it.",
    components: &["target", "process", "go"],
    choice: Choice::Targets(&[
        "go_goroutines",
        "process_cpu_seconds_total",
        "leadsman_signal_process_cpu_cores",
    ]),
    rows: &[
        Row {
            title: "Target",
            items: &[
                Signal("target_up"),
                Signal("target_scrape_duration"),
                Signal("target_samples"),
            ],
        },
        Row {
            title: "Process",
            items: &[
                Signal("process_cpu"),
                Signal("process_resident_memory"),
                Signal("process_open_fds"),
            ],
        },
        Row {
            title: "Goroutines and threads",
            items: &[
                Signal("go_goroutines"),
                Signal("go_threads"),
                Signal("go_sched_latency_p99"),
            ],
        },
        Row {
            title: "Heap",
            items: &[
                Signal("go_heap_live"),
                Signal("go_heap_in_use"),
                Signal("go_memory"),
                Signal("go_allocated"),
                Signal("go_mallocs"),
                Signal("go_heap_objects"),
            ],
        },
        Row {
            title: "Garbage collection",
            items: &[
                Signal("go_gcs"),
                Signal("go_gc_pause_max"),
                Signal("go_gc_paused"),
            ],
        },
    ],
};

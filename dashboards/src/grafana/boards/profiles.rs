//! Profiles from leadsman's archive, by the data source of Grafana for Pyroscope.

use super::super::panel::Profile;
use super::Item::{Flame, Signal, Totals};
use super::{Board, Choice, Row};

const CPU: &str = "process_cpu:cpu:nanoseconds:cpu:nanoseconds";
const IN_USE: &str = "memory:inuse_space:bytes:space:bytes";
const ALLOCATED: &str = "memory:alloc_space:bytes:space:bytes";
const GOROUTINES: &str = "goroutine:goroutine:count:goroutine:count";
const MUTEX: &str = "mutex:delay:nanoseconds:contentions:count";

pub(super) const BOARD: Board = Board {
    name: "profiles",
    title: "Profiles",
    about: "Flame graphs of a service over the chosen time, and what its profiles come to.",
    components: &["profiles"],
    choice: Choice::Services,
    rows: &[
        Row {
            title: "What profiles come to",
            items: &[
                Totals(Profile {
                    title: "CPU time",
                    help: "CPU time in the profiles that were taken.",
                    type_id: CPU,
                    unit: "ns",
                }),
                Totals(Profile {
                    title: "Heap in use",
                    help: "Memory that the heap profile saw in use.",
                    type_id: IN_USE,
                    unit: "bytes",
                }),
                Totals(Profile {
                    title: "Goroutines",
                    help: "Goroutines that there were.",
                    type_id: GOROUTINES,
                    unit: "short",
                }),
            ],
        },
        Row {
            title: "CPU",
            items: &[Flame(Profile {
                title: "CPU time",
                help: "Where the CPU time of the chosen range went.",
                type_id: CPU,
                unit: "ns",
            })],
        },
        Row {
            title: "Heap",
            items: &[
                Flame(Profile {
                    title: "Heap in use",
                    help: "Who allocated what is in use; the mean of the chosen range.",
                    type_id: IN_USE,
                    unit: "bytes",
                }),
                Flame(Profile {
                    title: "Allocated",
                    help: "Who allocated in the chosen range.",
                    type_id: ALLOCATED,
                    unit: "bytes",
                }),
            ],
        },
        Row {
            title: "Goroutines and locks",
            items: &[
                Flame(Profile {
                    title: "Goroutines",
                    help: "Where goroutines were; the mean of the chosen range.",
                    type_id: GOROUTINES,
                    unit: "short",
                }),
                Flame(Profile {
                    title: "Contention",
                    help: "Who held locks for which others waited.",
                    type_id: MUTEX,
                    unit: "ns",
                }),
            ],
        },
        Row {
            title: "Signals of profiles",
            items: &[
                Signal("profile_cpu"),
                Signal("profile_cpu_total"),
                Signal("profile_allocated"),
                Signal("profile_heap_in_use"),
                Signal("profile_heap_total"),
                Signal("profile_goroutine_states"),
            ],
        },
    ],
};

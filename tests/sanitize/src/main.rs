//! The CPU profiler's signal handler under a sanitizer, while threads allocate, take locks, end and
//! begin: what it interrupts and what it unwinds from. `make sanitize` runs it.

#[path = "../../../collector/src/telemetry/profiler/maps.rs"]
#[expect(dead_code, reason = "symbols are not looked up here")]
mod maps;
#[path = "../../../collector/src/telemetry/profiler/samples.rs"]
mod samples;
#[path = "../../../collector/src/telemetry/profiler/signal.rs"]
mod signal;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use signal::{SAMPLES, Sampling};

/// Often: ten times what leadsman samples with.
const HZ: u32 = 999;
const ROUNDS: usize = 20;
const ROUND: Duration = Duration::from_millis(250);

fn main() {
    let mut n_samples = 0;
    for _ in 0..ROUNDS {
        n_samples += round();
    }
    assert!(n_samples > ROUNDS, "only {n_samples} samples");
    println!("{n_samples} samples in {ROUNDS} profiles");
}

/// One profile; returns how many samples it has.
fn round() -> usize {
    let mappings = maps::of_this_process().expect("/proc is there");
    let sampling = Sampling::start(HZ, &mappings);
    let sampling = sampling.expect("a timer can be set").expect("it is free");
    let second = Sampling::start(HZ, &mappings).expect("a timer can be set");
    assert!(second.is_none(), "two profiles at once");
    let (end, shared) = (Instant::now() + ROUND, Mutex::new(BTreeMap::new()));
    let mut n_samples = 0;
    thread::scope(|scope| {
        for seed in 0..3 {
            let shared = &shared;
            scope.spawn(move || {
                while Instant::now() < end {
                    thread::scope(|inner| {
                        inner.spawn(|| work(seed, 200, shared));
                    });
                }
            });
        }
        while Instant::now() < end {
            SAMPLES.drain(|stack| n_samples += usize::from(!stack.is_empty()));
            thread::sleep(Duration::from_millis(2));
        }
    });
    drop(sampling);
    while !SAMPLES.drain(|_| n_samples += 1) {}
    SAMPLES.take_lost();
    n_samples
}

/// Allocates, frees, locks and recurses.
fn work(seed: usize, depth: usize, shared: &Mutex<BTreeMap<usize, Vec<u8>>>) {
    let text = format!("{seed} {depth}").into_bytes();
    shared.lock().expect("nobody panics").insert(depth % 17, text);
    if depth > 0 {
        work(seed, depth - 1, shared);
    }
}

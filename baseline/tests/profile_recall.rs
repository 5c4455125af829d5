//! Changes put into the profiles of a made program: which are found, how soon, and how often there is
//! a finding without one. `cargo test -p leadsman-baseline --test profile_recall -- --nocapture
//! --include-ignored` prints the table.
//!
//! A profile of ten seconds comes every minute, sampled a hundred times a second of CPU time as Go
//! does. Days are learned; each change then gets a copy of what was learned.

use std::collections::BTreeSet;
use std::sync::Arc;

use leadsman_baseline::assess::{Assessor, Options};
use leadsman_baseline::catalogue::{Direction, FromProfile, Measure, Signal, Source, Unit};
use leadsman_baseline::causes::{Cause, Causes, Function};
use leadsman_baseline::profiles::{ProfileEvaluator, ProfileProgram, Taken};
use proto::finding::FindingState;
use proto::profile::{Line, Location, Profile, ProfileBuilder, StackId, ValueType};
use proto::{Finding, Labels, ProfileRecord, Target, UnixMillis};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1440;
/// 2026-03-02, a Monday. Minutes since 1970.
const START: i64 = 1_772_409_600_000 / MINUTE;
const SIZES: [f64; 6] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
/// The function that changes, and how much of the CPU it usually takes.
const CULPRIT: &str = "auth.verify";

/// Stacks of the program, with their shares of what it does.
const STACKS: [(&str, f64); 24] = [
    (
        "main.main;main.serve;rpc.handle;auth.check;auth.verify",
        0.04,
    ),
    (
        "main.main;main.serve;rpc.handle;auth.check;auth.lookup",
        0.02,
    ),
    ("main.main;main.serve;rpc.handle;rpc.read;json.decode", 0.10),
    (
        "main.main;main.serve;rpc.handle;rpc.read;json.decode;runtime.mallocgc",
        0.04,
    ),
    (
        "main.main;main.serve;rpc.handle;rpc.read;syscall.Read",
        0.06,
    ),
    ("main.main;main.serve;rpc.handle;store.get;btree.find", 0.09),
    ("main.main;main.serve;rpc.handle;store.get;cache.get", 0.05),
    (
        "main.main;main.serve;rpc.handle;store.put;wal.append;crc32.update",
        0.03,
    ),
    (
        "main.main;main.serve;rpc.handle;store.put;wal.append;syscall.Write",
        0.08,
    ),
    (
        "main.main;main.serve;rpc.handle;store.put;btree.insert",
        0.05,
    ),
    (
        "main.main;main.serve;rpc.handle;rpc.write;json.encode",
        0.07,
    ),
    (
        "main.main;main.serve;rpc.handle;rpc.write;json.encode;runtime.mallocgc",
        0.03,
    ),
    (
        "main.main;main.serve;rpc.handle;rpc.write;syscall.Write",
        0.05,
    ),
    ("store.compact;btree.scan", 0.04),
    ("store.compact;btree.merge", 0.03),
    (
        "runtime.gcBgMarkWorker;runtime.gcDrain;runtime.scanobject",
        0.08,
    ),
    (
        "runtime.gcBgMarkWorker;runtime.gcDrain;runtime.greyobject",
        0.04,
    ),
    ("runtime.mcall;runtime.schedule;runtime.findRunnable", 0.06),
    (
        "runtime.mcall;runtime.schedule;runtime.findRunnable;runtime.futex",
        0.10,
    ),
    ("metrics.collect;metrics.write", 0.02),
    ("raft.run;raft.step;raft.send", 0.02),
    ("raft.run;raft.step;raft.commit", 0.01),
    ("raft.run;raft.tick", 0.005),
    ("watch.loop;watch.notify", 0.03),
];
/// What the culprit's cost moves to or from, below the same caller.
const SIBLING: &str = "main.main;main.serve;rpc.handle;auth.check;auth.verifyFast";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// More is spent from one profile to the next, to stay.
    Step,
    /// Over six hours, to stay.
    Ramp,
    /// For three minutes.
    Spike,
    /// As much less is spent in another function of the same caller.
    Shift,
    /// Three times as much of everything is done.
    Load,
}

/// What happens to the culprit: a part of all that is usually spent, added to it or moved.
#[derive(Clone, Copy, Debug)]
struct Injected {
    change: Change,
    size: f64,
    from: i64,
}

/// A program, what is told of it, and what is found.
#[derive(Clone)]
struct World {
    random: u64,
    /// CPU time that it takes, in cores.
    cores: f64,
    minute: i64,
    evaluator: Option<ProfileEvaluator>,
    assessor: Assessor,
    target: Arc<Target>,
}

impl World {
    fn new(seed: u64, cores: f64) -> Self {
        let target = Arc::new(Target {
            labels: Labels::from_pairs([("job", "made"), ("instance", "a")]),
            scheme: "http".to_owned(),
            address: "a".to_owned(),
        });
        let program = Arc::new(ProfileProgram::new(&signals(), idle()));
        let evaluator = program.evaluator(Arc::clone(&target), "process_cpu");
        Self {
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            cores,
            minute: START,
            evaluator,
            assessor: Assessor::new(signals().into_iter().map(Arc::new), Options::default()),
            target,
        }
    }

    fn uniform(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    /// Samples where so many are expected.
    fn poisson(&mut self, mean: f64) -> i64 {
        if mean > 30.0 {
            let n = mean + mean.sqrt() * self.normal();
            return n.round().max(0.0) as i64;
        }
        let (limit, mut product, mut n) = ((-mean).exp(), 1.0, -1);
        while product > limit {
            product *= self.uniform();
            n += 1;
        }
        n.max(0)
    }

    /// What is spent on each stack in this minute, as a part of what is usual in all.
    fn amounts(&mut self, injected: Option<Injected>) -> Vec<(&'static str, f64)> {
        let day = self.minute.rem_euclid(DAY) as f64 / DAY as f64;
        let load = (1.0 + 0.3 * (day * std::f64::consts::TAU).sin()) * (0.1 * self.normal()).exp();
        // Each night for an hour there is more to compact.
        let is_night = self.minute.rem_euclid(DAY) / 60 == 2;
        let mut amounts: Vec<_> = STACKS
            .iter()
            .map(|(stack, share)| {
                let is_compaction = stack.starts_with("store.compact");
                let more = if is_compaction && is_night { 4.0 } else { 1.0 };
                let own = (0.05 * self.normal()).exp();
                (*stack, share * load * more * own)
            })
            .collect();
        let Some(injected) = injected else {
            return amounts;
        };
        let lasted = self.minute - injected.from;
        let added = load * injected.size;
        let mut of_culprit = amounts
            .iter_mut()
            .filter(|(stack, _)| stack.ends_with(CULPRIT));
        let Some((_, culprit)) = of_culprit.next() else {
            return amounts;
        };
        match injected.change {
            Change::Step => *culprit += added,
            Change::Ramp => *culprit += added * (lasted as f64 / 360.0).min(1.0),
            Change::Spike if lasted < 3 => *culprit += added,
            Change::Spike => {}
            Change::Shift => {
                let moved = *culprit * (injected.size / 0.04).min(1.0);
                *culprit -= moved;
                amounts.push((SIBLING, moved));
            }
            Change::Load => amounts.iter_mut().for_each(|(_, amount)| *amount *= 3.0),
        }
        amounts
    }

    /// The next minute: what begins to fire.
    fn step(&mut self, injected: Option<Injected>) -> Vec<Finding> {
        self.minute += 1;
        let expected = 1000.0 * self.cores;
        let amounts = self.amounts(injected);
        let counts: Vec<(&str, i64)> = amounts
            .into_iter()
            .map(|(stack, amount)| (stack, self.poisson(expected * amount)))
            .filter(|(_, n)| *n > 0)
            .collect();
        let profile = profile(&counts);
        let time = UnixMillis(self.minute * MINUTE);
        let taken = Taken {
            profile: &profile,
            time,
            is_delta: true,
        };
        let evaluator = self.evaluator.as_mut();
        let batch = evaluator.and_then(|evaluator| evaluator.observe(taken).batch);
        let record = ProfileRecord {
            target: Arc::clone(&self.target),
            kind: "process_cpu".to_owned(),
            is_delta: true,
            profile,
        };
        self.assessor.see(&Arc::new(record));
        let findings = batch
            .into_iter()
            .flat_map(|batch| self.assessor.assess(&batch).findings);
        findings
            .filter(|finding| finding.state == FindingState::Firing && is_of_function(finding))
            .collect()
    }

    fn learned(seed: u64, cores: f64, n_days: i64) -> Self {
        let mut world = Self::new(seed, cores);
        // An odd hour, so that changes do not begin at midnight.
        for _ in 0..n_days * DAY + 500 {
            world.step(None);
        }
        world
    }

    /// What fires within some hours of a change: minutes after it, and of which function.
    fn after(mut self, change: Change, size: f64, n_hours: i64) -> Vec<(i64, String)> {
        let from = self.minute;
        let injected = Some(Injected { change, size, from });
        let minutes = (0..n_hours * 60).flat_map(|minute| {
            let findings = self.step(injected).into_iter();
            let told = findings.map(move |finding| (minute, function(&finding).to_owned()));
            told.collect::<Vec<_>>()
        });
        minutes.collect()
    }
}

fn is_of_function(finding: &Finding) -> bool {
    finding.labels.get("function").is_some()
}

fn function(finding: &Finding) -> &str {
    finding.labels.get("function").unwrap_or("")
}

fn signals() -> Vec<Signal> {
    let signal = |name: &str, measure, unit, bad| Signal {
        title: name.to_owned(),
        unit,
        source: Source::Profile(FromProfile {
            kind: "process_cpu".to_owned(),
            sample_type: "cpu".to_owned(),
            measure,
        }),
        bad,
        least_change: 0.02,
        ..Signal::blank(format!("profile_{name}"), "profiles")
    };
    vec![
        signal("cpu", Measure::PerSecond, Unit::Cores, Direction::Up),
        signal("samples", Measure::Samples, Unit::Count, Direction::None),
        signal("total", Measure::TotalShare, Unit::Ratio, Direction::Up),
    ]
}

fn idle() -> Causes {
    Causes::new(vec![Cause {
        name: "idle".to_owned(),
        functions: vec![Function::new("runtime.findRunnable")],
        with: Vec::new(),
        kinds: Vec::new(),
        components: Vec::new(),
        cause: "nothing to do".to_owned(),
        remedy: String::new(),
        references: Vec::new(),
        suppressed: true,
    }])
}

/// A profile of ten seconds of the CPU with so many samples of each stack.
fn profile(counts: &[(&str, i64)]) -> Profile {
    let mut builder = ProfileBuilder::new();
    let types = [("samples", "count"), ("cpu", "nanoseconds")].map(|(kind, unit)| ValueType {
        kind: builder.string(kind),
        unit: builder.string(unit),
    });
    let header = builder.profile_mut();
    header.sample_types = types.to_vec();
    (header.period_type, header.period) = (types[1], 10_000_000);
    header.duration_nanos = 10_000_000_000;
    let labels = builder.label_set(&[]);
    for (stack, n) in counts {
        let stack = stack_of(&mut builder, stack);
        builder.add_sample(stack, labels, &[*n, n * 10_000_000]);
    }
    builder.finish()
}

fn stack_of(builder: &mut ProfileBuilder, stack: &str) -> StackId {
    let locations: Vec<_> = stack
        .split(';')
        .rev()
        .map(|name| {
            let name = builder.string(name);
            let function = builder.function(proto::profile::Function {
                name,
                system_name: name,
                ..Default::default()
            });
            let line = Line {
                function,
                line: 1,
                column: 0,
            };
            builder.location(Location {
                lines: std::iter::once(line).collect(),
                ..Location::default()
            })
        })
        .collect();
    builder.stack(&locations)
}

/// Share of the worlds in which a change is found, the median delay of those in minutes, and how many
/// functions are told where something is found.
fn recall(learned: &[World], change: Change, size: f64) -> (f64, i64, f64) {
    let n_hours = if change == Change::Ramp { 8 } else { 3 };
    let mut delays = Vec::new();
    let mut n_told = 0;
    for world in learned {
        let told = world.clone().after(change, size, n_hours);
        let functions: BTreeSet<_> = told.iter().map(|(_, function)| function).collect();
        n_told += functions.len();
        delays.extend(told.first().map(|(minute, _)| *minute));
    }
    delays.sort_unstable();
    let n_found = delays.len() as f64;
    (
        n_found / learned.len() as f64,
        delays.get(delays.len() / 2).copied().unwrap_or(0),
        n_told as f64 / n_found.max(1.0),
    )
}

fn print_recall(learned: &[World], changes: &[Change]) -> Vec<Vec<(f64, i64, f64)>> {
    let rows = changes.iter().map(|&change| {
        let row: Vec<_> = SIZES
            .iter()
            .map(|&size| recall(learned, change, size))
            .collect();
        let cells = row.iter().map(|(share, minutes, n)| {
            format!("{:>3.0} % after {minutes:>3} min, {n:.1}", share * 100.0)
        });
        println!("  {change:>5?} {}", cells.collect::<Vec<_>>().join(" | "));
        row
    });
    rows.collect()
}

#[test]
fn a_step_is_told_once_of_the_function_that_made_it_and_a_spike_and_a_shift_are_not() {
    let world = World::learned(1, 0.5, 2);
    let told = world.clone().after(Change::Step, 0.2, 2);
    let functions: Vec<_> = told.iter().map(|(_, function)| function.as_str()).collect();
    assert_eq!(functions, [CULPRIT], "{told:?}");
    for change in [Change::Spike, Change::Shift, Change::Load] {
        let told = world.clone().after(change, 0.2, 2);
        assert!(told.is_empty(), "{change:?}: {told:?}");
    }
}

#[test]
#[ignore = "minutes of computing: for the tables of BENCHMARKS.md"]
fn recall_by_size_and_false_findings() {
    for cores in [0.1, 0.5, 2.0] {
        let learned: Vec<_> = (1..=5).map(|seed| World::learned(seed, cores, 3)).collect();
        println!("{cores} cores, changes of {SIZES:?} of what is spent");
        let changes = [Change::Step, Change::Ramp, Change::Spike, Change::Shift];
        print_recall(&learned, &changes);
        let mut n_false = 0;
        let n_weeks = 1;
        for world in &learned {
            let mut world = world.clone();
            for _ in 0..n_weeks * 7 * DAY {
                n_false += world.step(None).len();
            }
        }
        let n_false = n_false as f64 / (n_weeks as f64 * learned.len() as f64);
        println!("  {n_false:.2} findings a target-week without a change");
    }
}

//! Profiles, recorded and made, and what is told of them.

use proto::Labels;
use proto::metrics::{MetricBatch, is_absent, is_stale};
use proto::profile::ValueType;

use super::*;
use crate::catalogue::{Direction, Source, Unit};
use crate::causes::{Cause, Function};

const MINUTE: i64 = 60_000;

fn signal(name: &str, kind: &str, sample_type: &str, measure: Measure, unit: Unit) -> Signal {
    Signal {
        title: name.to_owned(),
        unit,
        source: Source::Profile(FromProfile {
            kind: kind.to_owned(),
            sample_type: sample_type.to_owned(),
            measure,
        }),
        bad: Direction::Up,
        ..Signal::blank(format!("profile_{name}"), "profiles")
    }
}

fn signals() -> Vec<Signal> {
    let cpu = |name, measure, unit| signal(name, "process_cpu", "cpu", measure, unit);
    let memory = |name, of, measure, unit| signal(name, "memory", of, measure, unit);
    vec![
        cpu("cpu", Measure::PerSecond, Unit::Cores),
        cpu("samples", Measure::Samples, Unit::Count),
        cpu("self", Measure::SelfShare, Unit::Ratio),
        cpu("total", Measure::TotalShare, Unit::Ratio),
        memory(
            "allocated",
            "alloc_space",
            Measure::PerSecond,
            Unit::BytesPerSecond,
        ),
        memory("heap", "inuse_space", Measure::Total, Unit::Bytes),
        memory(
            "heap_total",
            "inuse_space",
            Measure::TotalShare,
            Unit::Ratio,
        ),
        signal(
            "states",
            "goroutine",
            "goroutine",
            Measure::ByState,
            Unit::Count,
        ),
        signal(
            "creators",
            "goroutine",
            "goroutine",
            Measure::ByCreator,
            Unit::Count,
        ),
        signal("waiting", "mutex", "delay", Measure::PerSecond, Unit::Count),
    ]
}

fn idle() -> Causes {
    Causes::new(vec![Cause {
        name: "idle".to_owned(),
        functions: vec![Function::new("runtime.futex")],
        with: Vec::new(),
        kinds: vec!["process_cpu".to_owned()],
        components: Vec::new(),
        cause: "nothing to do".to_owned(),
        remedy: String::new(),
        references: Vec::new(),
        suppressed: true,
    }])
}

fn evaluator(kind: &str) -> ProfileEvaluator {
    let target = Target {
        labels: Labels::from_pairs([("job", "test"), ("instance", "a")]),
        scheme: "http".to_owned(),
        address: "a".to_owned(),
    };
    let program = Arc::new(ProfileProgram::new(&signals(), idle()));
    program.evaluator(Arc::new(target), kind).unwrap()
}

/// Ten seconds of the CPU: stacks `root;…;leaf` with their numbers of samples of 10 ms.
fn cpu(stacks: &[(&str, i64)]) -> Profile {
    let text: String = stacks
        .iter()
        .map(|(stack, n)| format!("{stack} {n}\n"))
        .collect();
    let mut profile = match stacks {
        [] => Profile::default(),
        _ => proto::folded::parse(text.as_bytes()).unwrap(),
    };
    let mut value_type = |kind: &str, unit: &str| ValueType {
        kind: profile.strings.push(kind),
        unit: profile.strings.push(unit),
    };
    let types = [
        value_type("samples", "count"),
        value_type("cpu", "nanoseconds"),
    ];
    profile.sample_types = types.to_vec();
    profile.period_type = types[1];
    profile.period = 10_000_000;
    profile.duration_nanos = 10_000_000_000;
    let values = profile.values.iter();
    profile.values = values.flat_map(|n| [*n, n * profile.period]).collect();
    profile
}

fn recorded(body: &[u8]) -> Profile {
    let plain = proto::compress::decompress(body, 1 << 26).unwrap();
    proto::pprof::decode(&plain).unwrap()
}

fn observe(evaluator: &mut ProfileEvaluator, minute: i64, profile: &Profile) -> MetricBatch {
    let taken = Taken {
        profile,
        time: UnixMillis(minute * MINUTE),
        is_delta: true,
    };
    let evaluated = evaluator.observe(taken);
    assert_eq!(evaluated.n_left_out, 0);
    evaluated.batch.unwrap()
}

/// The values of a signal by one of its labels.
fn values(batch: &MetricBatch, metric: &str, label: &str) -> BTreeMap<String, f64> {
    let of = batch.samples().filter(|(series, _, value)| {
        series.labels.metric_name() == format!("leadsman_signal_profile_{metric}")
            && !is_absent(*value)
    });
    of.map(|(series, _, value)| {
        let name = series.labels.get(label).unwrap_or("").to_owned();
        (name, value)
    })
    .collect()
}

fn shares(batch: &MetricBatch, metric: &str) -> BTreeMap<String, f64> {
    let values = values(batch, metric, "function");
    let shares = values.into_iter();
    shares
        .map(|(name, share)| (name, (share * 100.0).round()))
        .collect()
}

fn expected(all: &[(&str, f64)]) -> BTreeMap<String, f64> {
    let all = all.iter();
    all.map(|(name, value)| ((*name).to_owned(), *value))
        .collect()
}

#[test]
fn shares_are_of_what_is_not_idle_and_the_cpu_is_all_of_it() {
    let mut evaluator = evaluator("process_cpu");
    let profile = cpu(&[
        ("main;serve;read", 60),
        ("main;serve;write", 40),
        ("runtime.mcall;runtime.futex", 100),
    ]);
    let batch = observe(&mut evaluator, 0, &profile);
    assert_eq!(
        values(&batch, "cpu_cores", "profile"),
        expected(&[("process_cpu", 0.2)])
    );
    assert_eq!(
        values(&batch, "samples", "profile"),
        expected(&[("process_cpu", 100.0)])
    );
    assert_eq!(
        shares(&batch, "total_ratio"),
        expected(&[("read", 60.0), ("serve", 100.0), ("write", 40.0)])
    );
    assert_eq!(
        shares(&batch, "self_ratio"),
        expected(&[("read", 60.0), ("serve", 0.0), ("write", 40.0)])
    );
    assert_eq!(batch.layout.part(), "process_cpu");
}

#[test]
fn a_function_that_is_followed_is_told_with_nothing_when_it_is_not_there() {
    let mut evaluator = evaluator("process_cpu");
    let both = cpu(&[("main;a", 50), ("main;b", 50)]);
    let one = cpu(&[("main;a", 100)]);
    observe(&mut evaluator, 0, &both);
    let mut last = None;
    for minute in 1..60 {
        last = Some(observe(&mut evaluator, minute, &one));
    }
    let last = shares(&last.unwrap(), "total_ratio");
    assert_eq!(last.get("b"), Some(&0.0), "{last:?}");
}

#[test]
fn shares_are_of_the_last_minutes_and_too_few_samples_tell_none() {
    let mut evaluator = evaluator("process_cpu");
    let few = cpu(&[("main;a", 10)]);
    let batch = observe(&mut evaluator, 0, &few);
    assert!(shares(&batch, "total_ratio").is_empty());
    observe(&mut evaluator, 1, &few);
    observe(&mut evaluator, 2, &few);
    let other = cpu(&[("main;b", 30)]);
    let batch = observe(&mut evaluator, 3, &other);
    assert_eq!(
        shares(&batch, "total_ratio"),
        expected(&[("a", 50.0), ("b", 50.0)])
    );
    let much = cpu(&[("main;b", 1000)]);
    for minute in 4..12 {
        observe(&mut evaluator, minute, &much);
    }
    let batch = observe(&mut evaluator, 12, &much);
    assert_eq!(
        shares(&batch, "total_ratio"),
        expected(&[("a", 0.0), ("b", 100.0)])
    );
    assert_eq!(
        values(&batch, "samples", "profile"),
        expected(&[("process_cpu", 5000.0)])
    );
}

#[test]
fn a_program_that_did_nothing_used_no_cpu_and_no_function_any() {
    let mut evaluator = evaluator("process_cpu");
    let batch = observe(&mut evaluator, 0, &cpu(&[]));
    assert_eq!(
        values(&batch, "cpu_cores", "profile"),
        expected(&[("process_cpu", 0.0)])
    );
    assert!(shares(&batch, "total_ratio").is_empty());
}

#[test]
fn a_heap_has_what_is_in_use_and_what_was_allocated_in_between() {
    let first = recorded(include_bytes!("../../../proto/testdata/etcd-heap-0.pb.gz"));
    let second = recorded(include_bytes!("../../../proto/testdata/etcd-heap-1.pb.gz"));
    let delta = proto::profile_ops::delta(&first, &second).unwrap();
    let mut evaluator = evaluator("memory");
    let since_start = evaluator.observe(Taken {
        profile: &first,
        time: UnixMillis(0),
        is_delta: false,
    });
    let since_start = since_start.batch.unwrap();
    assert!(values(&since_start, "allocated_bytes_per_second", "profile").is_empty());
    let batch = observe(&mut evaluator, 1, &delta);
    let of = |name: &str| values(&batch, name, "profile")["memory"];
    let total = |profile: &Profile, of: &str| profile.total(profile.type_idx(of).unwrap()) as f64;
    assert_eq!(of("heap_bytes"), total(&second, "inuse_space"));
    let seconds = delta.duration_nanos as f64 / 1e9;
    assert_eq!(
        of("allocated_bytes_per_second"),
        total(&delta, "alloc_space") / seconds
    );
    // Thirteen sampled objects tell nothing of functions.
    assert!(shares(&batch, "heap_total_ratio").is_empty());
}

#[test]
fn goroutines_are_told_by_state_and_by_creator() {
    let mut evaluator = evaluator("goroutine");
    let profile = recorded(include_bytes!(
        "../../../proto/testdata/etcd-goroutine.pb.gz"
    ));
    let batch = observe(&mut evaluator, 0, &profile);
    let states = values(&batch, "states", "state");
    assert!(states.contains_key("select"), "{states:?}");
    assert!(states.values().all(|n| *n >= 10.0), "{states:?}");
    let creators = values(&batch, "creators", "creator");
    assert!(!creators.is_empty() && creators.len() <= GROUPS.places);
}

#[test]
fn waiting_is_a_number_of_those_that_wait() {
    let mut profile = recorded(include_bytes!("../../../proto/testdata/etcd-mutex.pb.gz"));
    profile.duration_nanos = 60_000_000_000;
    let delay = profile.total(profile.type_idx("delay").unwrap()) as f64;
    let batch = observe(&mut evaluator("mutex"), 0, &profile);
    let waiting = values(&batch, "waiting", "profile")["mutex"];
    assert!((waiting - delay / 60e9).abs() < 1e-9 * delay, "{waiting}");
}

#[test]
fn what_ends_is_marked_and_kinds_of_which_nothing_is_told_have_no_evaluator() {
    let mut evaluator = evaluator("process_cpu");
    assert!(evaluator.end(UnixMillis(0)).is_none());
    observe(&mut evaluator, 0, &cpu(&[("main;a", 100)]));
    let end = evaluator.end(UnixMillis(1)).unwrap();
    assert!(end.values.iter().all(|value| is_stale(*value)));
    let program = Arc::new(ProfileProgram::new(&signals(), idle()));
    let target = Arc::clone(&end.layout.target);
    assert!(program.evaluator(target, "threadcreate").is_none());
}

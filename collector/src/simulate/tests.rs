//! What a simulation looks like from outside.

use std::collections::HashMap;

use proto::metrics::{MetricBatch, MetricKind, is_stale};
use storage::archive::ArchiveOptions;

use super::*;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// A Monday.
const START: i64 = 1_795_996_800_000;
const FSYNC: &str = "etcd_disk_wal_fsync_duration_seconds";

fn etcd(n_days: i64, seed: u64) -> SimTarget {
    let whole = Stretch {
        from: UnixMillis(START),
        until: UnixMillis(START + n_days * DAY),
    };
    SimTarget::new(&Program::embedded().unwrap()[0], 0, whole, seed)
}

fn scrapes(n_days: i64, step: i64, seed: u64) -> (SimTarget, Vec<MetricBatch>) {
    let mut target = etcd(n_days, seed);
    let times = (START..START + n_days * DAY).step_by(step as usize);
    let batches = times
        .map(|time| target.scrape(UnixMillis(time)).unwrap())
        .collect();
    (target, batches)
}

/// The value of the first series of a name, with a value of `le` if it is asked for.
fn value(batch: &MetricBatch, name: &str, le: Option<&str>) -> Option<f64> {
    let found = batch.samples().find(|(series, ..)| {
        series.labels.metric_name() == name && (le.is_none() || series.labels.get("le") == le)
    });
    found
        .map(|(_, _, value)| value)
        .filter(|value| !is_stale(*value))
}

#[test]
fn a_seed_decides_everything() {
    let values = |seed| {
        let (_, batches) = scrapes(1, HOUR, seed);
        batches
            .iter()
            .flat_map(|batch| batch.values.iter().map(|value| value.to_bits()))
            .collect::<Vec<_>>()
    };
    assert_eq!(values(1), values(1));
    assert_ne!(values(1), values(2));
}

#[test]
fn counters_fall_at_restarts_only() {
    let (target, batches) = scrapes(30, 10 * 60_000, 1);
    let (mut last, mut n_resets, mut n_grown) = (HashMap::new(), 0, 0);
    let mut before = UnixMillis(0);
    for batch in &batches {
        let restarted = target
            .life
            .started(batch.time)
            .is_some_and(|started| started > before);
        before = batch.time;
        let mut fell = false;
        for (series, _, value) in batch.samples().filter(|(.., value)| !is_stale(*value)) {
            let kind = batch.layout.family(series).unwrap().kind;
            if !matches!(kind, MetricKind::Counter | MetricKind::Histogram) {
                continue;
            }
            let old = last.insert(series.id, value).unwrap_or(0.0);
            assert!(
                restarted || value >= old,
                "{} fell from {old} to {value}",
                series.labels
            );
            fell |= value < old;
            n_grown += usize::from(value > old);
        }
        n_resets += usize::from(fell);
    }
    assert!(n_resets >= 2 && n_grown > 100_000, "{n_resets} {n_grown}");
}

#[test]
fn buckets_are_cumulative_and_end_with_the_count() {
    let (_, batches) = scrapes(2, HOUR, 3);
    let mut n_seen = 0;
    for batch in &batches {
        let mut bucket = (String::new(), 0.0);
        for (series, _, value) in batch.samples() {
            let name = series.labels.metric_name();
            if let (Some(family), Some(_)) = (name.strip_suffix("_bucket"), series.labels.get("le"))
            {
                let same = bucket.0 == family && series.labels.get("le") != Some("0.001");
                assert!(
                    !same || value >= bucket.1,
                    "{} {value} < {}",
                    series.labels,
                    bucket.1
                );
                bucket = (family.to_owned(), value);
            } else if name
                .strip_suffix("_count")
                .is_some_and(|family| family == bucket.0)
            {
                assert_eq!(value, bucket.1, "{}", series.labels);
                n_seen += usize::from(value > 0.0);
            }
        }
    }
    assert!(n_seen > 100, "{n_seen}");
}

#[test]
fn days_are_busier_than_nights_and_weekends_are_quiet() {
    let (_, batches) = scrapes(7, HOUR, 1);
    let counts: Vec<_> = batches
        .iter()
        .map(|batch| value(batch, &format!("{FSYNC}_count"), None))
        .collect();
    let increase =
        |idx: usize| Some(counts[idx]? - counts[idx - 1]?).filter(|increase| *increase >= 0.0);
    let mean = |is_asked: &dyn Fn(usize) -> bool| {
        let increases: Vec<f64> = (1..counts.len())
            .filter(|idx| is_asked(*idx))
            .filter_map(increase)
            .collect();
        increases.iter().sum::<f64>() / increases.len() as f64
    };
    assert!(mean(&|idx| idx % 24 == 14) > 2.0 * mean(&|idx| idx % 24 == 3));
    assert!(mean(&|idx| idx < 5 * 24) > 1.4 * mean(&|idx| idx >= 5 * 24));
}

#[test]
fn an_upgrade_an_incident_and_a_leak_show() {
    let (target, batches) = scrapes(30, 10 * 60_000, 1);
    let version = |batch: &MetricBatch| {
        let mut names = batch
            .samples()
            .filter(|(series, ..)| series.labels.metric_name() == "etcd_server_version");
        names
            .find(|(_, _, value)| *value == 1.0)
            .and_then(|(series, ..)| series.labels.get("server_version").map(str::to_owned))
    };
    assert_eq!(version(&batches[0]).as_deref(), Some("3.4.23"));
    assert_eq!(version(batches.last().unwrap()).as_deref(), Some("3.4.24"));

    let slow_share = |from: usize, until: usize| {
        let fast =
            |idx: usize| value(&batches[idx], &format!("{FSYNC}_bucket"), Some("0.002")).unwrap();
        let all = |idx: usize| value(&batches[idx], &format!("{FSYNC}_count"), None).unwrap();
        1.0 - (fast(until) - fast(from)) / (all(until) - all(from))
    };
    let incident = target.life.incidents[1];
    let at = |time: UnixMillis| ((time.0 - START) / (10 * 60_000)) as usize;
    let (from, until) = (at(incident.from) + 1, at(incident.until) - 1);
    assert!(slow_share(from, until) > 0.5, "{}", slow_share(from, until));
    assert!(slow_share(until + 10, until + 30) < 0.1);

    let leak = target.life.leak.unwrap();
    let heap = |time: i64| {
        value(
            &batches[at(UnixMillis(time))],
            "go_memstats_heap_inuse_bytes",
            None,
        )
        .unwrap()
    };
    let before = heap(leak.from.0 - DAY);
    assert!((0..48).any(|back| heap(leak.until.0 - (back + 1) * HOUR) > 1.5 * before));
}

#[test]
fn profiles_follow_the_load_and_one_stack_leaks() {
    let program = &Program::embedded().unwrap()[0];
    let whole = Stretch {
        from: UnixMillis(START),
        until: UnixMillis(START + 30 * DAY),
    };
    let target = SimTarget::new(program, 0, whole, 1);
    let take = |kind: &str, time: i64, load: f64| {
        let recorded = program
            .profiles
            .iter()
            .find(|recorded| recorded.kind == kind)
            .unwrap();
        let moment = Moment {
            time: UnixMillis(time),
            load,
            life: &target.life,
        };
        let mut random = Random::new(1, 1);
        SimCaptures::new(recorded).take(&target.target, moment, &mut random)
    };
    let (quiet, busy) = (
        take("process_cpu", START, 0.5),
        take("process_cpu", START, 2.0),
    );
    assert!(busy.profile.total(1) > 2 * quiet.profile.total(1) && quiet.profile.total(1) > 0);
    assert_eq!(
        busy.profile.total(0) * busy.profile.period,
        busy.profile.total(1)
    );
    assert!(busy.is_delta && busy.profile.duration_nanos == 10_000_000_000);

    let leak = target.life.leak.unwrap();
    let whole_leak = (leak.from.0..leak.until.0).step_by(HOUR as usize);
    let fullest = whole_leak.max_by(|a, b| {
        target
            .life
            .leaked(UnixMillis(*a))
            .total_cmp(&target.life.leaked(UnixMillis(*b)))
    });
    let (before, after) = (
        take("memory", START, 1.0).profile,
        take("memory", fullest.unwrap(), 1.0).profile,
    );
    let inuse = before.type_idx("inuse_space").unwrap();
    let top = |profile: &proto::profile::Profile| {
        profile
            .samples()
            .map(|(.., values)| values[inuse])
            .max()
            .unwrap()
    };
    assert!(
        top(&after) > 2 * top(&before),
        "{} {}",
        top(&after),
        top(&before)
    );
    assert_eq!(take("goroutine_dump", START, 1.0).profile.duration_nanos, 0);
}

#[test]
fn what_is_simulated_is_in_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let options = ArchiveOptions {
        path: folder.path().join("archive"),
        buffer_bytes: 4 << 20,
        flush_interval: Duration::from_secs(300),
        compression_level: 1,
    };
    let mut archive = Archive::open(options.clone()).unwrap();
    let programs = Program::embedded()
        .unwrap()
        .into_iter()
        .map(|program| program.with_series(100));
    let simulation = Simulation {
        from: UnixMillis(START),
        until: UnixMillis(START + 2 * DAY),
        step: Duration::from_secs(3600),
        profile_interval: Some(Duration::from_secs(6 * 3600)),
        flush_interval: Duration::from_secs(86_400),
        n_targets: 2,
        programs: programs.collect(),
        signals: Arc::default(),
        seed: 1,
    };
    let mut reached = Vec::new();
    let summary = simulation
        .write(&mut archive, |time, _| reached.push(time))
        .unwrap();
    assert_eq!(reached.last(), Some(&simulation.until));
    assert!((150..=210).contains(&summary.n_series), "{summary:?}");
    assert_eq!(summary.n_samples, 48 * summary.n_series as u64);
    assert_eq!(summary.n_profiles, 8 * 8);
    let query = storage::archive::ProfileQuery {
        path: options.path.clone(),
        kind: Some("memory".to_owned()),
        ..storage::archive::ProfileQuery::default()
    };
    assert_eq!(
        query.profiles().unwrap().filter(Result::is_ok).count(),
        2 * 8
    );
    assert!(options.path.join("metric_points/date=2026-11-30").is_dir());
}

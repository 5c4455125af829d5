//! The catalogue that is compiled in: whether it reads, is whole, and names what programs expose.

use std::collections::{BTreeMap, BTreeSet};

use baseline::promql::BinaryOperator;

use super::*;

/// Metrics of the releases of etcd and containerd.
const NAMES: &str = include_str!("../testdata/metric-names.tsv");
/// A page of etcd 3.4, with what every Go program exposes.
const PAGE: &str = include_str!("../../../../proto/testdata/etcd-3.4.txt");
/// What Go programs expose only if they ask for `runtime/metrics`, or with newer or other clients.
const NOT_ON_EVERY_PAGE: [&str; 11] = [
    "go_cpu_classes_gc_total_cpu_seconds_total",
    "go_cpu_classes_total_cpu_seconds_total",
    "go_gc_pauses_seconds",
    "go_memstats_gc_cpu_fraction",
    "go_sched_latencies_seconds",
    "go_sched_pauses_total_gc_seconds",
    "go_sync_mutex_wait_total_seconds_total",
    // Only with --metrics=extensive.
    "grpc_server_handling_seconds",
    "process_network_receive_bytes_total",
    "process_network_transmit_bytes_total",
    "process_threads",
];

fn signals() -> Vec<Signal> {
    built_in().unwrap_or_else(|errors| panic!("{errors}"))
}

/// A metric without the endings of a histogram's series.
fn base(name: &str) -> String {
    let endings = ["_bucket", "_sum", "_count"];
    let ending = endings.iter().find_map(|ending| name.strip_suffix(ending));
    ending.unwrap_or(name).to_owned()
}

/// The metrics that an expression looks at, without the endings of histograms.
fn metrics(signal: &Signal) -> BTreeSet<String> {
    let limit = signal.limit.iter().flat_map(Expr::selectors);
    let expr = signal.expr().into_iter().flat_map(Expr::selectors);
    let names = expr.chain(limit);
    names.map(|selector| base(&selector.name)).collect()
}

fn releases() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    let lines = NAMES.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, releases) = line.split_once('\t').unwrap();
            (name, releases.split(' ').collect())
        })
        .collect()
}

#[test]
fn every_signal_can_be_and_tells_what_to_do() {
    let signals = signals();
    assert!(signals.len() > 100, "only {} signals", signals.len());
    assert_eq!(catalogue::check_all(&signals), []);
    for signal in &signals {
        let name = &signal.name;
        assert!(signal.help.ends_with('.'), "{name}: help {:?}", signal.help);
        assert!(!signal.references.is_empty(), "{name} has no references");
        if signal.bad == Direction::None {
            continue; // nothing is told of it
        }
        assert!(
            signal.remedy.ends_with('.'),
            "{name}: remedy {:?}",
            signal.remedy
        );
        assert!(signal.least_change > 0.0, "{name} has no least_change");
        assert!(!signal.profiles.is_empty(), "{name} has no profiles");
        let sources = signal.thresholds.iter().map(|threshold| &threshold.source);
        let sources = sources.chain(signal.healthy.iter().map(|healthy| &healthy.source));
        for source in sources {
            assert!(!source.is_empty(), "{name}: somebody must say so");
        }
    }
}

#[test]
fn no_metric_is_made_up() {
    let releases = releases();
    let page: BTreeSet<_> = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let mut used = BTreeSet::new();
    for signal in signals() {
        for metric in metrics(&signal) {
            let is_of = |prefixes: &[&str]| prefixes.iter().any(|one| metric.starts_with(one));
            if is_of(&["etcd_", "os_", "containerd_", "container_"]) {
                assert!(releases.contains_key(&*metric), "{}: {metric}", signal.name);
            } else if is_of(&["go_", "process_", "grpc_"]) {
                let is_known = page.contains(&*metric) || NOT_ON_EVERY_PAGE.contains(&&*metric);
                assert!(is_known, "{}: {metric}", signal.name);
            }
            used.insert(metric);
        }
    }
    let unused = releases.keys().filter(|name| !used.contains(**name));
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&&str>::new());
}

/// The release since which a signal is there, as its help says it: `(1.7 and later)`.
fn since(signal: &Signal) -> Option<(u32, u32)> {
    let (before, _) = signal.help.split_once(" and later")?;
    let (_, release) = before.rsplit_once('(')?;
    version(release)
}

fn version(release: &str) -> Option<(u32, u32)> {
    let (major, minor) = release.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether a release has the series that an expression needs.
fn is_in(expr: &Expr, has: &dyn Fn(&str) -> bool) -> bool {
    match expr {
        Expr::Number(_) | Expr::Time => true,
        Expr::Selector(of) | Expr::Range { of, .. } => has(&base(&of.name)),
        Expr::HistogramQuantile { of, .. } | Expr::Aggregate { of, .. } => is_in(of, has),
        Expr::Binary {
            operator: BinaryOperator::Or,
            left,
            right,
        } => is_in(left, has) || is_in(right, has),
        Expr::Binary { left, right, .. } => is_in(left, has) && is_in(right, has),
    }
}

#[test]
fn signals_are_in_every_release_from_the_one_on_that_their_help_names() {
    let releases = releases();
    let all: BTreeSet<_> = releases.values().flatten().copied().collect();
    assert_eq!(all.len(), 9, "{all:?}");
    for signal in signals() {
        let of = |release: &&&str| release.starts_with(&format!("{}-", signal.component));
        for release in all.iter().filter(of) {
            // What is not in the list is not of one of their releases.
            let has = |name: &str| releases.get(name).is_none_or(|of| of.contains(release));
            let (_, number) = release.split_once('-').unwrap();
            let is_said = version(number).unwrap() >= since(&signal).unwrap_or_default();
            let is_there = signal.expr().is_some_and(|expr| is_in(expr, &has));
            assert_eq!(is_there, is_said, "{} in {release}", signal.name);
        }
    }
}

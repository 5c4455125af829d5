//! Shares of functions, judged.

use proto::metrics::{Family, Layout, MetricKind, is_stale};

use super::super::Options;
use super::*;
use crate::catalogue::{Direction, Source, Unit};

const MINUTE: i64 = 60_000;
const DAY: i64 = 1440;

fn signal(name: &str, measure: Measure, unit: Unit, bad: Direction) -> Arc<Signal> {
    Arc::new(Signal {
        title: "Share of CPU".to_owned(),
        unit,
        source: Source::Profile(FromProfile {
            kind: "process_cpu".to_owned(),
            sample_type: "cpu".to_owned(),
            measure,
        }),
        bad,
        least_change: 0.02,
        ..Signal::blank(format!("profile_{name}"), "profiles")
    })
}

fn assessor() -> Assessor {
    let signals = [
        signal("cpu", Measure::PerSecond, Unit::Cores, Direction::Up),
        signal("samples", Measure::Samples, Unit::Count, Direction::None),
        signal("total", Measure::TotalShare, Unit::Ratio, Direction::Up),
    ];
    Assessor::new(signals, Options::default())
}

/// What a profile told at a minute: of a kind, by metric and function.
fn batch(minute: i64, kind: &str, values: &[(&str, &str, f64)]) -> MetricBatch {
    let target = Arc::new(Target {
        labels: Labels::from_pairs([("job", "test"), ("instance", "a")]),
        scheme: "http".to_owned(),
        address: "a".to_owned(),
    });
    let series = (0..).zip(values).map(|(idx, (metric, function, _))| {
        let name = format!("leadsman_signal_profile_{metric}");
        let own = [("__name__", name.as_str()), ("profile", kind)];
        let function = (!function.is_empty()).then_some((FUNCTION_LABEL, *function));
        let labels = target.labels.iter().chain(own).chain(function);
        let labels = Labels::from_pairs(labels);
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: idx,
        }
    });
    let families = values.iter().map(|(metric, ..)| Family {
        name: format!("leadsman_signal_profile_{metric}"),
        kind: MetricKind::Gauge,
        ..Family::default()
    });
    let layout = Layout::new(Arc::clone(&target), families.collect(), series.collect());
    let values = values.iter().map(|(.., value)| *value).collect();
    MetricBatch::new(Arc::new(layout), UnixMillis(minute * MINUTE), values)
}

/// A noise that is the same each time, of a hundredth.
fn noise(minute: i64) -> f64 {
    let hash = (minute as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    (hash % 1000) as f64 / 1e5
}

/// The functions that are told when shares are these for some minutes.
fn told(
    assessor: &mut Assessor,
    minutes: std::ops::Range<i64>,
    n_samples: f64,
    shares: &[(&str, f64)],
) -> Vec<String> {
    let mut told = Vec::new();
    for minute in minutes {
        let mut values = vec![("samples", "", n_samples)];
        let shares = shares.iter();
        values.extend(shares.map(|(function, share)| {
            let share = if *share > 0.0 {
                share + noise(minute)
            } else {
                0.0
            };
            ("total_ratio", *function, share)
        }));
        let findings = assessor
            .assess(&batch(minute, "process_cpu", &values))
            .findings;
        told.extend(findings.into_iter().map(|finding| finding.title));
    }
    told
}

#[test]
fn a_function_that_is_new_was_not_there_before() {
    let mut assessor = assessor();
    assert!(told(&mut assessor, 0..2 * DAY, 1e6, &[("old", 0.5)]).is_empty());
    let found = told(
        &mut assessor,
        2 * DAY..2 * DAY + 30,
        1e6,
        &[("old", 0.5), ("new", 0.2)],
    );
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with("Share of CPU in new is 20"),
        "{found:?}"
    );
}

#[test]
fn on_the_first_day_nothing_is_new() {
    let mut assessor = assessor();
    told(&mut assessor, 0..DAY / 2, 1e6, &[("old", 0.5)]);
    let shares = [("old", 0.5), ("new", 0.2)];
    assert!(told(&mut assessor, DAY / 2..DAY - 1, 1e6, &shares).is_empty());
}

#[test]
fn a_change_that_so_few_samples_cannot_show_is_not_told() {
    let mut known = assessor();
    told(&mut known, 0..2 * DAY, 1e6, &[("f", 0.1)]);
    let grown = |n_samples| {
        let minutes = 2 * DAY..2 * DAY + 60;
        told(&mut known.clone(), minutes, n_samples, &[("f", 0.2)]).len()
    };
    // 10 % to 20 %: 32 × 0.2 × 0.8 / 0.1² ≈ 512 samples.
    assert_eq!((grown(400.0), grown(700.0)), (0, 1));
}

#[test]
fn what_is_kept_only_is_not_judged_and_functions_have_no_bands() {
    let mut assessor = assessor();
    assert_eq!(assessor.kept_only(), ["leadsman_signal_profile_samples"]);
    let values = [
        ("cpu_cores", "", 1.0),
        ("samples", "", 1e6),
        ("total_ratio", "f", 0.5),
    ];
    let mut bands = None;
    for minute in 0..=DAY {
        bands = assessor
            .assess(&batch(minute, "process_cpu", &values))
            .bands;
    }
    assert_eq!(assessor.n_series(), 2);
    let bands = bands.unwrap();
    let mut of = bands
        .layout
        .series
        .iter()
        .map(|series| series.labels.get("signal"));
    assert_eq!(bands.layout.series.len(), 4);
    assert!(of.all(|signal| signal == Some("profile_cpu")));
    assert_eq!(bands.layout.part(), "process_cpu");
}

#[test]
fn bands_of_one_kind_of_profile_do_not_end_with_a_batch_of_another() {
    let mut assessor = assessor();
    let mut n_stale = 0;
    for minute in 0..=DAY + 10 {
        for kind in ["process_cpu", "fgprof"] {
            let bands = assessor
                .assess(&batch(minute, kind, &[("cpu_cores", "", 1.0)]))
                .bands;
            let values = bands.into_iter().flat_map(|bands| bands.values);
            n_stale += values.filter(|value| is_stale(*value)).count();
        }
    }
    assert_eq!(n_stale, 0);
}

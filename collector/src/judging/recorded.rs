//! How recorded targets are judged: how often one is wronged, and which changes that are put into
//! their signals are found. `LEADSMAN_RECORDED=FOLDER cargo test -p leadsman recorded -- --nocapture`
//! prints the tables; FOLDER is filled by `tests/python/record_pages.py`. Without it there is
//! nothing to do.
//!
//! Pages were taken a second apart and are told five minutes apart: an hour is 300 hours.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use baseline::assess::{Assessor, Options};
use baseline::catalogue::{Direction, Signal};
use baseline::signals::{Evaluator, Outcome, Program};
use proto::exposition::{
    Format, LabelConflict, PageDecoder, PageRules, ScrapeFacts, TimestampPolicy,
};
use proto::finding::{FindingState, Rule};
use proto::metrics::{Layout, MetricBatch, Series};
use proto::{Finding, Labels, Target, UnixMillis};

use crate::config::built_in_signals;

/// 2026-03-02, a Monday.
const START: i64 = 1_772_409_600_000;
const STEP: i64 = 300_000;
const DAY: usize = 288;
const SIZES: [f64; 7] = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
/// Rows of a recording from which on it is told what is found.
const LEARNED: f64 = 0.5;

/// A recorded target as its signals.
struct Recording {
    batches: Vec<MetricBatch>,
}

/// One series with its times and values.
struct Row {
    signal: Arc<Signal>,
    layout: Arc<Layout>,
    samples: Vec<(UnixMillis, f64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Step,
    Ramp,
    /// For two rows, which is the patience of the defaults.
    Spike,
}

fn assessor(signals: &[Arc<Signal>]) -> Assessor {
    Assessor::new(signals.iter().cloned(), Options::default())
}

/// Everything is taken as it is.
fn rules() -> PageRules {
    PageRules {
        honor_labels: LabelConflict::HonorTarget,
        timestamps: TimestampPolicy::Ignore,
        sample_limit: usize::MAX,
        label_limit: usize::MAX,
        label_name_length_limit: usize::MAX,
        label_value_length_limit: usize::MAX,
        series: None,
    }
}

fn pages(file: &Path) -> Vec<Vec<u8>> {
    let text = fs::read(file).unwrap();
    let text = proto::compress::decompress(&text, usize::MAX).unwrap();
    let (mut rest, mut pages) = (&*text, Vec::new());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let length: usize = std::str::from_utf8(&rest[..end]).unwrap().parse().unwrap();
        let end = end + 1 + length;
        pages.push(rest[end - length..end].to_vec());
        rest = &rest[end..];
    }
    pages
}

impl Recording {
    fn read(file: &Path, signals: &[Arc<Signal>]) -> Self {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let target = Arc::new(Target {
            labels: Labels::from_pairs([("job", name.as_str()), ("instance", "a:1")]),
            scheme: "http".to_owned(),
            address: "a:1".to_owned(),
        });
        let program = Program::new(signals.iter().map(Arc::as_ref)).unwrap();
        let program = Arc::new(program.every(Duration::from_secs(300)));
        let (mut decoder, mut evaluator) =
            (PageDecoder::new(target, rules()), Evaluator::new(program));
        let pages = pages(file);
        let batches = pages.iter().enumerate().filter_map(|(row, page)| {
            let facts = ScrapeFacts {
                time: UnixMillis(START + row as i64 * STEP),
                duration_seconds: 0.01,
            };
            let page = decoder.decode(Format::Text, page, facts).unwrap();
            evaluator.observe(&page.batch, Outcome::Good).batch
        });
        Self {
            batches: batches.collect(),
        }
    }

    fn weeks(&self) -> f64 {
        self.batches.len() as f64 * (1.0 - LEARNED) / (7 * DAY) as f64
    }

    /// What is found in the part that is judged, though nothing was put into it.
    fn found(&self, signals: &[Arc<Signal>]) -> Vec<Finding> {
        let mut assessor = assessor(signals);
        let begin = (self.batches.len() as f64 * LEARNED) as usize;
        let found = self.batches.iter().enumerate().flat_map(|(row, batch)| {
            let findings = assessor.assess(batch).findings;
            findings.into_iter().filter(move |_| row >= begin)
        });
        found
            .filter(|one| one.state == FindingState::Firing)
            .collect()
    }

    /// Every series that moves.
    fn rows(&self, signals: &[Arc<Signal>]) -> Vec<Row> {
        let mut samples: BTreeMap<u64, (Series, Vec<(UnixMillis, f64)>)> = BTreeMap::new();
        for batch in &self.batches {
            for (series, time, value) in batch.samples().filter(|(.., v)| v.is_finite()) {
                let of = samples
                    .entry(series.id.0)
                    .or_insert_with(|| (series.clone(), Vec::new()));
                of.1.push((time, value));
            }
        }
        let target = &self.batches.first().unwrap().layout.target;
        let rows = samples.into_values().filter_map(|(series, samples)| {
            let name = series.labels.metric_name();
            let signal = signals.iter().find(|one| one.metric_name() == name)?;
            let moves = samples.iter().any(|(_, value)| *value != samples[0].1);
            let family = proto::metrics::Family {
                name: name.to_owned(),
                ..Default::default()
            };
            let one = Series {
                family_idx: 0,
                ..series
            };
            moves.then(|| Row {
                signal: Arc::clone(signal),
                layout: Arc::new(Layout::new(Arc::clone(target), vec![family], vec![one])),
                samples,
            })
        });
        rows.filter(|row| row.samples.len() > self.batches.len() / 2)
            .collect()
    }
}

impl Row {
    fn level(&self) -> f64 {
        let mut values: Vec<f64> = self.samples.iter().map(|(_, value)| value.abs()).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }

    /// Row from which on it is judged.
    fn begin(&self) -> usize {
        (self.samples.len() as f64 * LEARNED) as usize
    }

    /// What is known of it then.
    fn learned(&self) -> Assessor {
        let mut assessor = assessor(&[Arc::clone(&self.signal)]);
        let labels = &self.layout.series[0].labels;
        assessor.learn(labels, self.samples[..self.begin()].iter().copied());
        assessor
    }

    /// Rows until a change by a share of the level fires, within a day of it.
    fn rows_until_found(&self, mut assessor: Assessor, change: Change, size: f64) -> Option<usize> {
        let begin = self.begin();
        let sign = if self.signal.bad == Direction::Down {
            -1.0
        } else {
            1.0
        };
        let by = sign * size * self.level();
        let rows = self.samples[begin..].iter().take(DAY).enumerate();
        rows.into_iter().find_map(|(row, (time, value))| {
            let added = match change {
                Change::Step => by,
                Change::Ramp => by * (row as f64 / 72.0).min(1.0),
                Change::Spike if row < 2 => by,
                Change::Spike => 0.0,
            };
            let batch = MetricBatch::new(Arc::clone(&self.layout), *time, vec![value + added]);
            let findings = assessor.assess(&batch).findings;
            let is_it = |one: &Finding| one.rule == Rule::Band && one.state == FindingState::Firing;
            findings.iter().any(is_it).then_some(row)
        })
    }
}

/// Share of series in which a change is found, in percent, and the median delay in minutes.
fn recall(rows: &[&(Row, Assessor)], change: Change, size: f64) -> String {
    let found = rows.iter();
    let mut found: Vec<usize> = found
        .filter_map(|(row, learned)| row.rows_until_found(learned.clone(), change, size))
        .collect();
    found.sort_unstable();
    let share = 100.0 * found.len() as f64 / rows.len().max(1) as f64;
    match found.get(found.len() / 2) {
        Some(delay) => format!("{share:.0} % ({} min)", delay * 5),
        None => "0".to_owned(),
    }
}

#[test]
fn recorded_targets_are_rarely_wronged_and_changes_are_found() {
    let Some(folder) = std::env::var_os("LEADSMAN_RECORDED") else {
        println!("LEADSMAN_RECORDED is not set: nothing to judge");
        return;
    };
    let signals: Vec<Arc<Signal>> = built_in_signals()
        .unwrap()
        .into_iter()
        .map(Arc::new)
        .collect();
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    for file in files.filter(|path| path.to_string_lossy().ends_with(".pages.gz")) {
        let recording = Recording::read(&file, &signals);
        let found = recording.found(&signals);
        let rows = recording.rows(&signals).into_iter();
        let rows: Vec<(Row, Assessor)> = rows
            .map(|row| {
                let learned = row.learned();
                (row, learned)
            })
            .collect();
        let weeks = recording.weeks();
        println!(
            "\n{}: {} series that move, {:.1} days judged, {} findings: {:.2} a target-week",
            file.display(),
            rows.len(),
            7.0 * weeks,
            found.len(),
            found.len() as f64 / weeks
        );
        for one in &found {
            println!("  {} {}: {}", one.rule, one.signal, one.title);
        }
        println!(
            "| | {} |",
            SIZES.map(|size| format!("{} %", size * 100.0)).join(" | ")
        );
        for change in [Change::Step, Change::Ramp, Change::Spike] {
            let cells = SIZES.map(|size| {
                let matters =
                    |(row, _): &&(Row, Assessor)| size * row.level() >= row.signal.least_change;
                let rows: Vec<_> = rows.iter().filter(matters).collect();
                format!("{} of {}", recall(&rows, change, size), rows.len())
            });
            println!("| {change:?} | {} |", cells.join(" | "));
        }
        assert!(
            found.len() as f64 / weeks < 1.0 || weeks < 0.3,
            "too many findings"
        );
    }
}

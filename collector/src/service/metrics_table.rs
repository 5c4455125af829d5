//! `exporter/METRICS.md` against the metrics that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use exporter::alert::AlertMetrics;
use exporter::otlp::{Intake, OtlpMetrics};
use exporter::web::{App, LiveView, Questions, Server, StoredTables, TargetReport};
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Error, Registry};
use proto::metrics::{BASELINE_PREFIX, SIGNAL_PREFIX};
use storage::archive::Recall;
use storage::archive::remote::MirrorMetrics;

use super::open_storage;
use crate::config;
use crate::judging::JudgingMetrics;
use crate::sounding::SoundingMetrics;
use crate::span_metrics::CountingMetrics;
use crate::telemetry::{OwnProfiler, Telemetry};

/// A line of the table.
struct Row {
    name: String,
    kind: String,
    labels: Vec<String>,
    help: String,
}

fn documented() -> Vec<Row> {
    let table = include_str!("../../../exporter/METRICS.md");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let plain = |text: &str| text.trim_matches('`').to_owned();
        let labels = cells[3].split(", ").filter(|label| !label.is_empty());
        Row {
            name: plain(cells[1]),
            kind: cells[2].to_owned(),
            labels: labels.map(plain).collect(),
            help: cells[4].to_owned(),
        }
    })
    .collect()
}

/// All metrics of a running leadsman.
fn registry(folder: &Path) -> Registry {
    let mut config = config::load(None).unwrap();
    config.archive.log.path = folder.join("log");
    config.archive.archive.path = folder.join("archive");
    config.web.listen = ([127, 0, 0, 1], 0).into();
    let registry = Registry::new();
    let (_, _, log) = open_storage(&config.archive, &registry).unwrap();
    Intake::bind(config.traces, log.appender(), &registry).unwrap();
    MirrorMetrics::register(&registry).unwrap();
    let (telemetry, _subscriber) = Telemetry::build(&config.telemetry, "").unwrap();
    telemetry.register(&registry).unwrap();
    let soundings = SoundingMetrics::register(&registry).unwrap();
    CountingMetrics::register(&registry, soundings).unwrap();
    OtlpMetrics::new(&registry).unwrap();
    AlertMetrics::new(&registry).unwrap();
    JudgingMetrics::register(&registry).unwrap();
    let app = App {
        registry: registry.clone(),
        live: LiveView::new(),
        targets: Arc::new(TargetReport::default),
        faults: Arc::new(Vec::new),
        questions: Questions::new(Recall::open(folder)),
        ready: Arc::new(AtomicBool::new(false)),
        tables: StoredTables::new(folder.to_owned()),
        signals: super::catalogue::prepared(&[]),
        pages: Default::default(),
        profiler: Arc::new(OwnProfiler),
    };
    Server::bind(config.web, app).unwrap();
    registry
}

/// A metric that exists only to be refused by a registry.
struct Probe(Desc);

impl Collector for Probe {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.0]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        Vec::new()
    }
}

/// A registry has no list of its metrics, but it refuses a name it has, and a name it has with
/// other labels or another help.
fn check_row(registry: &Registry, row: &Row) {
    let (name, labels, help) = (row.name.clone(), row.labels.clone(), row.help.clone());
    let mut desc = Desc::new(name, help, labels, Default::default()).unwrap();
    let same = registry.register(Box::new(Probe(desc.clone())));
    let is_there = matches!(same, Err(Error::AlreadyReg));
    assert!(is_there, "{} is documented, but not there", row.name);
    // As if it were another set of constant labels: then labels and help are compared.
    desc.id = !desc.id;
    if let Err(error) = registry.register(Box::new(Probe(desc))) {
        panic!("{} has other labels or another help: {error}", row.name);
    }
}

#[tokio::test]
async fn the_table_has_every_metric_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let registry = registry(folder.path());
    let families = registry.gather();
    let kinds: BTreeMap<_, _> = families
        .iter()
        .map(|family| (family.name(), format!("{:?}", family.get_field_type())))
        .collect();
    for row in &documented() {
        check_row(&registry, row);
        if let Some(kind) = kinds.get(&*row.name) {
            assert_eq!(row.kind, kind.to_lowercase(), "type of {}", row.name);
        }
    }
    let documented: BTreeSet<_> = documented().into_iter().map(|row| row.name).collect();
    for name in kinds.keys() {
        assert!(documented.contains(*name), "{name} is not documented");
    }
    for name in names_in_sources() {
        assert!(documented.contains(&name), "{name} is not documented");
    }
}

/// What sources have between quotes and is the name of a metric: also those that are not gathered
/// before something has happened.
fn names_in_sources() -> BTreeSet<String> {
    let crates = ["storage/src", "exporter/src", "collector/src"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut names = BTreeSet::new();
    for file in crates.iter().flat_map(|part| sources(&root.join(part))) {
        let text = std::fs::read_to_string(file).unwrap();
        names.extend(text.split('"').filter(is_name).map(str::to_owned));
    }
    names
}

fn is_name(text: &&str) -> bool {
    let name = text.strip_prefix("leadsman_").unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    // What is worked out from targets is none of our own.
    let is_derived = [SIGNAL_PREFIX, BASELINE_PREFIX]
        .iter()
        .any(|prefix| text.starts_with(prefix));
    !name.is_empty() && !is_derived && name.bytes().all(is_plain)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

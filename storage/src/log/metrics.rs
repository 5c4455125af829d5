//! The log's figures for `/metrics`.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, CounterVec, Gauge, GaugeVec, Opts, Registry};

use super::Log;
use super::shared::Shared;
use super::stats::{LogStats, ReaderStats};

type Figure<T> = (&'static str, &'static str, fn(&T) -> f64);

const GAUGES: [Figure<LogStats>; 6] = [
    (
        "leadsman_log_segments",
        "Segment files of the log.",
        |log| log.n_segments as f64,
    ),
    (
        "leadsman_log_bytes",
        "Bytes of the log on the disk.",
        |log| log.bytes as f64,
    ),
    (
        "leadsman_log_tail_bytes",
        "Memory of recent records.",
        |log| log.tail_bytes as f64,
    ),
    (
        "leadsman_log_queued_bytes",
        "Memory of records that are not durable yet.",
        |log| log.queued_bytes as f64,
    ),
    (
        "leadsman_log_end_position",
        "Position up to which the log is durable.",
        |log| log.end.0 as f64,
    ),
    (
        "leadsman_log_writable",
        "0 while the disk takes nothing, else 1.",
        |log| {
            if log.fault.is_none() { 1.0 } else { 0.0 }
        },
    ),
];

const COUNTERS: [Figure<LogStats>; 6] = [
    (
        "leadsman_log_appended_records_total",
        "Records made durable.",
        |log| log.appended_records as f64,
    ),
    (
        "leadsman_log_refused_records_total",
        "Records refused: queue full, or too large.",
        |log| log.refused_records as f64,
    ),
    (
        "leadsman_log_syncs_total",
        "Syncs of the log to the disk.",
        |log| log.n_syncs as f64,
    ),
    (
        "leadsman_log_sync_seconds_total",
        "Time that those took.",
        |log| log.sync_time.as_secs_f64(),
    ),
    (
        "leadsman_log_write_errors_total",
        "Failed attempts to write.",
        |log| log.write_errors as f64,
    ),
    (
        "leadsman_log_torn_bytes_total",
        "Bytes of a half-written end cut off at opening.",
        |log| log.torn_bytes as f64,
    ),
];

const READER_GAUGES: [Figure<ReaderStats>; 1] = [(
    "leadsman_log_reader_lag_bytes",
    "Bytes that a reader has still to do.",
    |reader| reader.lag_bytes as f64,
)];

const READER_COUNTERS: [Figure<ReaderStats>; 4] = [
    (
        "leadsman_log_reader_pruned_records_total",
        "Records deleted for the disk budget before a reader got them.",
        |reader| reader.losses.pruned_records as f64,
    ),
    (
        "leadsman_log_reader_pruned_bytes_total",
        "Bytes deleted for the disk budget before a reader got them.",
        |reader| reader.losses.pruned_bytes as f64,
    ),
    (
        "leadsman_log_reader_damaged_frames_total",
        "Damaged places that a reader stepped over.",
        |reader| reader.losses.damaged_frames as f64,
    ),
    (
        "leadsman_log_reader_damaged_bytes_total",
        "Damaged bytes that a reader stepped over.",
        |reader| reader.losses.damaged_bytes as f64,
    ),
];

impl Log {
    /// Puts the log's figures (`leadsman_log_*`) on a registry, which does not keep it open.
    ///
    /// # Errors
    /// If the registry has them from another log.
    pub fn register(&self, registry: &Registry) -> Result<(), prometheus::Error> {
        let figures = Figures::new()?;
        registry.register(Box::new(LogCollector {
            shared: Arc::downgrade(&self.shared),
            descs: figures.all().flat_map(Collector::desc).cloned().collect(),
            figures: Mutex::new(figures),
        }))
    }
}

struct LogCollector {
    shared: Weak<Shared>,
    descs: Vec<Desc>,
    /// Locked so that two scrapes at once do not mix their figures.
    figures: Mutex<Figures>,
}

struct Figures {
    gauges: Vec<Gauge>,
    counters: Vec<Counter>,
    reader_gauges: Vec<GaugeVec>,
    reader_counters: Vec<CounterVec>,
}

impl Figures {
    fn new() -> Result<Self, prometheus::Error> {
        const LABELS: [&str; 1] = ["reader"];
        Ok(Self {
            gauges: each(&GAUGES, Gauge::with_opts)?,
            counters: each(&COUNTERS, Counter::with_opts)?,
            reader_gauges: each(&READER_GAUGES, |opts| GaugeVec::new(opts, &LABELS))?,
            reader_counters: each(&READER_COUNTERS, |opts| CounterVec::new(opts, &LABELS))?,
        })
    }

    fn set(&self, stats: &LogStats) {
        for (gauge, (_, _, value)) in self.gauges.iter().zip(GAUGES) {
            gauge.set(value(stats));
        }
        for (counter, (_, _, value)) in self.counters.iter().zip(COUNTERS) {
            counter.reset();
            counter.inc_by(value(stats));
        }
        self.reader_gauges.iter().for_each(GaugeVec::reset);
        self.reader_counters.iter().for_each(CounterVec::reset);
        for reader in &stats.readers {
            let name = [reader.name.as_str()];
            for (gauge, (_, _, value)) in self.reader_gauges.iter().zip(READER_GAUGES) {
                gauge.with_label_values(&name).set(value(reader));
            }
            for (counter, (_, _, value)) in self.reader_counters.iter().zip(READER_COUNTERS) {
                counter.with_label_values(&name).inc_by(value(reader));
            }
        }
    }

    fn all(&self) -> impl Iterator<Item = &dyn Collector> {
        let gauges = self.gauges.iter().map(|metric| metric as &dyn Collector);
        let counters = self.counters.iter().map(|metric| metric as &dyn Collector);
        let reader_gauges = self
            .reader_gauges
            .iter()
            .map(|metric| metric as &dyn Collector);
        let reader_counters = self
            .reader_counters
            .iter()
            .map(|metric| metric as &dyn Collector);
        gauges
            .chain(counters)
            .chain(reader_gauges)
            .chain(reader_counters)
    }
}

impl Collector for LogCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Some(shared) = self.shared.upgrade() else {
            return Vec::new();
        };
        let figures = self.figures.lock().unwrap_or_else(PoisonError::into_inner);
        figures.set(&shared.stats());
        figures.all().flat_map(Collector::collect).collect()
    }
}

fn each<T, M>(
    figures: &[Figure<T>],
    make: impl Fn(Opts) -> Result<M, prometheus::Error>,
) -> Result<Vec<M>, prometheus::Error> {
    figures
        .iter()
        .map(|(name, help, _)| make(Opts::new(*name, *help)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::ReadFrom;
    use crate::log::tests::{numbered, open};

    fn exposed(registry: &Registry) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap()
    }

    #[tokio::test]
    async fn figures_are_those_of_the_moment() {
        let folder = tempfile::tempdir().unwrap();
        let log = open(folder.path());
        let registry = Registry::new();
        log.register(&registry).unwrap();
        let mut reader = log.reader("archive", ReadFrom::Cursor).unwrap();
        for number in 0..3 {
            let receipt = log.appender().append(numbered(number, 100)).await.unwrap();
            receipt.durable().await.unwrap();
        }
        let text = exposed(&registry);
        assert!(
            text.contains("\nleadsman_log_appended_records_total 3\n"),
            "{text}"
        );
        assert!(
            text.contains("leadsman_log_reader_lag_bytes{reader=\"archive\"} 380\n"),
            "{text}"
        );
        while let Some(entry) = reader.try_next().unwrap() {
            reader.commit(entry.end).unwrap();
        }
        let text = exposed(&registry);
        assert!(
            text.contains("leadsman_log_reader_lag_bytes{reader=\"archive\"} 0\n"),
            "{text}"
        );
    }

    #[tokio::test]
    async fn a_registry_does_not_keep_the_log_open() {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::new();
        let log = open(folder.path());
        log.register(&registry).unwrap();
        log.close().await.unwrap();
        let again = open(folder.path());
        assert!(again.register(&registry).is_err(), "one log per registry");
        assert_eq!(exposed(&registry), "");
    }
}

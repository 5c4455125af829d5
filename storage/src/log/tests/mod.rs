//! Tests of the log as a whole.

mod basics;
mod damage;
mod faults;
mod faulty_disk;
mod killed;
mod model;
mod pruning;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::{Labels, Record, Target, UnixMillis};

use super::{Log, LogOptions};
use crate::Position;

fn options(path: &Path) -> LogOptions {
    LogOptions {
        path: path.to_owned(),
        segment_bytes: 4096,
        disk_budget_bytes: 1 << 30,
        memory_tail_bytes: 64 << 10,
        queue_bytes: 1 << 20,
        sync_interval: Duration::ZERO,
    }
}

fn open(path: &Path) -> Log {
    Log::open(options(path), Position(0)).unwrap()
}

fn target(instance: &str) -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "test"), ("instance", instance)]),
        scheme: "http".to_owned(),
        address: "127.0.0.1:1".to_owned(),
    })
}

fn layout(instance: &str, n_series: usize) -> Arc<Layout> {
    let series = |idx: usize| {
        let labels = Labels::from_pairs([
            ("__name__", "samples".to_owned()),
            ("idx", idx.to_string()),
            ("instance", instance.to_owned()),
            ("job", "test".to_owned()),
        ]);
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: 0,
        }
    };
    let family = Family {
        name: "samples".to_owned(),
        kind: MetricKind::Counter,
        help: "Samples.".to_owned(),
        unit: String::new(),
    };
    let series = (0..n_series).map(series).collect();
    Arc::new(Layout::new(target(instance), vec![family], series))
}

fn batch(layout: &Arc<Layout>, time: i64) -> Record {
    let values = (0..layout.series.len())
        .map(|idx| idx as f64 + time as f64)
        .collect();
    Record::Metrics(Arc::new(MetricBatch::new(
        Arc::clone(layout),
        UnixMillis(time),
        values,
    )))
}

/// A record of its own number and length.
fn numbered(number: u64, length: usize) -> Record {
    let mut bytes = number.to_le_bytes().to_vec();
    // Bytes that do not compress, so that segments fill as the test wants.
    let mut state = number | 1;
    bytes.extend((0..length).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    }));
    Record::Traces(bytes.into())
}

fn number_of(record: &Record) -> u64 {
    let Record::Traces(bytes) = record else {
        panic!("not a numbered record: {record:?}")
    };
    u64::from_le_bytes(bytes[..8].try_into().unwrap())
}

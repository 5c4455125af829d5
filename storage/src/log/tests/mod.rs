//! Tests of the log as a whole.

mod after;
mod basics;
mod damage;
mod faults;
mod faulty_disk;
mod golden;
mod killed;
mod model;
mod pruning;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::profile::{
    Function, FunctionId, Line, Location, LocationId, Profile, SampleLabel, StackId, ValueType,
};
use proto::profile::{LabelSetId, LabelValue};
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

pub(super) fn open(path: &Path) -> Log {
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
pub(super) fn numbered(number: u64, length: usize) -> Record {
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

/// A small profile that uses every table.
pub(super) fn profile() -> Profile {
    let mut profile = Profile {
        time_nanos: 1_700_000_000_123_456_789,
        ..Profile::default()
    };
    let mut string = |text| profile.strings.push(text);
    let (space, bytes, main) = (string("inuse_space"), string("bytes"), string("main.main"));
    let (file, key, value) = (string("main.go"), string("key"), string("value"));
    profile.sample_types = vec![ValueType {
        kind: space,
        unit: bytes,
    }];
    profile.period_type = ValueType {
        kind: space,
        unit: bytes,
    };
    profile.period = 524_288;
    let function = Function {
        name: main,
        system_name: main,
        filename: file,
        start_line: 1,
    };
    profile.functions = vec![function];
    let lines = vec![Line {
        function: FunctionId(0),
        line: 7,
        column: 0,
    }];
    profile.locations = vec![Location {
        lines: lines.into(),
        address: 0x40_1000,
        ..Location::default()
    }];
    profile.stacks = vec![[LocationId(0)].into()];
    profile.label_sets.push(
        [SampleLabel {
            key,
            value: LabelValue::Str(value),
        }]
        .into(),
    );
    profile.sample_stacks = vec![StackId(0), StackId(0)];
    profile.sample_labels = vec![LabelSetId(0), LabelSetId(1)];
    profile.values = vec![4096, 8192];
    profile
}

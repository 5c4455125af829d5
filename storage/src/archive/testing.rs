//! Records that tests write.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::profile::*;
use proto::span::{Span, SpanKind, SpanSource, SpanStatus};
use proto::{Labels, ProfileRecord, Record, Target, UnixMillis, UnixNanos};

use super::table::Table;
use super::{Archive, ArchiveOptions, files, reading};
use crate::Position;

/// 2026-11-21 22:26:40 UTC.
pub(super) const NOW: UnixMillis = UnixMillis(1_795_300_000_000);

pub(super) fn options(path: &Path) -> ArchiveOptions {
    ArchiveOptions {
        path: path.to_owned(),
        buffer_bytes: 1 << 20,
        flush_interval: Duration::from_secs(900),
        compression_level: 3,
    }
}

pub(super) fn target(instance: &str) -> Arc<Target> {
    Arc::new(Target {
        labels: Labels::from_pairs([("job", "etcd"), ("instance", instance), ("cluster", "demo")]),
        scheme: "https".to_owned(),
        address: instance.to_owned(),
    })
}

/// Writes profiles to an archive, so many with each flush.
pub(super) fn write_profiles(root: &Path, records: &[ProfileRecord], per_flush: usize) {
    let mut archive = Archive::open(options(root)).unwrap();
    for (idx, record) in records.iter().enumerate() {
        let record = Record::Profile(Arc::new(record.clone()));
        archive.write(Position(idx as u64 + 1), &record);
        if idx % per_flush == per_flush - 1 {
            archive.flush().unwrap();
        }
    }
    archive.flush().unwrap();
}

/// A page of one counter family with a series for each of `values`.
pub(super) fn layout(target: &Arc<Target>, methods: &[&str]) -> Arc<Layout> {
    let family = Family {
        name: "requests".to_owned(),
        kind: MetricKind::Counter,
        help: "Requests served.".to_owned(),
        unit: String::new(),
    };
    let series = methods.iter().map(|method| {
        let own = [("__name__", "requests_total"), ("method", method)];
        let labels = Labels::from_pairs(target.labels.iter().chain(own));
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: 0,
        }
    });
    Arc::new(Layout::new(target.clone(), vec![family], series.collect()))
}

pub(super) fn scrape(layout: &Arc<Layout>, time: UnixMillis, values: &[f64]) -> Record {
    Record::Metrics(Arc::new(MetricBatch::new(
        layout.clone(),
        time,
        values.to_vec(),
    )))
}

/// A CPU profile of two stacks, one with an inlined call, one labelled.
pub(super) fn cpu_profile(time_nanos: i64) -> ProfileRecord {
    let mut profile = Profile {
        time_nanos,
        duration_nanos: 10_000_000_000,
        ..Profile::default()
    };
    let mut text = |text: &str| profile.strings.push(text);
    let [samples, count, cpu, nanos] = ["samples", "count", "cpu", "nanoseconds"].map(&mut text);
    let [binary, build_id, file] = ["/bin/etcd", "abc", "main.go"].map(&mut text);
    let [main, serve, read, key, value] =
        ["main.main", "main.serve", "main.read", "method", "Range"].map(&mut text);
    let [comment, drop] = ["a comment", "runtime.*"].map(&mut text);
    profile.sample_types = vec![
        ValueType {
            kind: samples,
            unit: count,
        },
        ValueType {
            kind: cpu,
            unit: nanos,
        },
    ];
    profile.default_sample_type = Some(1);
    profile.period_type = ValueType {
        kind: cpu,
        unit: nanos,
    };
    profile.period = 10_000_000;
    profile.comments = vec![comment];
    profile.drop_frames = drop;
    let mapping = Mapping {
        memory_start: 0x40_0000,
        memory_limit: 0x80_0000,
        ..Mapping::default()
    };
    profile.mappings = vec![Mapping {
        filename: binary,
        build_id,
        has_functions: true,
        ..mapping
    }];
    profile.functions = [(main, 10), (serve, 20), (read, 30)]
        .map(|(name, start_line)| Function {
            name,
            system_name: name,
            filename: file,
            start_line,
        })
        .to_vec();
    let line = |function, line| Line {
        function: FunctionId(function),
        line,
        column: 0,
    };
    let location = |address, lines: Vec<Line>| Location {
        mapping: Some(MappingId(0)),
        address,
        lines: lines.into(),
        is_folded: false,
    };
    profile.locations = vec![
        location(0x40_1000, vec![line(0, 12)]),
        location(0x40_2000, vec![line(2, 31), line(1, 22)]),
    ];
    profile.stacks = vec![
        Box::new([LocationId(1), LocationId(0)]),
        Box::new([LocationId(0)]),
    ];
    profile.label_sets.push(Box::new([SampleLabel {
        key,
        value: LabelValue::Str(value),
    }]));
    profile.sample_stacks = vec![StackId(0), StackId(1)];
    profile.sample_labels = vec![LabelSetId(1), LabelSetId(0)];
    profile.values = vec![3, 30_000_000, 1, 0];
    ProfileRecord {
        target: target("127.0.0.1:2379"),
        kind: "process_cpu".to_owned(),
        is_delta: true,
        profile,
    }
}

/// A span that began at a time, in nanoseconds; its ids are of equal bytes.
pub(super) fn span(service: &str, id: u8, start: i64) -> Span {
    Span {
        source: Arc::new(SpanSource {
            service: service.to_owned(),
            resource: Labels::from_pairs([("service.name", service)]),
            ..SpanSource::default()
        }),
        trace_id: [id; 16],
        span_id: [id; 8],
        parent_span_id: None,
        trace_state: String::new(),
        name: "work".to_owned(),
        kind: SpanKind::Internal,
        start: UnixNanos(start),
        duration_nanos: 1000,
        status: SpanStatus::Unset,
        status_message: String::new(),
        attributes: Labels::default(),
        events: Vec::new(),
        links: Vec::new(),
    }
}

/// Rows of a table over all its days and files, in order of day and file name.
pub(super) fn rows(root: &Path, table: Table) -> Vec<RecordBatch> {
    let paths = paths(root, table).into_iter();
    paths.flat_map(|path| table_rows(&path, table)).collect()
}

/// Rows of a file of a table.
pub(super) fn table_rows(path: &Path, table: Table) -> Vec<RecordBatch> {
    let schema = table.schema();
    let fields = schema.fields().iter();
    let names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
    let rows = reading::open(path, &names).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Files of a table.
pub(super) fn paths(root: &Path, table: Table) -> Vec<PathBuf> {
    let days = files::days(root, table).unwrap().into_iter();
    let files = days.flat_map(|day| files::files(root, table, day).unwrap());
    let mut paths: Vec<PathBuf> = files.map(|file| file.path(root)).collect();
    paths.sort();
    paths
}

/// `metric_points` as (series, time, value), as stored.
pub(super) fn points(root: &Path) -> Vec<(SeriesId, UnixMillis, f64)> {
    let mut points = Vec::new();
    for batch in rows(root, Table::MetricPoints) {
        let ids = batch["series_id"].as_primitive::<Int64Type>();
        let times = batch["time"].as_primitive::<TimestampMillisecondType>();
        let values = batch["value"].as_primitive::<Float64Type>();
        for row in 0..batch.num_rows() {
            let id = SeriesId(ids.value(row).cast_unsigned());
            points.push((id, UnixMillis(times.value(row)), values.value(row)));
        }
    }
    points
}

/// A text column of a table.
pub(super) fn texts(root: &Path, table: Table, column: &str) -> Vec<String> {
    let batches = rows(root, table);
    let columns = batches.iter().map(|batch| batch[column].as_string::<i32>());
    columns
        .flat_map(|column| column.iter().map(|text| text.unwrap().to_owned()))
        .collect()
}

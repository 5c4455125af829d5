//! What the golden archive holds, flush by flush: recorded pages and profiles of two targets,
//! scraped every 15 s over midnight, one of which is down once and comes back as another version.
//! Since version 3 a flush of findings comes behind them, since version 4 one of spans.
//!
//! The example that writes the files and the tests that read them share this. It must not change:
//! the files of older versions hold it too.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::metrics::{BucketSpan, Exemplar, Family, Layout, MetricBatch, MetricKind};
use proto::metrics::{NativeHistogram, Series, SeriesId};
use proto::otlp::spans::write_spans;
use proto::profile::Profile;
use proto::span::{Span, SpanEvent, SpanKind, SpanLink, SpanSource, SpanStatus};
use proto::{Finding, Labels, ProfileRecord, Record, Target, UnixMillis, UnixNanos};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// 2026-11-02 00:00:00 UTC.
const MIDNIGHT: i64 = 1_793_577_600_000;
/// Both days have ended.
pub(crate) const ENDED: UnixMillis = UnixMillis(MIDNIGHT + 48 * 3_600_000);
const INTERVAL_MS: i64 = 15_000;
/// The first scrape, counted from midnight in intervals.
const FIRST: i64 = -4;
const N_SCRAPES: i64 = 8;
/// The scrape, counted from midnight, that fails; the one after it finds another version.
const FAILS: i64 = 1;

/// Families of the recorded pages that are kept.
const KEPT: &[&str] = &[
    "containerd_build_info_total",
    "containerd_cri_container_list_seconds",
    "etcd_disk_wal_fsync_duration_seconds",
    "etcd_mvcc_put_total",
    "etcd_server_has_leader",
    "etcd_server_version",
    "go_gc_duration_seconds",
    "go_goroutines",
    "go_info",
    "process_cpu_seconds_total",
    "process_start_time_seconds",
];

/// The records of each flush; `recorded` is `proto/testdata`.
pub(crate) fn flushes(recorded: &Path) -> Result<Vec<Vec<Record>>> {
    let etcd = target("etcd", "127.0.0.1:2379");
    let containerd = target("containerd", "127.0.0.1:1338");
    let [before, after, other] = pages(recorded)?;
    let mut etcd_pages = PageDecoder::new(etcd.clone(), PageRules::default());
    let mut containerd_pages = PageDecoder::new(containerd.clone(), PageRules::default());
    let mut flushes = Vec::new();
    let mut flush = Vec::new();
    for n in FIRST..FIRST + N_SCRAPES {
        let time = UnixMillis(MIDNIGHT + n * INTERVAL_MS);
        let facts = ScrapeFacts {
            time,
            duration_seconds: 0.0125,
        };
        let mut decode = |page: &str| etcd_pages.decode(Format::Text, page.as_bytes(), facts);
        let batch = match n {
            ..FAILS => decode(&before)?.batch,
            FAILS => etcd_pages.fail(facts),
            _ => decode(&after)?.batch,
        };
        let page = containerd_pages.decode(Format::Text, other.as_bytes(), facts)?;
        let histogram = native_histogram(&containerd, time, n);
        let batches = [batch, page.batch, histogram].map(Arc::new);
        flush.extend(batches.map(Record::Metrics));
        if n % 3 == 0 {
            flush.extend(profiles(recorded, &etcd, time)?);
        }
        if n == -1 {
            flushes.push(std::mem::take(&mut flush));
        }
    }
    flushes.push(flush);
    Ok(flushes)
}

/// A trouble that begins before midnight and ends behind it.
pub(crate) fn findings() -> Vec<Record> {
    let target = target("etcd", "127.0.0.1:2379");
    let labels = Labels::from_pairs([("to", "8e9e05c52164694d")]);
    let (signal, rule) = ("etcd_peer_rtt_p99", Rule::Band);
    let pending = Finding {
        id: FindingId::of(target.id(), signal, &labels, rule),
        incident: 17,
        target,
        signal: signal.to_owned(),
        labels,
        rule,
        state: FindingState::Pending,
        severity: Severity::Warning,
        time: UnixMillis(MIDNIGHT - 45_000),
        since: UnixMillis(MIDNIGHT - 60_000),
        unit: "s".to_owned(),
        before: 0.002,
        now: 0.25,
        lower: f64::NAN,
        upper: 0.004,
        score: 12.5,
        title: "Round trips to a peer take 125 times as long".to_owned(),
        explanation: "They took 2 ms at this hour for weeks.".to_owned(),
        cause: "The network between the members.".to_owned(),
        remedy: String::new(),
        links: vec![("page".to_owned(), "http://127.0.0.1:9911/".to_owned())],
        captures: vec![1, u64::MAX],
    };
    let later = |state, millis: i64, now: f64| Finding {
        state,
        time: UnixMillis(MIDNIGHT + millis),
        now,
        ..pending.clone()
    };
    let firing = later(FindingState::Firing, -15_000, 0.3);
    let resolved = later(FindingState::Resolved, 30_000, 0.002);
    let all = [pending, firing, resolved].map(Arc::new);
    all.map(Record::Finding).to_vec()
}

/// Two requests with a trace over midnight: a call, what answers it, and what that does.
pub(crate) fn spans() -> Vec<Record> {
    let source = |service: &str| {
        Arc::new(SpanSource {
            service: service.to_owned(),
            resource: Labels::from_pairs([("service.name", service), ("host.name", "golden")]),
            scope: "otelgrpc".to_owned(),
            scope_version: "0.60.0".to_owned(),
        })
    };
    let start = UnixNanos::from(UnixMillis(MIDNIGHT)).0 - 2_000_000;
    let call = Span {
        source: source("ctr"),
        trace_id: *b"a golden trace \x01",
        span_id: [1; 8],
        parent_span_id: None,
        trace_state: String::new(),
        name: "Transfer/Transfer".to_owned(),
        kind: SpanKind::Client,
        start: UnixNanos(start),
        duration_nanos: 9_000_000,
        status: SpanStatus::Unset,
        status_message: String::new(),
        attributes: Labels::from_pairs([("rpc.system", "grpc")]),
        events: Vec::new(),
        links: vec![SpanLink {
            trace_id: vec![0xfe; 16],
            span_id: vec![0xef; 8],
            attributes: Labels::default(),
        }],
    };
    let answer = Span {
        source: source("containerd"),
        span_id: [2; 8],
        parent_span_id: Some([1; 8]),
        kind: SpanKind::Server,
        start: UnixNanos(start + 1_000_123),
        duration_nanos: 7_000_000,
        status: SpanStatus::Error,
        status_message: "not found".to_owned(),
        links: Vec::new(),
        ..call.clone()
    };
    let fetch = Span {
        span_id: [3; 8],
        parent_span_id: Some([2; 8]),
        name: "remotes.docker.resolver.HTTPRequest".to_owned(),
        kind: SpanKind::Internal,
        start: UnixNanos(start + 2_500_000),
        duration_nanos: 3_000_000,
        events: vec![SpanEvent {
            time: UnixNanos(start + 3_000_000),
            name: "response".to_owned(),
            attributes: Labels::from_pairs([("http.status_code", "404")]),
        }],
        ..answer.clone()
    };
    let request = |spans: &[Span]| Record::Traces(write_spans(spans).into());
    vec![request(&[answer, fetch]), request(&[call])]
}

/// What etcd's page is before and after its restart, and containerd's.
fn pages(recorded: &Path) -> Result<[String; 3]> {
    let etcd = kept(&fs::read_to_string(recorded.join("etcd-3.4.txt"))?);
    let before = etcd.replace("1.79530013075e+09", "1.79349e+09");
    let after = before
        .replace("3.4.23", "3.5.33")
        .replace("1.79349e+09", "1.79357762e+09");
    let containerd = kept(&fs::read_to_string(recorded.join("containerd-1.6.txt"))?);
    let containerd = containerd.replace("1.79530136517e+09", "1.793490001e+09");
    Ok([before, after, containerd])
}

/// The lines of a page that are about families in [`KEPT`].
fn kept(page: &str) -> String {
    let is_kept = |line: &&str| {
        let line = line
            .trim_start_matches("# HELP ")
            .trim_start_matches("# TYPE ");
        KEPT.iter().any(|family| line.starts_with(family))
    };
    page.lines()
        .filter(is_kept)
        .fold(String::new(), |page, line| page + line + "\n")
}

fn target(job: &str, instance: &str) -> Arc<Target> {
    let pairs = [("job", job), ("instance", instance), ("cluster", "golden")];
    Arc::new(Target {
        labels: Labels::from_pairs(pairs),
        scheme: "http".to_owned(),
        address: instance.to_owned(),
    })
}

/// A scrape of one native histogram, with an exemplar.
fn native_histogram(target: &Arc<Target>, time: UnixMillis, n: i64) -> MetricBatch {
    let name = "pull_duration_seconds";
    let labels = Labels::from_pairs(target.labels.iter().chain([("__name__", name)]));
    let family = Family {
        name: name.to_owned(),
        kind: MetricKind::Histogram,
        help: "How long pulls took.".to_owned(),
        unit: "seconds".to_owned(),
    };
    let series = Series {
        id: SeriesId(labels.hash64()),
        labels,
        family_idx: 0,
    };
    let layout = Arc::new(Layout::new(target.clone(), vec![family], vec![series]));
    let n = (n - FIRST + 1) as f64;
    let mut batch = MetricBatch::new(layout, time, vec![10.0 * n]);
    batch.histograms = vec![NativeHistogram {
        series_idx: 0,
        schema: 3,
        zero_threshold: 1e-128,
        zero_count: n,
        count: 10.0 * n,
        sum: 2.5 * n,
        is_float: false,
        is_gauge: false,
        positive_spans: vec![BucketSpan {
            offset: -16,
            length: 2,
        }],
        positive_counts: vec![6.0 * n, 3.0 * n],
        negative_spans: vec![],
        negative_counts: vec![],
        custom_bounds: vec![],
    }];
    batch.exemplars = vec![Exemplar {
        series_idx: 0,
        labels: Labels::from_pairs([("trace_id", format!("{time:?}").as_str())]),
        value: 0.25,
        time: Some(time),
    }];
    batch
}

fn profiles(recorded: &Path, target: &Arc<Target>, time: UnixMillis) -> Result<Vec<Record>> {
    let time = UnixNanos::from(time);
    let record = |kind: &str, is_delta, mut profile: Profile| {
        profile.time_nanos = time.0;
        Record::Profile(Arc::new(ProfileRecord {
            target: target.clone(),
            kind: kind.to_owned(),
            is_delta,
            profile,
        }))
    };
    let pprof = |file: &str| -> Result<Profile> {
        let body = fs::read(recorded.join(file))?;
        let bytes = proto::compress::decompress(&body, 1 << 26)?;
        Ok(proto::pprof::decode(&bytes)?)
    };
    let dump = fs::read(recorded.join("containerd-goroutine-debug2.txt"))?;
    let dump = proto::goroutine::parse(&dump)?;
    Ok(vec![
        record("process_cpu", true, pprof("containerd-cpu.pb.gz")?),
        record("memory", false, pprof("etcd-heap-0.pb.gz")?),
        record("goroutine_states", false, dump.to_profile(time)),
    ])
}

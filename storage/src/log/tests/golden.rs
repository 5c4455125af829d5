//! A segment that was written when the format was made is still read, and still written so.
//!
//! After a deliberate change of the format (with a new version number), write the file anew with
//! `LEADSMAN_BLESS=1 cargo test -p leadsman-storage golden`, and keep the old file and its test.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use proto::metrics::{BucketSpan, Exemplar, MetricBatch, NativeHistogram, absent, stale_marker};
use proto::{Labels, ProfileRecord, Record, UnixMillis, profile_ops};

use super::{batch, layout, open, profile, target};
use crate::Position;
use crate::log::ReadFrom;
use crate::log::active::Active;
use crate::log::codec::Kind;
use crate::log::disk::SegmentFile;
use crate::log::frame::Salt;
use crate::log::segment::{self, SegmentHeader};
use crate::log::walk::{Step, Walk};

const HEADER: SegmentHeader = SegmentHeader {
    salt: Salt(0x1ead),
    base: Position(1000),
    previous_end: Position(900),
};

fn golden_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/log-v1.seg")
}

fn records() -> Vec<Record> {
    let layout = layout("127.0.0.1:2379", 4);
    let full = MetricBatch {
        layout: Arc::clone(&layout),
        time: UnixMillis(1_700_000_000_000),
        values: vec![1.5, stale_marker(), absent(), 42.0],
        timestamps: [0, 1, 2, -5000]
            .map(|ms| UnixMillis(1_700_000_000_000 + ms))
            .to_vec(),
        created: vec![(0, UnixMillis(1_600_000_000_000))],
        histograms: vec![NativeHistogram {
            series_idx: 3,
            schema: 3,
            zero_threshold: 1e-128,
            zero_count: 2.0,
            count: 42.0,
            sum: 18.25,
            is_float: false,
            is_gauge: true,
            positive_spans: vec![BucketSpan {
                offset: -4,
                length: 2,
            }],
            positive_counts: vec![30.0, 10.0],
            negative_spans: vec![],
            negative_counts: vec![],
            custom_bounds: vec![],
        }],
        exemplars: vec![Exemplar {
            series_idx: 0,
            labels: Labels::from_pairs([("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")]),
            value: 0.25,
            time: Some(UnixMillis(1_699_999_999_000)),
        }],
    };
    let heap = ProfileRecord {
        target: target("127.0.0.1:2379"),
        kind: "memory".to_owned(),
        is_delta: false,
        profile: profile(),
    };
    vec![
        Record::Metrics(Arc::new(full)),
        batch(&layout, 1_700_000_015_000),
        Record::Profile(Arc::new(heap)),
        Record::Traces(b"an encoded ExportTraceServiceRequest".as_slice().into()),
    ]
}

/// A file that the test can look into.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl SegmentFile for Memory {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.0.lock().unwrap().truncate(length as usize);
        Ok(())
    }
}

fn written_today() -> Vec<u8> {
    let memory = Memory::default();
    let mut active = Active::new(Box::new(memory.clone()), HEADER);
    for record in records() {
        active.append(&record).unwrap();
    }
    active.write().unwrap();
    memory.0.lock().unwrap().clone()
}

/// Kinds and payloads of the frames of a segment.
fn frames(bytes: &[u8]) -> Vec<(Kind, Vec<u8>)> {
    assert_eq!(SegmentHeader::decode(bytes), Ok(HEADER));
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, bytes).unwrap();
    let end = Position(HEADER.base.0 + bytes.len() as u64 - segment::HEADER_LEN);
    let mut walk = Walk::new(file, HEADER.salt, HEADER.base);
    let mut frames = Vec::new();
    while let Some(step) = walk.step(end).unwrap() {
        let Step::Frame(located) = step else {
            panic!("{step:?}")
        };
        frames.push((
            located.header.kind,
            walk.payload(&located).unwrap().unwrap(),
        ));
    }
    frames
}

#[test]
fn what_is_written_today_is_version_1() {
    if std::env::var_os("LEADSMAN_BLESS").is_some() {
        fs::create_dir_all(golden_path().parent().unwrap()).unwrap();
        fs::write(golden_path(), written_today()).unwrap();
    }
    // Payloads, not bytes: another release of the LZ4 crate may compress otherwise. A profile's
    // payload is pprof's business.
    let comparable = |bytes: &[u8]| {
        let frames = frames(bytes).into_iter();
        frames
            .filter(|(kind, _)| *kind != Kind::Profile)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        comparable(&written_today()),
        comparable(&fs::read(golden_path()).unwrap())
    );
}

#[tokio::test]
async fn a_segment_of_version_1_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(golden_path(), segment::path_of(folder.path(), HEADER.base)).unwrap();
    let log = open(folder.path());
    let mut reader = log.reader("a", ReadFrom::Cursor).unwrap();
    for expected in records() {
        check_same(&reader.next().await.unwrap().record, &expected);
    }
    assert!(reader.try_next().unwrap().is_none());
}

fn check_same(read: &Record, expected: &Record) {
    match (read, expected) {
        // Debug, because a NaN is not equal to itself; the bits are checked beside the codec.
        (Record::Metrics(read), Record::Metrics(expected)) => {
            assert_eq!(format!("{read:?}"), format!("{expected:?}"));
        }
        (Record::Profile(read), Record::Profile(expected)) => {
            assert_eq!(
                (&read.target, &read.kind),
                (&expected.target, &expected.kind)
            );
            let canonical = profile_ops::canonical(&read.profile);
            assert_eq!(canonical, profile_ops::canonical(&expected.profile));
        }
        (Record::Traces(read), Record::Traces(expected)) => assert_eq!(read, expected),
        other => panic!("{other:?}"),
    }
}

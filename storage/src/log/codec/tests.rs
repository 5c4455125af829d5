//! Every record comes back as it was, and no payload makes the decoder panic.

use std::sync::Arc;

use proptest::prelude::*;
use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::metrics::{
    BucketSpan, Exemplar, Family, Layout, MetricBatch, MetricKind, NativeHistogram, Series,
    SeriesId,
};
use proto::{
    Event, Finding, Labels, ProfileRecord, Record, Target, UnixMillis, pprof, profile_ops,
};

use super::{Kind, LayoutRef, decode_layout, decode_record, encode_layout, encode_record};
use crate::log::wire::DecodeError;

const PLACE: LayoutRef = LayoutRef(4711);

const KINDS: [MetricKind; 8] = [
    MetricKind::Unknown,
    MetricKind::Counter,
    MetricKind::Gauge,
    MetricKind::Histogram,
    MetricKind::GaugeHistogram,
    MetricKind::Summary,
    MetricKind::Info,
    MetricKind::StateSet,
];

fn labels() -> impl Strategy<Value = Labels> {
    prop::collection::vec(("[a-z_]{1,8}", ".{0,12}"), 0..5).prop_map(Labels::from_pairs)
}

fn target() -> impl Strategy<Value = Arc<Target>> {
    (labels(), "http|https|unix", ".{0,20}").prop_map(|(labels, scheme, address)| {
        Arc::new(Target {
            labels,
            scheme,
            address,
        })
    })
}

fn event() -> impl Strategy<Value = Event> {
    let text = || prop::option::of(".{0,20}");
    let texts = ("[a-z_]{0,12}", text(), text(), ".{0,40}");
    let times = (any::<i64>(), prop::option::of(any::<i64>()));
    (times, texts, prop::option::of(target())).prop_map(|((time, until), texts, target)| {
        let (kind, before, after, message) = texts;
        Event {
            time: UnixMillis(time),
            kind,
            target,
            before,
            after,
            until: until.map(UnixMillis),
            message,
        }
    })
}

prop_compose! {
    fn finding()(
        (id, incident) in any::<(u64, u64)>(),
        target in target(),
        (signal, labels, unit) in (".{0,20}", labels(), "[a-z]{0,5}"),
        rule in prop::sample::select(Rule::ALL),
        state in prop::sample::select(FindingState::ALL),
        severity in prop::sample::select(Severity::ALL),
        (time, since) in any::<(i64, i64)>(),
        numbers in prop::array::uniform5(any::<u64>()),
        texts in prop::array::uniform4(".{0,40}"),
        links in prop::collection::vec((".{0,9}", ".{0,20}"), 0..3),
        captures in prop::collection::vec(any::<u64>(), 0..4),
    ) -> Finding {
        let [before, now, lower, upper, score] = numbers.map(f64::from_bits);
        let [title, explanation, cause, remedy] = texts;
        Finding {
            id: FindingId(id), incident, target, signal, labels, rule, state, severity,
            time: UnixMillis(time), since: UnixMillis(since), unit, before, now, lower, upper,
            score, title, explanation, cause, remedy, links, captures,
        }
    }
}

/// The numbers to the bit, and all else.
fn comparable(finding: &Finding) -> (Vec<u64>, Finding) {
    let mut rest = finding.clone();
    let numbers = [
        &mut rest.before,
        &mut rest.now,
        &mut rest.lower,
        &mut rest.upper,
        &mut rest.score,
    ];
    let bits = numbers.into_iter().map(|number| {
        let bits = number.to_bits();
        *number = 0.0;
        bits
    });
    (bits.collect(), rest)
}

fn family() -> impl Strategy<Value = Family> {
    (
        ".{0,20}",
        prop::sample::select(&KINDS[..]),
        ".{0,40}",
        "[a-z]{0,5}",
    )
        .prop_map(|(name, kind, help, unit)| Family {
            name,
            kind,
            help,
            unit,
        })
}

prop_compose! {
    fn layout()(
        target in target(),
        families in prop::collection::vec(family(), 1..4),
        series in prop::collection::vec((labels(), any::<prop::sample::Index>()), 1..8),
    ) -> Arc<Layout> {
        let n_families = families.len();
        let series = series.into_iter().map(|(labels, family)| Series {
            id: SeriesId(labels.hash64()),
            family_idx: family.index(n_families) as u32,
            labels,
        });
        let series = series.collect();
        Arc::new(Layout::new(target, families, series))
    }
}

fn spans() -> impl Strategy<Value = Vec<BucketSpan>> {
    let span = (any::<i32>(), any::<u32>());
    prop::collection::vec(
        span.prop_map(|(offset, length)| BucketSpan { offset, length }),
        0..4,
    )
}

fn column() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1e9..1e9, 0..6)
}

prop_compose! {
    fn histogram(n_series: usize)(
        series_idx in 0..n_series as u32,
        schema: i32,
        numbers in prop::array::uniform4(-1e9..1e9),
        (is_float, is_gauge) in any::<(bool, bool)>(),
        (positive_spans, negative_spans) in (spans(), spans()),
        (positive_counts, negative_counts, custom_bounds) in (column(), column(), column()),
    ) -> NativeHistogram {
        let [zero_threshold, zero_count, count, sum] = numbers;
        NativeHistogram {
            series_idx, schema, zero_threshold, zero_count, count, sum, is_float, is_gauge,
            positive_spans, positive_counts, negative_spans, negative_counts, custom_bounds,
        }
    }
}

fn exemplar(n_series: usize) -> impl Strategy<Value = Exemplar> {
    let time = any::<Option<i64>>().prop_map(|time| time.map(UnixMillis));
    (0..n_series as u32, labels(), -1e9..1e9, time).prop_map(|(series_idx, labels, value, time)| {
        Exemplar {
            series_idx,
            labels,
            value,
            time,
        }
    })
}

fn batch() -> impl Strategy<Value = MetricBatch> {
    layout().prop_flat_map(|layout| {
        let n_series = layout.series.len();
        let times = prop::collection::vec(any::<i64>().prop_map(UnixMillis), n_series);
        let created = (0..n_series as u32, any::<i64>().prop_map(UnixMillis));
        (
            any::<i64>(),
            prop::collection::vec(-1e9..1e9, n_series),
            prop_oneof![Just(Vec::new()), times],
            prop::collection::vec(created, 0..3),
            prop::collection::vec(histogram(n_series), 0..3),
            prop::collection::vec(exemplar(n_series), 0..3),
        )
            .prop_map(
                move |(time, values, timestamps, created, histograms, exemplars)| {
                    let (layout, time) = (Arc::clone(&layout), UnixMillis(time));
                    MetricBatch {
                        layout,
                        time,
                        values,
                        timestamps,
                        created,
                        histograms,
                        exemplars,
                    }
                },
            )
    })
}

fn encoded(record: &Record) -> (Kind, Vec<u8>) {
    let mut out = Vec::new();
    let kind = encode_record(&mut out, record, PLACE);
    (kind, out)
}

fn encoded_layout(layout: &Layout) -> Vec<u8> {
    let mut out = Vec::new();
    encode_layout(&mut out, layout);
    out
}

fn decoded(kind: Kind, payload: &[u8], layout: &Arc<Layout>) -> Result<Record, DecodeError> {
    decode_record(kind, payload, |_| Ok(Arc::clone(layout)))
}

fn check_batch_round_trip(batch: MetricBatch) {
    let record = Record::Metrics(Arc::new(batch));
    let (kind, payload) = encoded(&record);
    let Record::Metrics(batch) = &record else {
        unreachable!()
    };
    let layout = decode_layout(&encoded_layout(&batch.layout)).unwrap();
    let read = decode_record::<DecodeError>(kind, &payload, |place| {
        assert_eq!(place, PLACE);
        Ok(Arc::new(layout))
    });
    let Ok(Record::Metrics(read)) = read else {
        panic!("{read:?}")
    };
    assert_eq!(&read, batch);
}

/// Flips one byte, or cuts the payload there; whatever comes out, it is not a panic.
fn check_survives_damage(
    payload: &[u8],
    place: prop::sample::Index,
    mask: u8,
    read: impl Fn(&[u8]),
) {
    if payload.is_empty() {
        return;
    }
    let place = place.index(payload.len());
    let mut damaged = payload.to_vec();
    damaged[place] ^= mask;
    read(&damaged);
    read(&payload[..place]);
}

proptest! {
    #[test]
    fn metrics_round_trip(batch in batch()) {
        check_batch_round_trip(batch);
    }

    #[test]
    fn damaged_metrics_never_panic(batch in batch(), place: prop::sample::Index, mask in 1u8..) {
        let layout = Arc::clone(&batch.layout);
        let (kind, payload) = encoded(&Record::Metrics(Arc::new(batch)));
        check_survives_damage(&payload, place, mask, |bytes| {
            if let Ok(Record::Metrics(batch)) = decoded(kind, bytes, &layout) {
                assert_eq!(batch.values.len(), layout.series.len());
            }
        });
    }

    #[test]
    fn damaged_layouts_never_panic(layout in layout(), place: prop::sample::Index, mask in 1u8..) {
        check_survives_damage(&encoded_layout(&layout), place, mask, |bytes| {
            if let Ok(layout) = decode_layout(bytes) {
                assert!(layout.series.iter().all(|series| layout.family(series).is_some()));
            }
        });
    }

    #[test]
    fn arbitrary_payloads_never_panic(
        layout in layout(),
        kind in prop::sample::select(&[
            Kind::Metrics, Kind::Profile, Kind::Traces, Kind::Event, Kind::Finding,
        ][..]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let _ = decoded(kind, &bytes, &layout);
        let _ = decode_layout(&bytes);
    }

    #[test]
    fn events_round_trip_and_cut_ones_are_refused(event in event(), cut: prop::sample::Index) {
        let record = Record::Event(Arc::new(event.clone()));
        let (kind, payload) = encoded(&record);
        let decode = |payload| decode_record::<DecodeError>(kind, payload, |_| unreachable!());
        prop_assert!(matches!(decode(&payload), Ok(Record::Event(read)) if *read == event));
        prop_assert!(decode(&payload[..cut.index(payload.len())]).is_err());
        prop_assert!(decode(&[&payload[..], b"x"].concat()).is_err());
    }

    #[test]
    fn findings_round_trip_and_cut_ones_are_refused(
        finding in finding(),
        cut: prop::sample::Index,
    ) {
        let (kind, payload) = encoded(&Record::Finding(Arc::new(finding.clone())));
        let decode = |payload| decode_record::<DecodeError>(kind, payload, |_| unreachable!());
        let Ok(Record::Finding(read)) = decode(&payload) else { panic!() };
        prop_assert_eq!(comparable(&read), comparable(&finding));
        prop_assert!(decode(&payload[..cut.index(payload.len())]).is_err());
        prop_assert!(decode(&[&payload[..], b"x"].concat()).is_err());
    }

    #[test]
    fn damaged_findings_never_panic(
        finding in finding(),
        place: prop::sample::Index,
        mask in 1u8..,
    ) {
        let (kind, payload) = encoded(&Record::Finding(Arc::new(finding)));
        check_survives_damage(&payload, place, mask, |bytes| {
            let _ = decode_record::<DecodeError>(kind, bytes, |_| unreachable!());
        });
    }

    #[test]
    fn traces_round_trip(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let record = Record::Traces(bytes.clone().into());
        let (kind, payload) = encoded(&record);
        let read = decode_record::<DecodeError>(kind, &payload, |_| unreachable!()).unwrap();
        prop_assert!(matches!(read, Record::Traces(read) if *read == *bytes));
    }
}

#[test]
fn every_nan_comes_back_to_the_bit() {
    let labels = Labels::from_pairs([("__name__", "m")]);
    let series = Series {
        id: SeriesId(labels.hash64()),
        labels,
        family_idx: 0,
    };
    let target = Target {
        labels: Labels::default(),
        scheme: String::new(),
        address: String::new(),
    };
    let layout = Arc::new(Layout::new(
        Arc::new(target),
        vec![Family::default()],
        vec![series; 3],
    ));
    let values = vec![
        proto::metrics::stale_marker(),
        proto::metrics::absent(),
        f64::NAN,
    ];
    let batch = MetricBatch::new(Arc::clone(&layout), UnixMillis(1), values.clone());
    let (kind, payload) = encoded(&Record::Metrics(Arc::new(batch)));
    let Ok(Record::Metrics(read)) = decoded(kind, &payload, &layout) else {
        panic!()
    };
    let bits = |values: &[f64]| {
        values
            .iter()
            .map(|value| value.to_bits())
            .collect::<Vec<_>>()
    };
    assert_eq!(bits(&read.values), bits(&values));
}

/// Written once, read for ever.
#[test]
fn the_bytes_of_an_event_stay_as_they_are() {
    let time = UnixMillis(1_795_300_000_000);
    let event = Event::of_leadsman(time, proto::event::kind::START, "hello");
    let event = Event {
        until: Some(UnixMillis(-1)),
        ..event.changed(None, Some("0.1.0".to_owned()))
    };
    let (kind, payload) = encoded(&Record::Event(Arc::new(event)));
    let expected = b"\x80\x84\xc0\x83\xc0h\x05start\x05hello\0\0\x01\x050.1.0\x01\x01";
    assert_eq!((kind as u8, payload.as_slice()), (5, &expected[..]));
}

#[test]
fn the_bytes_of_a_finding_stay_as_they_are() {
    let target = Target {
        labels: Labels::from_pairs([("job", "etcd")]),
        scheme: "http".to_owned(),
        address: "a:1".to_owned(),
    };
    let finding = Finding {
        id: FindingId(0x0102_0304_0506_0708),
        incident: 3,
        target: Arc::new(target),
        signal: "lag".to_owned(),
        labels: Labels::from_pairs([("to", "b")]),
        rule: Rule::Function,
        state: FindingState::Resolved,
        severity: Severity::Critical,
        time: UnixMillis(1_795_300_000_000),
        since: UnixMillis(-1),
        unit: "s".to_owned(),
        before: 0.5,
        now: 1.0,
        lower: 0.0,
        upper: -0.0,
        score: 2.0,
        title: "title".to_owned(),
        explanation: "why".to_owned(),
        cause: "disk".to_owned(),
        remedy: String::new(),
        links: vec![("page".to_owned(), "http://a".to_owned())],
        captures: vec![0xff],
    };
    let (kind, payload) = encoded(&Record::Finding(Arc::new(finding)));
    let expected = [
        &b"\x08\x07\x06\x05\x04\x03\x02\x01\x03\0\0\0\0\0\0\0"[..],
        b"\x09\x03job\x04etcd\x04http\x03a:1\x03lag\x05\x02to\x01b\x05\x03\x03",
        b"\x80\x84\xc0\x83\xc0h\x01\x01s",
        b"\0\0\0\0\0\0\xe0\x3f\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\0",
        b"\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\0\x40",
        b"\x05title\x03why\x04disk\0\x01\x04page\x08http://a",
        b"\x01\xff\0\0\0\0\0\0\0",
    ];
    assert_eq!((kind as u8, payload), (6, expected.concat()));
}

#[test]
fn profiles_round_trip() {
    let mut profile = crate::log::tests::profile();
    profile.time_nanos = 1_700_000_000_000_000_000;
    let target = Target {
        labels: Labels::from_pairs([("job", "etcd")]),
        scheme: "https".to_owned(),
        address: "127.0.0.1:2379".to_owned(),
    };
    let sent = ProfileRecord {
        target: Arc::new(target),
        kind: "memory".to_owned(),
        is_delta: true,
        profile,
    };
    let (kind, payload) = encoded(&Record::Profile(Arc::new(sent.clone())));
    let read = decode_record::<DecodeError>(kind, &payload, |_| unreachable!()).unwrap();
    let Record::Profile(read) = read else {
        panic!("{read:?}")
    };
    assert_eq!(
        (&read.target, &read.kind, read.is_delta),
        (&sent.target, &sent.kind, true)
    );
    assert_eq!(
        profile_ops::canonical(&read.profile),
        profile_ops::canonical(&sent.profile)
    );
    assert!(pprof::decode(b"\xff").is_err());
}

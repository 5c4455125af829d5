//! What arrives, in which form.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use prost::Message;
use proto::Record;
use proto::finding::FindingState;

use super::super::signal::Signal;
use super::super::{Compression, Protocol, Signals};
use super::fixture::{Fixture, n_requests, options, points, profile, scrape, traces};
use super::receiver::{Receiver, Reply};
use crate::alert::testing::finding;

async fn check_all_signals_arrive(protocol: Protocol, compression: Compression) {
    let fixture = Fixture::new();
    let receiver = Receiver::new([]);
    let mut options = options(receiver.listen().await, protocol);
    options.compression = compression;
    let spans = traces();
    fixture
        .append([
            scrape(1000, &[1.5, 2.5]),
            profile(),
            Record::Traces(spans.clone().into()),
            Record::Finding(finding("a:1", FindingState::Firing, 0)),
        ])
        .await;
    let running = fixture.forward(options);
    receiver.wait_for(4).await;
    running.stop().await;

    let received = receiver.received();
    assert_eq!(received.len(), 4);
    assert_eq!(points(&received), [(1000, 1.5), (1000, 2.5)]);
    for request in &received {
        assert_eq!(request.headers["x-tenant"], "red");
        let version = request.headers.get("otlp-profiles-development-version");
        assert_eq!(version.is_some(), request.signal == Signal::Profiles);
        match request.signal {
            Signal::Traces => assert_eq!(request.body, spans),
            Signal::Profiles => {
                let request = ExportProfilesServiceRequest::decode(&*request.body).unwrap();
                let profile = &request.resource_profiles[0].scope_profiles[0].profiles[0];
                assert_eq!(profile.samples[0].values, [7]);
            }
            Signal::Logs => {
                let request = ExportLogsServiceRequest::decode(&*request.body).unwrap();
                let record = &request.resource_logs[0].scope_logs[0].log_records[0];
                assert_eq!(record.event_name, "leadsman.finding");
            }
            Signal::Metrics => {}
        }
    }
    fixture
        .wait_counted("leadsman_otlp_sent_items_total", &["test", "metrics"], 2)
        .await;
    fixture
        .wait_counted("leadsman_otlp_sent_items_total", &["test", "profiles"], 1)
        .await;
}

#[tokio::test]
async fn all_signals_arrive_over_grpc() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        check_all_signals_arrive(Protocol::Grpc, compression).await;
    }
}

#[tokio::test]
async fn all_signals_arrive_over_http() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        check_all_signals_arrive(Protocol::HttpProtobuf, compression).await;
    }
}

#[tokio::test]
async fn only_the_signals_asked_for_are_sent_and_the_cursor_passes_the_others() {
    let fixture = Fixture::new();
    let receiver = Receiver::new([]);
    let mut options = options(receiver.listen().await, Protocol::Grpc);
    options.signals = Signals {
        metrics: true,
        profiles: false,
        traces: false,
        logs: false,
    };
    fixture
        .append([
            profile(),
            scrape(1000, &[1.0]),
            Record::Traces(traces().into()),
            Record::Finding(finding("a:1", FindingState::Firing, 0)),
        ])
        .await;
    let running = fixture.forward(options);
    receiver.wait_for(1).await;
    running.stop().await;
    assert_eq!(n_requests(&receiver.received()), [("metrics", 1)].into());
    let stats = fixture.log.stats();
    assert!(
        stats.readers.iter().all(|reader| reader.lag_bytes == 0),
        "{stats:?}"
    );
}

#[tokio::test]
async fn scrapes_are_batched_into_one_request() {
    let fixture = Fixture::new();
    let receiver = Receiver::new([]);
    let mut options = options(receiver.listen().await, Protocol::HttpProtobuf);
    options.batch_interval = std::time::Duration::from_secs(3600);
    fixture
        .append((0..10).map(|time| scrape(time, &[1.0])))
        .await;
    fixture.forward(options).stop().await;
    let received = receiver.received();
    assert_eq!(received.len(), 1);
    assert_eq!(
        points(&received),
        (0..10).map(|time| (time, 1.0)).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn long_messages_are_split_and_keep_their_order() {
    let fixture = Fixture::new();
    let receiver = Receiver::new([]);
    let mut options = options(receiver.listen().await, Protocol::Grpc);
    options.max_message_bytes = 1000;
    let values: Vec<f64> = (0..100).map(f64::from).collect();
    fixture
        .append([scrape(1, &values), scrape(2, &values)])
        .await;
    let running = fixture.forward(options);
    fixture
        .wait_counted("leadsman_otlp_sent_items_total", &["metrics"], 200)
        .await;
    running.stop().await;
    let received = receiver.received();
    assert!(received.len() > 5, "{} requests", received.len());
    assert!(received.iter().all(|request| request.body.len() <= 1000));
    let expected: Vec<_> = [1, 2]
        .into_iter()
        .flat_map(|time| values.iter().map(move |v| (time, *v)))
        .collect();
    assert_eq!(points(&received), expected);
}

#[tokio::test]
async fn a_receiver_of_short_messages_gets_all_of_it_and_its_limit_is_learned() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let fixture = Fixture::new();
        let receiver = Receiver::new([]).taking_at_most(30_000);
        let options = options(receiver.listen().await, protocol);
        let values: Vec<f64> = (0..2000).map(f64::from).collect();
        fixture.append([scrape(1, &values)]).await;
        let running = fixture.forward(options);
        let sent = "leadsman_otlp_sent_items_total";
        fixture.wait_counted(sent, &["metrics"], 2000).await;
        let n_refused = fixture.counted("leadsman_otlp_retries_total", &[]);
        assert!(n_refused > 0);

        fixture.append([scrape(2, &values), profile()]).await;
        fixture.wait_counted(sent, &["metrics"], 4000).await;
        fixture.wait_counted(sent, &["profiles"], 1).await;
        running.stop().await;
        assert_eq!(
            fixture.counted("leadsman_otlp_retries_total", &[]),
            n_refused
        );
        assert_eq!(fixture.counted("leadsman_otlp_dropped_items_total", &[]), 0);
        let expected: Vec<_> = [1, 2]
            .into_iter()
            .flat_map(|time| values.iter().map(move |v| (time, *v)))
            .collect();
        assert_eq!(points(&receiver.received()), expected);
    }
}

#[tokio::test]
async fn only_what_is_too_long_by_itself_is_dropped() {
    for (protocol, reason) in [
        (Protocol::Grpc, "resource_exhausted"),
        (Protocol::HttpProtobuf, "http_413"),
    ] {
        let fixture = Fixture::new();
        let receiver = Receiver::new([]).taking_at_most(10);
        let options = options(receiver.listen().await, protocol);
        let records = [
            scrape(1, &[1.0, 2.0, 3.0]),
            profile(),
            Record::Traces(traces().into()),
        ];
        fixture.append(records).await;
        let running = fixture.forward(options);
        let dropped = "leadsman_otlp_dropped_items_total";
        for (signal, n_items) in [("metrics", 3), ("profiles", 1), ("traces", 1)] {
            fixture
                .wait_counted(dropped, &[signal, reason], n_items)
                .await;
        }
        running.stop().await;
        assert!(receiver.received().is_empty());
    }
}

async fn check_zstd_falls_back_to_gzip(protocol: Protocol, receiver: Receiver) {
    let fixture = Fixture::new();
    let mut options = options(receiver.listen().await, protocol);
    options.compression = Compression::Zstd;
    fixture.append([scrape(1, &[1.0])]).await;
    let running = fixture.forward(options);
    fixture
        .wait_counted("leadsman_otlp_sent_items_total", &[], 1)
        .await;
    running.stop().await;
    let last = receiver.received().pop().unwrap();
    let name = if protocol == Protocol::Grpc {
        "grpc-encoding"
    } else {
        "content-encoding"
    };
    assert_eq!(last.headers[name], "gzip");
    assert_eq!(fixture.counted("leadsman_otlp_dropped_items_total", &[]), 0);
}

#[tokio::test]
async fn a_receiver_without_zstd_gets_gzip() {
    let receiver = Receiver::new([]).without_zstd();
    check_zstd_falls_back_to_gzip(Protocol::Grpc, receiver).await;
    for status in [415, 400] {
        let receiver = Receiver::new([Reply::Http(status, "")]);
        check_zstd_falls_back_to_gzip(Protocol::HttpProtobuf, receiver).await;
    }
}

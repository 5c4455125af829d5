//! Traces of real programs: into the log, to a receiver as they came, and into the archive.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use leadsman_tests::containerd::Containerd;
use leadsman_tests::etcd::Etcd;
use leadsman_tests::http;
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::process::free_port;
use leadsman_tests::registry::Registry;
use leadsman_tests::setting::setting;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AttributeValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::Value;

/// Configuration of a leadsman that takes traces at two ports, and does little else.
fn taking([grpc, http]: [u16; 2], more: &str) -> String {
    format!(
        "telemetry: {{trace_sample_ratio: 0}}\n\
         traces: {{enabled: true, listen: [\"127.0.0.1:{grpc}\", \"127.0.0.1:{http}\"], max_request_size: 1MiB}}\n\
         {more}\n"
    )
}

fn sending_to(receiver: &OtlpReceiver) -> String {
    format!(
        "otlp: [{{endpoint: \"http://{}\", signals: [traces], batch_interval: 200ms}}]",
        receiver.address
    )
}

fn ports() -> Result<[u16; 2]> {
    Ok([free_port()?, free_port()?])
}

fn service(resource: &ResourceSpans) -> &str {
    let attributes = resource.resource.iter().flat_map(|of| &of.attributes);
    let named = attributes.filter(|pair| pair.key == "service.name");
    let mut values = named.filter_map(|pair| match pair.value.as_ref()?.value.as_ref()? {
        AttributeValue::StringValue(text) => Some(text.as_str()),
        _ => None,
    });
    values.next().unwrap_or_default()
}

/// The spans of a service that a receiver got: name and scope by id.
fn received(receiver: &OtlpReceiver, of: &str) -> BTreeMap<String, (String, String)> {
    let requests = receiver.received().traces;
    let resources = requests.iter().flat_map(|request| &request.resource_spans);
    let mut spans = BTreeMap::new();
    for scope in resources
        .filter(|resource| service(resource) == of)
        .flat_map(|resource| &resource.scope_spans)
    {
        let library = scope.scope.as_ref().map_or("", |scope| &scope.name);
        for span in &scope.spans {
            let id = format!("{} {}", hex(&span.trace_id), hex(&span.span_id));
            spans.insert(id, (span.name.clone(), library.to_owned()));
        }
    }
    spans
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The archived spans of a service, as DuckDB reads them.
fn archived(data: &Path, service: &str) -> Result<Vec<Value>> {
    let archive = data.join("archive");
    let json = tools::python("spans.py", [archive.as_os_str(), service.as_ref()])?;
    Ok(serde_json::from_str(&json)?)
}

fn text<'v>(row: &'v Value, column: &str) -> &'v str {
    row[column].as_str().unwrap_or_default()
}

/// What the receiver got is what the archive has, each once, and the archive is whole.
fn check_archived(data: &Path, service: &str, receiver: &OtlpReceiver) -> Result<Vec<Value>> {
    let rows = archived(data, service)?;
    let in_archive: BTreeMap<String, (String, String)> = rows
        .iter()
        .map(|row| {
            let id = format!("{} {}", text(row, "trace_id"), text(row, "span_id"));
            (id, (text(row, "name").into(), text(row, "scope").into()))
        })
        .collect();
    assert_eq!(in_archive.len(), rows.len(), "a span twice");
    assert_eq!(in_archive, received(receiver, service));
    let archive = data.join("archive").display().to_string();
    tools::run(&mut command(["archive", "verify", &archive])?)?;
    let listed = tools::run(&mut command(["archive", "ls", &archive])?)?;
    ensure!(listed.contains("spans"), "{listed}");
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_phases_of_a_pull_and_a_start_in_containerd_arrive_over_http() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = OtlpReceiver::grpc().await?;
    let ports = ports()?;
    let mut leadsman =
        Leadsman::start(folder.path(), &taking(ports, &sending_to(&receiver))).await?;
    let registry = Registry::start(folder.path()).await?;
    let image = registry.push_busybox()?;
    let endpoint = format!("http://127.0.0.1:{}", ports[1]);
    let mut containerd = Containerd::sending_traces(folder.path(), &endpoint).await?;
    tools::run(&mut containerd.ctr(["images", "pull", "--plain-http", &image]))?;
    let said = tools::run(&mut containerd.ctr([
        "run",
        "--rm",
        &image,
        "one",
        "/bin/busybox",
        "echo",
        "it runs",
    ]))?;
    assert_eq!(said.trim(), "it runs");

    let phases = [
        "Transfer/Transfer",
        "HTTPRequest",
        "unpackLayer",
        "Containers/Create",
        "Snapshots/Prepare",
        "Tasks/Start",
    ];
    until("the phases to arrive", PATIENCE, || async {
        let names: BTreeSet<String> = received(&receiver, "containerd")
            .into_values()
            .map(|(name, _)| name)
            .collect();
        for phase in phases {
            ensure!(
                names.iter().any(|name| name.ends_with(phase)),
                "no {phase} in {names:#?}"
            );
        }
        Ok(())
    })
    .await?;
    containerd.process.stop(PATIENCE)?;
    ensure!(leadsman.process.stop(PATIENCE)?.success());

    let rows = check_archived(&leadsman.data, "containerd", &receiver)?;
    let named = |end: &str| {
        let row = rows.iter().find(|row| text(row, "name").ends_with(end));
        row.with_context(|| format!("no {end}"))
    };
    let (pull, unpack) = (named("Transfer/Transfer")?, named("unpackLayer")?);
    assert_eq!(text(pull, "kind"), "server");
    assert_eq!(
        text(pull, "trace_id"),
        text(unpack, "trace_id"),
        "one trace"
    );
    let took = |row: &Value| row["duration_nanos"].as_i64().unwrap_or_default();
    assert!(
        0 < took(unpack) && took(unpack) < took(pull),
        "{pull} {unpack}"
    );
    assert!(pull["attributes"]["rpc.method"].is_string(), "{pull}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn etcds_traces_arrive_over_grpc_also_after_the_receiver_was_away() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let port = free_port()?;
    let ports = ports()?;
    let more = format!("otlp: [{{endpoint: \"http://127.0.0.1:{port}\", signals: [traces]}}]");
    let mut leadsman = Leadsman::start(folder.path(), &taking(ports, &more)).await?;
    let endpoint = format!("127.0.0.1:{}", ports[0]);
    let mut etcd = Etcd::sending_traces(folder.path(), &endpoint).await?;
    for idx in 0..20 {
        tools::run(&mut etcd.ctl(["put", "key", &idx.to_string()]))?;
    }
    let metric = "leadsman_traces_received_spans_total{transport=\"grpc\"";
    until("spans to be taken", PATIENCE, || async {
        let page = leadsman.get("/metrics").await?;
        ensure!(page.lines().any(|line| line.starts_with(metric)), "{page}");
        Ok(())
    })
    .await?;
    let receiver = OtlpReceiver::grpc_at(([127, 0, 0, 1], port).into()).await?;
    etcd.process.stop(PATIENCE)?;
    until("the receiver to have them", PATIENCE, || async {
        let spans = received(&receiver, "etcd");
        let n_puts = spans
            .values()
            .filter(|(name, _)| name == "etcdserverpb.KV/Put")
            .count();
        ensure!(n_puts >= 20, "{n_puts} of {spans:?}");
        Ok(())
    })
    .await?;
    ensure!(leadsman.process.stop(PATIENCE)?.success());
    let rows = check_archived(&leadsman.data, "etcd", &receiver)?;
    let put = rows
        .iter()
        .find(|row| text(row, "name") == "etcdserverpb.KV/Put");
    let put = put.context("no put")?;
    assert_eq!(
        (text(put, "kind"), text(put, "trace_id").len()),
        ("server", 32),
        "{put}"
    );
    Ok(())
}

/// A request of one span, whose id is a number.
fn request(id: u64, name: &str) -> Result<ExportTraceServiceRequest> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let span = Span {
        trace_id: [id.to_be_bytes(), u64::MAX.to_be_bytes()].concat(),
        span_id: id.to_be_bytes().to_vec(),
        name: name.to_owned(),
        start_time_unix_nano: now,
        end_time_unix_nano: now + 1000,
        ..Span::default()
    };
    let value = AttributeValue::StringValue("by-hand".to_owned());
    let attribute = KeyValue {
        key: "service.name".to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    Ok(ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            schema_url: "https://opentelemetry.io/schemas/1.21.0".to_owned(),
        }],
    })
}

/// Posts a body; returns the status.
async fn post(port: u16, body: Vec<u8>, headers: &[(&str, &str)]) -> Result<u16> {
    let url = format!("http://127.0.0.1:{port}/v1/traces");
    let mut request = http::client().post(url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.send().await?.status().as_u16())
}

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");

/// Sends spans one after the other until the server is gone; returns the ids that were answered.
async fn send_until_gone(port: u16, first: u64) -> Result<Vec<u64>> {
    let mut answered = Vec::new();
    for id in first.. {
        let body = request(id, "work")?.encode_to_vec();
        match post(port, body, &[PROTOBUF]).await {
            Ok(200) => answered.push(id),
            Ok(status) => ensure!(status == 503, "{status}"),
            Err(_) => break,
        }
    }
    Ok(answered)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_kill_is_in_the_archive_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let ports = ports()?;
    let yaml = taking(ports, "");
    let n_kills = setting("LEADSMAN_SOAK_KILLS", 4_u64)?.min(100);
    let mut answered = BTreeSet::new();
    for round in 0..n_kills {
        let mut leadsman = Leadsman::start(folder.path(), &yaml).await?;
        let senders: Vec<_> = (0..4)
            .map(|sender| {
                let first = 1 + (round * 4 + sender) * 1_000_000;
                tokio::spawn(send_until_gone(ports[1], first))
            })
            .collect();
        // Another moment of the sync and of the first flush each time.
        tokio::time::sleep(Duration::from_millis(2000 + round * 1173 % 5000)).await;
        leadsman.process.kill()?;
        for sender in senders {
            answered.extend(sender.await??);
        }
    }
    ensure!(
        answered.len() as u64 >= n_kills * 4,
        "only {} answered",
        answered.len()
    );
    let mut leadsman = Leadsman::start(folder.path(), &yaml).await?;
    ensure!(leadsman.process.stop(PATIENCE)?.success());
    let rows = archived(&leadsman.data, "by-hand")?;
    let ids: Vec<u64> = rows
        .iter()
        .map(|row| u64::from_str_radix(text(row, "span_id"), 16))
        .collect::<Result<_, _>>()?;
    let once: BTreeSet<u64> = ids.iter().copied().collect();
    assert_eq!(once.len(), ids.len(), "a span twice");
    let lost: Vec<_> = answered.difference(&once).collect();
    assert!(
        lost.is_empty(),
        "of {} answered spans {lost:?} are lost",
        answered.len()
    );
    Ok(())
}

/// Bytes that follow from a seed.
fn random_bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// The body and the headers of a request.
type Case = (Vec<u8>, Vec<(&'static str, &'static str)>);

/// What cannot be taken.
fn garbage() -> Result<Vec<Case>> {
    let zeros = vec![0; 64 << 20];
    // Half a million empty spans in a megabyte: each would be hundreds of bytes in memory.
    let spans = [0x12, 0].repeat(500_000);
    let dense = nested(0x0a, &nested(0x12, &spans));
    let packed = |encoding| vec![PROTOBUF, ("content-encoding", encoding)];
    let json = ("content-type", "application/json");
    let mut cases = vec![
        (b"{\"resourceSpans\": []}".to_vec(), vec![json]),
        (request(1, "plain")?.encode_to_vec(), Vec::new()),
        (vec![0; 8 << 20], vec![PROTOBUF]),
        (proto::compress::gzip(&zeros), packed("gzip")),
        (proto::compress::zstd(&zeros, 1)?, packed("zstd")),
        (b"x".to_vec(), packed("br")),
        (dense, vec![PROTOBUF]),
    ];
    for seed in 0..40 {
        cases.push((random_bytes(seed, 1 + seed as usize * 50), vec![PROTOBUF]));
    }
    Ok(cases)
}

/// Debug build; a request may have 1 MiB.
const MOST_MEBIBYTES: u64 = 256;

#[tokio::test(flavor = "multi_thread")]
async fn garbage_is_refused_costs_little_and_is_kept_nowhere() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let receiver = OtlpReceiver::grpc().await?;
    let ports = ports()?;
    let mut leadsman =
        Leadsman::start(folder.path(), &taking(ports, &sending_to(&receiver))).await?;
    for (body, headers) in garbage()? {
        let (length, told) = (body.len(), format!("{headers:?}"));
        // A body that is too long may be cut off before it is sent: that is an answer, too.
        if let Ok(status) = post(ports[1], body, &headers).await {
            ensure!(
                (400..500).contains(&status),
                "{status} for {length} bytes, {told}"
            );
        }
    }
    let good = request(7, "the only one")?;
    assert_eq!(
        post(ports[1], good.encode_to_vec(), &[PROTOBUF]).await?,
        200
    );
    until("the good one at the receiver", PATIENCE, || async {
        let traces = receiver.received().traces;
        ensure!(traces == [good.clone()], "{traces:?}");
        Ok(())
    })
    .await?;
    let peak = leadsman.process.peak_mebibytes()?;
    ensure!(peak <= MOST_MEBIBYTES, "{peak} MiB");
    ensure!(leadsman.process.stop(PATIENCE)?.success());
    let rows = check_archived(&leadsman.data, "by-hand", &receiver)?;
    assert_eq!(rows.len(), 1);
    let log = leadsman.process.output();
    assert!(!log.contains("panicked"), "{log}");
    Ok(())
}

/// A message as a field of another one; `tag` is its first byte there.
fn nested(tag: u8, message: &[u8]) -> Vec<u8> {
    let mut outer = vec![tag];
    let mut length = message.len();
    while length >= 0x80 {
        outer.push(length as u8 | 0x80);
        length >>= 7;
    }
    outer.push(length as u8);
    outer.extend_from_slice(message);
    outer
}

//! Receivers that misbehave, all beside one leadsman: what can be sent again is, what cannot is
//! counted and told of, and what they took is what the archive has, row by row.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leadsman_tests::certs::{Authority, LOCAL, Subject};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::hostile_target::Identity;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::told_receiver::{Refuses, Reply, Seen, ToldReceiver};
use leadsman_tests::wait::{PATIENCE, until};
use tonic::Code;

use super::archived_points;
use super::hostile::check_undisturbed;

/// Debug build, two dozen receivers.
const MOST_MEBIBYTES: u64 = 256;
const SECRET: &str = "hunter2-and-more";

const GRPC: &str = "grpc";
const HTTP: &str = "http/protobuf";

/// A receiver, and what is told of it.
struct Case {
    name: &'static str,
    protocol: &'static str,
    refuses: Refuses,
    script: Vec<Reply>,
    /// Why requests were sent again, if they were.
    retried: Option<&'static str>,
    /// Why points were dropped, if they were.
    dropped: Option<&'static str>,
    /// No request comes sooner after one that is sent again. Without a word of the receiver it is
    /// half of the first wait, a second.
    wait: Duration,
}

/// Answered so twice and then well.
fn retried(name: &'static str, protocol: &'static str, reply: Reply, reason: &'static str) -> Case {
    Case {
        name,
        protocol,
        refuses: Refuses::Nothing,
        script: vec![reply.clone(), reply],
        retried: Some(reason),
        dropped: None,
        wait: Duration::from_millis(500),
    }
}

/// Answered so once and then well; the wait is the one that was asked for.
fn told(
    name: &'static str,
    protocol: &'static str,
    reply: Reply,
    reason: &'static str,
    wait_ms: u64,
) -> Case {
    Case {
        script: vec![reply.clone()],
        wait: Duration::from_millis(wait_ms),
        ..retried(name, protocol, reply, reason)
    }
}

/// Answered so after a request that was taken.
fn dropped(name: &'static str, protocol: &'static str, reply: Reply, reason: &'static str) -> Case {
    Case {
        script: vec![Reply::Take, reply.clone(), Reply::Take, reply.clone()],
        retried: None,
        dropped: Some(reason),
        ..retried(name, protocol, reply, reason)
    }
}

/// Of a kind that takes nothing of some kind.
fn picky(
    name: &'static str,
    protocol: &'static str,
    refuses: Refuses,
    retried: Option<&'static str>,
) -> Case {
    Case {
        name,
        protocol,
        refuses,
        script: Vec::new(),
        retried,
        dropped: None,
        wait: Duration::ZERO,
    }
}

/// Answered so once, where there is nothing to tell of.
fn taken(name: &'static str, protocol: &'static str, reply: Reply) -> Case {
    Case {
        script: vec![reply],
        ..picky(name, protocol, Refuses::Nothing, None)
    }
}

#[rustfmt::skip]
fn cases() -> Vec<Case> {
    let http = |status| Reply::Http(status, None);
    let grpc = |code| Reply::Grpc(code, None);
    let later = |code| Reply::Grpc(code, Some(Duration::from_millis(1700)));
    let slow = Reply::TakeSlowly(Duration::from_millis(700));
    vec![
        told("h-throttled", HTTP, Reply::Http(429, Some("2")), "http_429", 2000),
        told("h-busy-told", HTTP, Reply::Http(503, Some("2")), "http_503", 2000),
        told("g-unavailable-told", GRPC, later(Code::Unavailable), "unavailable", 1700),
        told("g-exhausted-told", GRPC, later(Code::ResourceExhausted), "resource_exhausted", 1700),
        retried("h-busy", HTTP, http(503), "http_503"),
        retried("h-gateway", HTTP, http(502), "http_502"),
        retried("g-unavailable", GRPC, grpc(Code::Unavailable), "unavailable"),
        retried("g-behind-busy-proxy", GRPC, http(503), "http_503"),
        retried("h-no-answer", HTTP, Reply::TakeInSilence, "timeout"),
        retried("g-no-answer", GRPC, Reply::TakeInSilence, "timeout"),
        retried("h-breaks-off", HTTP, Reply::TakeAndBreakOff, "disconnected"),
        retried("g-breaks-off", GRPC, Reply::TakeAndBreakOff, "disconnected"),
        retried("h-closes", HTTP, Reply::Close, "disconnected"),
        retried("g-closes", GRPC, Reply::Close, "disconnected"),
        retried("g-goes-on", GRPC, Reply::TakeAndGoOn, "disconnected"),
        dropped("h-bad", HTTP, http(400), "http_400"),
        dropped("h-unauthorized", HTTP, http(401), "http_401"),
        dropped("h-not-there", HTTP, http(404), "http_404"),
        dropped("h-broken", HTTP, http(500), "http_500"),
        dropped("g-unauthenticated", GRPC, grpc(Code::Unauthenticated), "unauthenticated"),
        dropped("g-invalid", GRPC, grpc(Code::InvalidArgument), "invalid_argument"),
        dropped("g-quota", GRPC, grpc(Code::ResourceExhausted), "resource_exhausted"),
        picky("h-short", HTTP, Refuses::LongerThan(700), Some("http_413")),
        picky("g-short", GRPC, Refuses::LongerThan(700), Some("resource_exhausted")),
        picky("h-no-zstd", HTTP, Refuses::Zstd(415), None),
        picky("h-blind-to-zstd", HTTP, Refuses::Zstd(400), None),
        picky("g-no-zstd", GRPC, Refuses::Zstd(0), None),
        taken("h-slow", HTTP, slow.clone()),
        taken("g-slow", GRPC, slow),
        taken("h-goes-on", HTTP, Reply::TakeAndGoOn),
        taken("h-in-part", HTTP, Reply::TakeBut(1)),
        taken("g-in-part", GRPC, Reply::TakeBut(1)),
    ]
}

fn receiver(name: &str, protocol: &str, endpoint: &str, rest: &str) -> String {
    format!(
        "  - {{name: {name}, endpoint: \"{endpoint}\", protocol: {protocol}, signals: [metrics], \
         batch_interval: 200ms, headers: {{authorization: \"Bearer {SECRET}\"}}{rest}}}\n"
    )
}

fn yaml(target: &CountingTarget, receivers: &str) -> String {
    format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 450ms}}\n\
         telemetry: {{scrape_self: false}}\n\
         scrape_configs: [{{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}]\n\
         otlp:\n{receivers}",
        target.address
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn each_receiver_gets_all_that_it_does_not_refuse_whatever_the_others_do() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let (cases, mut running, mut receivers) = (cases(), Vec::new(), String::new());
    for case in &cases {
        let told = ToldReceiver::start(case.refuses, case.script.clone()).await?;
        let endpoint = format!("http://{}", told.address);
        // Nobody else is cut short, however busy the machine.
        let timeout = match case.retried {
            Some("timeout") => ", timeout: 1s",
            _ => ", timeout: 60s",
        };
        receivers += &receiver(case.name, case.protocol, &endpoint, timeout);
        running.push(told);
    }
    let mut leadsman = Leadsman::start(folder.path(), &yaml(&target, &receivers)).await?;
    for (case, told) in cases.iter().zip(&running) {
        until(
            &format!("{} to be over it", case.name),
            PATIENCE,
            || async {
                let (left, seen) = (told.n_replies_left(), told.seen());
                ensure!(
                    left == 0 && seen.len() > case.script.len() + 3,
                    "{left} replies left after {} requests",
                    seen.len()
                );
                Ok(())
            },
        )
        .await?;
    }
    let metrics = leadsman.get("/metrics").await?;
    let (log, peak) = (
        leadsman.process.output(),
        leadsman.process.peak_mebibytes()?,
    );
    ensure!(leadsman.process.stop(PATIENCE)?.success());

    check_undisturbed(&metrics, "counting");
    assert!(peak < MOST_MEBIBYTES, "{peak} MiB");
    assert!(!log.contains(SECRET) && !log.contains('\u{1b}'), "{log}");
    let archived = archived_points(&leadsman.data, "scrapes_total", "counting")?;
    for (case, told) in cases.iter().zip(&running) {
        let seen = told.seen();
        check_rows(case, &seen, &archived);
        let name = case.name;
        let (metrics, log) = (&*metrics, &*log);
        check_told(case, &seen, &Told { name, metrics, log });
        check_waits(case, &seen);
        if matches!(case.refuses, Refuses::Zstd(_)) {
            check_falls_back(case, &seen);
        }
    }
    Ok(())
}

/// What was taken and answered is what is archived, less what was refused, each row once and in
/// order; what was taken without an answer came again as it was.
fn check_rows(case: &Case, seen: &[Seen], archived: &[(u64, f64)]) {
    let rows = |is_wanted: fn(&Seen) -> bool| -> Vec<(u64, f64)> {
        let wanted = seen.iter().filter(|seen| is_wanted(seen));
        wanted.flat_map(|seen| seen.points.clone()).collect()
    };
    let refused: BTreeSet<u64> = match case.dropped {
        Some(_) => rows(|seen| !seen.is_taken)
            .into_iter()
            .map(|(time, _)| time)
            .collect(),
        None => BTreeSet::new(),
    };
    let expected: Vec<_> = archived
        .iter()
        .copied()
        .filter(|(time, _)| !refused.contains(time))
        .collect();
    let taken = rows(|seen| seen.is_taken && seen.is_answered);
    assert_eq!(taken, expected, "{}", case.name);
    assert_eq!(refused.is_empty(), case.dropped.is_none(), "{}", case.name);
    for pair in seen.windows(2).filter(|pair| !pair[0].is_answered) {
        assert_eq!(pair[0].points, pair[1].points, "{}", case.name);
    }
}

/// What leadsman told of a receiver.
struct Told<'a> {
    name: &'a str,
    metrics: &'a str,
    log: &'a str,
}

impl Told<'_> {
    /// A counter of all reasons, or of one.
    fn counted(&self, metric: &str, reason: Option<&str>) -> usize {
        let receiver = format!("receiver=\"{}\"", self.name);
        let reason = reason.map_or_else(String::new, |reason| format!("reason=\"{reason}\""));
        let lines = self.metrics.lines().filter(|line| {
            line.starts_with(&format!("{metric}{{"))
                && line.contains(&receiver)
                && line.contains(&reason)
        });
        let values = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
        values.sum::<f64>() as usize
    }

    /// So many items are counted, all of them for this reason, and one line has it.
    fn check_all(&self, metric: &str, reason: &str, expected: usize) {
        let counted = [Some(reason), None].map(|reason| self.counted(metric, reason));
        assert_eq!(counted, [expected; 2], "{}: {metric}", self.name);
        self.check_log("reason", reason);
    }

    fn check_log(&self, key: &str, value: &str) {
        let receiver = format!("\"receiver\":\"{}\"", self.name);
        let said = format!("\"{key}\":\"{value}\"");
        let lines = self.log.lines().filter(|line| line.contains(&receiver));
        let lines: Vec<&str> = lines.filter(|line| line.contains(&said)).collect();
        assert_eq!(lines.len(), 1, "{}: {said}: {lines:#?}", self.name);
    }
}

/// Counted in `/metrics`, exactly, and told once in the log.
fn check_told(case: &Case, seen: &[Seen], told: &Told<'_>) {
    let name = case.name;
    let (retries, dropped) = (
        "leadsman_otlp_retries_total",
        "leadsman_otlp_dropped_items_total",
    );
    match case.retried {
        None => assert_eq!(told.counted(retries, None), 0, "{name}"),
        Some(reason) if case.script.is_empty() => {
            assert!(told.counted(retries, Some(reason)) > 0, "{name}");
        }
        Some(reason) => told.check_all(retries, reason, case.script.len()),
    }
    let refused = seen.iter().filter(|seen| !seen.is_taken);
    match case.dropped {
        None => assert_eq!(told.counted(dropped, None), 0, "{name}"),
        Some(reason) => told.check_all(dropped, reason, refused.map(|seen| seen.n_points).sum()),
    }
    if matches!(case.script.first(), Some(Reply::TakeBut(_))) {
        let rejected = told.counted("leadsman_otlp_partial_success_rejected_total", None);
        assert_eq!(rejected, 1, "{name}");
        told.check_log("detail", "as told");
    }
    let sent = told.counted("leadsman_otlp_sent_bytes_total", None);
    let plain = told.counted("leadsman_otlp_sent_uncompressed_bytes_total", None);
    assert!(0 < sent && sent < plain, "{name}: {sent} of {plain} bytes");
}

/// A request that is sent again comes when it may.
fn check_waits(case: &Case, seen: &[Seen]) {
    if case.retried.is_none() {
        return;
    }
    for pair in seen.windows(2) {
        let is_retried = !pair[0].is_taken || !pair[0].is_answered;
        let waited = pair[1].at - pair[0].at;
        assert!(
            !is_retried || waited >= case.wait,
            "{}: {waited:?}",
            case.name
        );
    }
}

/// The request that came in zstd came again in gzip, as did all after it.
fn check_falls_back(case: &Case, seen: &[Seen]) {
    let [first, second, rest @ ..] = seen else {
        panic!("{}: {seen:?}", case.name);
    };
    assert!(first.encoding == "zstd" && !first.is_taken, "{}", case.name);
    assert!(
        second.encoding == "gzip" && second.is_taken,
        "{}",
        case.name
    );
    assert_eq!(first.points, second.points, "{}", case.name);
    assert!(
        rest.iter().all(|seen| seen.encoding == "gzip"),
        "{}",
        case.name
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_whose_certificate_is_mended_gets_everything() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let [ours, theirs] = [Authority::new()?, Authority::new()?];
    let ca = folder.path().join("ca.crt");
    ours.write(&ca)?;
    let expired = Subject {
        valid: (2020, 2021),
        ..LOCAL
    };
    let cases = [
        ("g-wrong-ca", GRPC, &theirs, &LOCAL, "UnknownIssuer"),
        ("h-wrong-ca", HTTP, &theirs, &LOCAL, "UnknownIssuer"),
        ("g-expired", GRPC, &ours, &expired, "expired"),
        ("h-expired", HTTP, &ours, &expired, "expired"),
    ];
    let (mut running, mut receivers) = (Vec::new(), String::new());
    let tls = format!(", tls_config: {{ca_file: {ca:?}}}");
    for (name, protocol, authority, subject, _) in cases {
        let identity = Identity {
            cert_file: folder.path().join(format!("{name}.crt")),
            key_file: folder.path().join(format!("{name}.key")),
        };
        authority.issue(subject, &identity.cert_file, &identity.key_file)?;
        let told = ToldReceiver::tls(identity.clone()).await?;
        receivers += &receiver(name, protocol, &format!("https://{}", told.address), &tls);
        running.push((told, identity));
    }
    let mut leadsman = Leadsman::start(folder.path(), &yaml(&target, &receivers)).await?;
    until("the log to say why", PATIENCE, || async {
        let log = leadsman.process.output();
        for (name, .., says) in cases {
            let is_told = |line: &str| line.contains(name) && line.contains(says);
            ensure!(log.lines().any(is_told), "{name}: {says}: {log}");
        }
        Ok(())
    })
    .await?;
    for (told, identity) in &running {
        ensure!(told.seen().is_empty(), "nothing is sent to it");
        ours.issue(&LOCAL, &identity.cert_file, &identity.key_file)?;
    }
    let latest = target.scrapes() as f64;
    for (told, _) in &running {
        until("the receiver to have caught up", PATIENCE, || async {
            let seen = told.seen();
            let last = seen.iter().flat_map(|seen| &seen.points).next_back();
            ensure!(last.context("nothing")?.1 >= latest, "{last:?}");
            Ok::<_, anyhow::Error>(())
        })
        .await?;
    }
    ensure!(leadsman.process.stop(PATIENCE)?.success());
    let archived = archived_points(&leadsman.data, "scrapes_total", "counting")?;
    for ((name, ..), (told, _)) in cases.iter().zip(&running) {
        let seen = told.seen();
        let points: Vec<_> = seen.iter().flat_map(|seen| seen.points.clone()).collect();
        assert_eq!(points, archived, "{name}");
    }
    Ok(())
}

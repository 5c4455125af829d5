//! Targets that misbehave: each fails alone, with a reason wherever one looks, and costs little.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use leadsman_tests::certs::{Authority, LOCAL, Subject};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::hostile_target::{
    Answer, HostileTarget, Identity, bomb, gzip, page, text, zstd,
};
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::wait::{PATIENCE, until};
use serde_json::Value;

/// Debug build, bounds of 1 MiB a body, and two dozen targets.
const MOST_MEBIBYTES: u64 = 256;

/// A misbehaving metrics page, and what is told of it.
struct Page {
    job: &'static str,
    answer: Answer,
    reason: &'static str,
    says: &'static str,
}

const fn is(job: &'static str, answer: Answer, reason: &'static str, says: &'static str) -> Page {
    Page {
        job,
        answer,
        reason,
        says,
    }
}

fn pages() -> Result<Vec<Page>> {
    const TEXT: &str = "Content-Type: text/plain\r\n";
    let encoded = |encoding: &str, body: Vec<u8>| {
        page(&format!("{TEXT}Content-Encoding: {encoding}\r\n"), body)
    };
    let raw = |bytes: &[u8]| Answer::Bytes(bytes.to_vec());
    let half_gzip = |plain: &[u8]| gzip(plain).map(|whole| whole[..whole.len() / 2].to_vec());
    let many: String = (0..200).fold(String::new(), |mut page, n| {
        let _ = writeln!(page, "m{{n=\"{n}\"}} 1");
        page
    });
    let long = format!("m{{a=\"{}\"}} 1\n", "x".repeat(1_000_000));
    let html = "<!DOCTYPE html><html><body>Please log in</body></html>";
    Ok(vec![
        is("silent", Answer::Never, "timeout", "no complete answer within 700ms"),
        is("drip", Answer::Drip, "timeout", "no complete answer within 700ms"),
        is("endless", Answer::Endless, "body_too_large", "larger than 1048576 bytes"),
        is("gzip-bomb", encoded("gzip", bomb(gzip)?), "body_too_large", "larger than 1048576 bytes"),
        is("zstd-bomb", encoded("zstd", bomb(zstd)?), "body_too_large", "larger than 1048576 bytes"),
        is("half-gzip", encoded("gzip", half_gzip(many.as_bytes())?), "decode", "damaged gzip data"),
        is("brotli", encoded("br", b"plain 1\n".to_vec()), "decode", "unknown content encoding \"br\""),
        is("html", page("Content-Type: text/html\r\n", html), "content_type", "text/html"),
        is("html-as-text", text(html), "syntax", "line 1"),
        is("half-line", text("a 1\nb 2\nc{x=\"y"), "syntax", "line 3"),
        is("not-utf-8", text(b"a{x=\"\xff\xfe\"} 1\n"), "syntax", "invalid UTF-8"),
        is("too-many", text(&many), "sample_limit", "more than 100 samples"),
        is("too-long", text(&long), "label_value_length_limit", "1000000 bytes for label a"),
        is("cut-short", raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 99\r\n\r\na 1\n"), "http", "failed to read the answer"),
        is("no-eof", page("Content-Type: application/openmetrics-text; version=1.0.0\r\n", "a 1\n"), "missing_eof", "# EOF"),
        is("protobuf-garbage", page("Content-Type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n", b"\x05abcdefgh"), "syntax", "family"),
        is("ssh", raw(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "http", "failed to read the answer"),
        is("large-head", raw(format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)).as_bytes()), "http", "failed to read the answer"),
        is("closes", raw(b""), "http", "failed to read the answer"),
        is("ill", raw(b"HTTP/1.1 503 Ill\r\nContent-Length: 25\r\n\r\nback\x1b[31m\r\nin a minute"), "status_503", "in a minute"),
        is("circle", raw(b"HTTP/1.1 302 Found\r\nLocation: /metrics\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), "redirect", "too many redirects"),
        is("to-a-file", raw(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"), "redirect", "not an http url"),
    ])
}

/// The configuration of one job; `rest` are more of its keys.
fn job(name: &str, address: &SocketAddr, rest: &str) -> String {
    format!("  - {{job_name: {name}, static_configs: [{{targets: [\"{address}\"]}}]{rest}}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_page_fails_alone_with_a_reason_everywhere() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let good = CountingTarget::start().await?;
    let twice = HostileTarget::start(text("a 1\na 2\nb 1 99999999999999\n")).await?;
    let mut jobs = job("good", &good.address, "") + &job("twice", &twice.address, "");
    let (pages, mut running) = (pages()?, Vec::new());
    for page in &pages {
        let target = HostileTarget::start(page.answer.clone()).await?;
        jobs += &job(page.job, &target.address, "");
        running.push(target);
    }
    let yaml = format!(
        "global: {{scrape_interval: 1s, scrape_timeout: 700ms, sample_limit: 100, body_size_limit: 1MiB}}\n\
         scrape_configs:\n{jobs}"
    );
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    for page in &pages {
        check_down(&leadsman, page.job, page.says).await?;
    }
    until("several rounds", PATIENCE, || async {
        ensure!(good.scrapes() > 6, "{} scrapes", good.scrapes());
        Ok(())
    })
    .await?;
    let metrics = leadsman.get("/metrics").await?;
    for Page { job, reason, .. } in &pages {
        check_told(&leadsman, &metrics, "scrape", job, reason);
    }
    check_duplicates_are_told(&leadsman, &metrics).await?;
    check_undisturbed(&metrics, "good");
    let peak = leadsman.process.peak_mebibytes()?;
    assert!(peak < MOST_MEBIBYTES, "{peak} MiB");

    let (said, code) = leadsman.targets_command()?;
    assert_eq!(code, Some(1), "{said}");
    for page in &pages {
        assert!(said.contains(page.says), "{} in {said}", page.says);
    }
    assert!(!said.contains('\u{1b}'), "a target wrote to the terminal");
    Ok(())
}

/// Waits until a job's only target is down, for a reason that `says` is part of.
async fn check_down(leadsman: &Leadsman, job: &str, says: &str) -> Result<()> {
    until(&format!("{job} to be down: {says}"), PATIENCE, || async {
        let target = target(leadsman, job).await?;
        let error = target["last_error"].as_str().unwrap_or_default();
        ensure!(
            target["health"] == "down" && error.contains(says),
            "{target:#}"
        );
        Ok(())
    })
    .await
}

async fn target(leadsman: &Leadsman, job: &str) -> Result<Value> {
    let targets = leadsman.targets().await?;
    let mut found = targets.into_iter().filter(|target| target["job"] == job);
    found.next().with_context(|| format!("no target of {job}"))
}

/// A counted reason, and a log line with the target.
fn check_told(leadsman: &Leadsman, metrics: &str, what: &str, job: &str, reason: &str) {
    let counted = metrics.lines().any(|line| {
        line.starts_with(&format!("leadsman_{what}_failures_total{{"))
            && line.contains(&format!("job=\"{job}\""))
            && line.contains(&format!("reason=\"{reason}\""))
    });
    assert!(counted, "{job}: {reason} is not counted in {metrics}");
    let log = leadsman.process.output();
    let logged = log.lines().any(|line| {
        let parts = ["failed", job, reason, "127.0.0.1:"];
        parts.iter().all(|part| line.contains(part))
    });
    assert!(logged, "{job}: {reason} is not in {log}");
}

/// The first of the samples counts, the others are told of; the target is up.
async fn check_duplicates_are_told(leadsman: &Leadsman, metrics: &str) -> Result<()> {
    let target = target(leadsman, "twice").await?;
    assert_eq!(target["health"], "up", "{target:#}");
    let (said, _) = leadsman.targets_command()?;
    let log = leadsman.process.output();
    for reason in ["duplicate_series", "timestamp_out_of_range"] {
        let counter = format!("leadsman_scrape_issues_total{{job=\"twice\",reason=\"{reason}\"}}");
        assert!(metrics.contains(&counter), "{counter} in {metrics}");
        assert!(said.contains(reason), "{reason} in {said}");
        let n_lines = log
            .lines()
            .filter(|line| line.contains("twice") && line.contains(reason))
            .count();
        assert_eq!(n_lines, 1, "{reason} is told once: {log}");
    }
    Ok(())
}

/// No scrape of the job failed, was left out or took longer than half a second.
pub(super) fn check_undisturbed(metrics: &str, job: &str) {
    let of_job = |line: &&str| line.contains(&format!("job=\"{job}\""));
    let value = |part: &str| {
        let mut lines = metrics.lines().filter(of_job);
        let line = lines.find(|line| line.contains(part));
        line.and_then(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
    };
    assert_eq!(value("leadsman_scrape_failures_total"), None, "{metrics}");
    assert_eq!(value("reason=\"overlap\""), None, "{metrics}");
    let all = value("leadsman_scrape_duration_seconds_count");
    let quick = value("le=\"0.5\"");
    assert!(
        all.is_some() && all == quick,
        "{quick:?} of {all:?} were quick"
    );
}

/// A misbehaving profile endpoint, and what is told of it.
struct Profile {
    job: &'static str,
    answer: Answer,
    reason: &'static str,
    says: &'static str,
}

fn profiles() -> Result<Vec<Profile>> {
    let octets = |body: &[u8]| page("Content-Type: application/octet-stream\r\n", body);
    let is = |job, answer, reason, says| Profile {
        job,
        answer,
        reason,
        says,
    };
    // Field 2 (sample) of 2 bytes: field 1 (location id) 99. Field 5 (function) of 4 bytes: id 1,
    // name 77. Field 6 (string table), empty.
    let (dangling, no_string) = (
        [0x12, 2, 0x08, 99, 0x32, 0],
        [0x2a, 4, 0x08, 1, 0x10, 77, 0x32, 0],
    );
    let dump = "goroutine profile: total 3\n1 @ zzzz\n";
    Ok(vec![
        is(
            "p-garbage",
            octets(&[0xff; 64]),
            "pprof",
            "malformed protobuf",
        ),
        is("p-dangling", octets(&dangling), "pprof", "99"),
        is("p-string", octets(&no_string), "pprof", "77"),
        is(
            "p-half-gzip",
            octets(&gzip(&[0x12; 999])?[..20]),
            "decode",
            "damaged gzip data",
        ),
        is(
            "p-bomb",
            octets(&bomb(gzip)?),
            "body_too_large",
            "longer than 1048576 bytes",
        ),
        is(
            "p-zstd-bomb",
            octets(&bomb(zstd)?),
            "body_too_large",
            "longer than 1048576 bytes",
        ),
        is(
            "p-html",
            octets(b"<html>log in</html>"),
            "pprof",
            "not a pprof protobuf message",
        ),
        is("p-text", octets(dump.as_bytes()), "pprof", "text"),
        is("p-empty", octets(b""), "pprof", "body is empty"),
        is(
            "p-endless",
            Answer::Endless,
            "body_too_large",
            "larger than 1048576 bytes",
        ),
        is(
            "p-ill",
            Answer::Bytes(b"HTTP/1.1 500 Ill\r\nContent-Length: 0\r\n\r\n".to_vec()),
            "status_500",
            "server answered 500",
        ),
        is(
            "p-forbidden",
            Answer::Bytes(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n".to_vec()),
            "status_403",
            "server answered 403",
        ),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_profile_is_not_kept_and_says_why() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let missing = Answer::Bytes(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_vec());
    let missing = HostileTarget::start(missing).await?;
    let (profiles, mut running) = (profiles()?, Vec::new());
    let heap = ", metrics_enabled: false, profiling_config: {pprof_config: \
                {memory: {enabled: true, interval: 1s, delta: off}}}";
    let mut jobs = job("p-missing", &missing.address, heap);
    for profile in &profiles {
        let target = HostileTarget::start(profile.answer.clone()).await?;
        jobs += &job(profile.job, &target.address, heap);
        running.push(target);
    }
    let yaml = format!("global: {{body_size_limit: 1MiB}}\nscrape_configs:\n{jobs}");
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    for profile in &profiles {
        check_profile(&leadsman, profile.job, "failed", profile.says).await?;
    }
    check_profile(
        &leadsman,
        "p-missing",
        "skipped",
        "the target does not offer it",
    )
    .await?;
    let metrics = leadsman.get("/metrics").await?;
    for Profile { job, reason, .. } in &profiles {
        check_told(&leadsman, &metrics, "profile", job, reason);
    }
    let skipped = metrics.lines().any(|line| {
        line.starts_with("leadsman_profile_skipped_total") && line.contains("p-missing")
    });
    assert!(skipped, "{metrics}");
    let peak = leadsman.process.peak_mebibytes()?;
    assert!(peak < MOST_MEBIBYTES, "{peak} MiB");

    let (said, code) = leadsman.targets_command()?;
    assert_eq!(
        code,
        Some(1),
        "of these targets nothing else is known: {said}"
    );
    for profile in &profiles {
        assert!(said.contains(profile.says), "{} in {said}", profile.says);
    }
    Ok(())
}

async fn check_profile(leadsman: &Leadsman, job: &str, state: &str, says: &str) -> Result<()> {
    until(&format!("{job}: {state}: {says}"), PATIENCE, || async {
        let target = target(leadsman, job).await?;
        let profiles = target["profiles"].as_array().context("no profiles")?;
        let memory = profiles.iter().find(|profile| profile["kind"] == "memory");
        let memory = memory.context("no heap profile")?;
        let reason = memory["reason"].as_str().unwrap_or_default();
        ensure!(
            memory["state"] == state && reason.contains(says),
            "{memory:#}"
        );
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_who_it_should_be_is_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let [ours, theirs] = [Authority::new()?, Authority::new()?];
    let ca = folder.path().join("ca.crt");
    ours.write(&ca)?;
    let expired = Subject {
        valid: (2020, 2021),
        ..LOCAL
    };
    let elsewhere = Subject {
        hosts: &["elsewhere.example"],
        ..LOCAL
    };
    let cases = [
        ("expired", &ours, &expired, "expired"),
        ("wrong-ca", &theirs, &LOCAL, "UnknownIssuer"),
        ("wrong-name", &ours, &elsewhere, "elsewhere.example"),
    ];
    let tls = format!(", scheme: https, tls_config: {{ca_file: {ca:?}}}");
    let (mut jobs, mut running) = (String::new(), Vec::new());
    for (name, authority, subject, _) in &cases {
        let target = tls_target(folder.path(), name, authority, subject).await?;
        jobs += &job(name, &target.address, &tls);
        running.push(target);
    }
    let rotating = tls_target(folder.path(), "rotating", &ours, &LOCAL).await?;
    jobs += &job("rotating", &rotating.address, &tls);
    let yaml = format!("global: {{scrape_interval: 1s}}\nscrape_configs:\n{jobs}");
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    for (name, _, _, says) in cases {
        check_down(&leadsman, name, says).await?;
    }
    let metrics = leadsman.get("/metrics").await?;
    for (name, ..) in cases {
        check_told(&leadsman, &metrics, "scrape", name, "tls");
    }
    leadsman.wait_until_up(&["rotating"]).await?;
    issue(folder.path(), "rotating", &theirs, &LOCAL)?;
    check_down(&leadsman, "rotating", "UnknownIssuer").await?;
    theirs.write(&ca)?;
    leadsman.wait_until_up(&["rotating", "wrong-ca"]).await
}

/// A good page behind a certificate that `authority` signs.
async fn tls_target(
    folder: &Path,
    name: &str,
    authority: &Authority,
    subject: &Subject<'_>,
) -> Result<HostileTarget> {
    let identity = issue(folder, name, authority, subject)?;
    HostileTarget::tls(text("a 1\n"), identity).await
}

fn issue(
    folder: &Path,
    name: &str,
    authority: &Authority,
    subject: &Subject<'_>,
) -> Result<Identity> {
    let identity = Identity {
        cert_file: folder.join(format!("{name}.crt")),
        key_file: folder.join(format!("{name}.key")),
    };
    authority.issue(subject, &identity.cert_file, &identity.key_file)?;
    Ok(identity)
}

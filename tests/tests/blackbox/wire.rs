//! Targets whose HTTP or whose name is odd: what can be read is read, and nothing goes elsewhere.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leadsman_tests::certs::{Authority, LOCAL};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::hostile_target::{Answer, HostileTarget, Identity, text};
use leadsman_tests::leadsman::{Launch, Leadsman};
use leadsman_tests::usage;
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;

const TYPE: &str = "Content-Type: text/plain\r\n";

/// Answers that are good, if unusual.
fn good() -> Vec<(&'static str, Answer)> {
    let ok = format!("HTTP/1.1 200 OK\r\n{TYPE}");
    let whole = format!("{ok}Content-Length: 4\r\n\r\na 1\n");
    let chunked = format!("{ok}Transfer-Encoding: chunked\r\n\r\n");
    let bytes = |text: String| Answer::Bytes(text.into_bytes());
    vec![
        (
            "http-1.0",
            bytes(format!("HTTP/1.0 200 OK\r\n{TYPE}\r\na 1\n")),
        ),
        (
            "continue",
            bytes(format!("HTTP/1.1 100 Continue\r\n\r\n{whole}")),
        ),
        (
            "early-hints",
            bytes(format!(
                "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n{whole}"
            )),
        ),
        (
            "chunks",
            bytes(format!(
                "{chunked}2;x=y\r\na \r\n2\r\n1\n\r\n0\r\nTrailer: x\r\n\r\n"
            )),
        ),
        ("closes-after-it", bytes(whole.clone())),
        ("closes-at-the-next", Answer::Once(whole.into_bytes())),
    ]
}

/// Answers that are not, and what is told of them.
fn bad() -> Vec<(&'static str, Answer, &'static str)> {
    let chunked = format!("HTTP/1.1 200 OK\r\n{TYPE}Transfer-Encoding: chunked\r\n\r\n");
    let bytes = |text: String| Answer::Bytes(text.into_bytes());
    let late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\na 1\n".to_vec();
    vec![
        (
            "bad-chunk",
            bytes(format!("{chunked}4\r\na 1\n\r\nzz\r\n")),
            "failed to read the answer",
        ),
        (
            "no-last-chunk",
            bytes(format!("{chunked}4\r\na 1\n\r\n")),
            "failed to read the answer",
        ),
        (
            "only-continue",
            bytes("HTTP/1.1 100 Continue\r\n\r\n".to_owned()),
            "failed to read",
        ),
        (
            "slower-than-its-interval",
            Answer::Late(Duration::from_secs(3), late),
            "within 500ms",
        ),
    ]
}

fn job(name: &str, address: &SocketAddr, rest: &str) -> String {
    format!("- {{job_name: {name}, static_configs: [{{targets: [\"{address}\"]}}]{rest}}}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_answers_are_read_and_broken_ones_told_of() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (good, bad) = (good(), bad());
    let silent = HostileTarget::start(Answer::Never).await?;
    let mut jobs = job("silent-at-tls", &silent.address, ", scheme: https");
    let mut running = Vec::new();
    for (name, answer) in &good {
        let target = HostileTarget::start(answer.clone()).await?;
        jobs += &job(name, &target.address, "");
        running.push(target);
    }
    for (name, answer, _) in &bad {
        let target = HostileTarget::start(answer.clone()).await?;
        jobs += &job(name, &target.address, "");
        running.push(target);
    }
    let yaml = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 500ms}}\nscrape_configs:\n{jobs}"
    );
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    let names: Vec<&str> = good.iter().map(|(name, _)| *name).collect();
    leadsman.wait_until_up(&names).await?;
    check_down(
        &leadsman,
        "silent-at-tls",
        "no complete answer within 500ms",
    )
    .await?;
    for (name, _, says) in &bad {
        check_down(&leadsman, name, says).await?;
    }
    let pid = leadsman.process.id();
    let n_descriptors = usage::descriptors(pid)?;
    until("many more scrapes of each", PATIENCE, || async {
        let fewest = running.iter().map(|target| target.heads().len()).min();
        ensure!(fewest > Some(12), "{fewest:?} requests");
        Ok(())
    })
    .await?;
    let metrics = leadsman.get("/metrics").await?;
    for name in names {
        let failed = metrics.lines().find(|line| {
            line.starts_with("leadsman_scrape_failures_total")
                && line.contains(&format!("job=\"{name}\""))
        });
        assert_eq!(failed, None, "{}", leadsman.process.output());
    }
    let now = usage::descriptors(pid)?;
    // One connection for each target, at the most, may be open now and was not before.
    assert!(
        now <= n_descriptors + running.len(),
        "{n_descriptors} descriptors, then {now}"
    );
    Ok(())
}

/// Waits until a job's only target is down, for a reason that `says` is part of.
async fn check_down(leadsman: &Leadsman, job: &str, says: &str) -> Result<()> {
    until(&format!("{job} to be down: {says}"), PATIENCE, || async {
        let targets = leadsman.targets().await?;
        let target = targets.iter().find(|target| target["job"] == job);
        let target = target.with_context(|| format!("no target of {job}"))?;
        let error = target["last_error"].as_str().unwrap_or_default();
        ensure!(
            target["health"] == "down" && error.contains(says),
            "{target:#}"
        );
        Ok(())
    })
    .await
}

/// A heap profile that takes three times its interval.
#[tokio::test(flavor = "multi_thread")]
async fn a_profile_slower_than_its_interval_is_taken_and_the_others_are_counted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // Field 6 (string table), empty: a profile without samples.
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n".as_slice();
    let slow = Answer::Late(Duration::from_secs(3), [head, &[0x32, 0]].concat());
    let target = HostileTarget::start(slow).await?;
    let profiling = ", metrics_enabled: false, profiling_config: {pprof_config: \
                     {memory: {enabled: true, interval: 1s}, goroutine: {enabled: false}}}";
    let yaml = format!(
        "scrape_configs:\n{}",
        job("slow", &target.address, profiling)
    );
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    until("profiles taken and profiles missed", PATIENCE, || async {
        let metrics = leadsman.get("/metrics").await?;
        for counter in [
            "leadsman_profile_taken_total{job=\"slow\",kind=\"memory\"}",
            "leadsman_profile_missed_total{job=\"slow\",kind=\"memory\",reason=\"overlap\"}",
        ] {
            let line = metrics.lines().find_map(|line| line.strip_prefix(counter));
            let count = line.and_then(|count| count.trim().parse::<u64>().ok());
            ensure!(count > Some(1), "{counter}: {count:?}");
        }
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_is_not_shown_to_whom_a_redirect_leads() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let authority = Authority::new()?;
    let file = |name: &str| folder.path().join(name);
    authority.write(&file("ca.crt"))?;
    authority.issue(&LOCAL, &file("tls.crt"), &file("tls.key"))?;
    let identity = || Identity {
        cert_file: file("tls.crt"),
        key_file: file("tls.key"),
    };
    let elsewhere = HostileTarget::tls(text("a 1\n"), identity()).await?;
    let away = format!(
        "HTTP/1.1 307 Away\r\nLocation: https://{}/\r\nContent-Length: 0\r\n\r\n",
        elsewhere.address
    );
    let target = HostileTarget::tls(Answer::Bytes(away.into_bytes()), identity()).await?;
    let tls = ", scheme: https, authorization: {credentials: planted-token}, tls_config: {ca_file: ca.crt";
    let with_certificate = format!("{tls}, cert_file: tls.crt, key_file: tls.key}}");
    let yaml = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n{}",
        job("shown", &target.address, &with_certificate)
    );
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    let says = "the client certificate is not for it";
    check_down(&leadsman, "shown", says).await?;
    assert!(elsewhere.heads().is_empty(), "{:?}", elsewhere.heads());
    assert!(target.heads().concat().contains("planted-token"));

    // Without a certificate it is followed, without the token.
    let job = job("shown", &target.address, &format!("{tls}}}"));
    let config = std::fs::read_to_string(leadsman.config())?;
    let head = config.split("scrape_configs").next().unwrap_or_default();
    std::fs::write(leadsman.config(), format!("{head}scrape_configs:\n{job}"))?;
    leadsman.process.signal(Signal::HUP)?;
    leadsman.wait_until_up(&["shown"]).await?;
    let heads = elsewhere.heads().concat();
    assert!(
        heads.contains("GET / ") && !heads.contains("planted-token"),
        "{heads}"
    );
    Ok(())
}

/// A program that executes another where this file is `/etc/hosts`.
fn with_hosts(hosts: &Path) -> Vec<String> {
    let hosts = hosts.display().to_string();
    let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    ["unshare", "--mount", "sh", "-c", script, &hosts]
        .map(str::to_owned)
        .to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_gets_another_address_is_followed_there() -> Result<()> {
    if !rustix::process::geteuid().is_root() {
        eprintln!("left out: only root can give leadsman an /etc/hosts of its own");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let hosts = folder.path().join("hosts");
    let first = CountingTarget::start().await?;
    let mut address = first.address;
    std::fs::write(&hosts, "127.0.0.1 moving.test\n")?;
    let port = address.port();
    let yaml = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs: \
         [{{job_name: moving, static_configs: [{{targets: [\"moving.test:{port}\"]}}]}}]\n"
    );
    let launch = Launch {
        wrapper: with_hosts(&hosts),
        ..Launch::default()
    };
    let leadsman = Leadsman::launch(folder.path(), launch, &yaml).await?;
    leadsman.wait_until_up(&["moving"]).await?;

    address.set_ip([127, 0, 0, 2].into());
    let second = CountingTarget::start_at(address).await?;
    std::fs::write(&hosts, "127.0.0.2 moving.test\n")?;
    drop(first);
    until("the other address to be asked", PATIENCE, || async {
        ensure!(second.scrapes() > 1, "{} scrapes", second.scrapes());
        Ok(())
    })
    .await?;
    leadsman.wait_until_up(&["moving"]).await?;

    std::fs::write(&hosts, "")?;
    drop(second);
    check_down(&leadsman, "moving", "failed to resolve moving.test").await?;
    let third = CountingTarget::start_at(address).await?;
    std::fs::write(&hosts, "127.0.0.2 moving.test\n")?;
    leadsman.wait_until_up(&["moving"]).await?;
    assert!(third.scrapes() > 0);
    Ok(())
}

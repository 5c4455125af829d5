//! leadsman's own endpoints: who is let in, what strangers learn, and that secrets stay secret.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use leadsman_tests::certs::Certs;
use leadsman_tests::contents;
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::hostile_target::{Answer, HostileTarget, text};
use leadsman_tests::http;
use leadsman_tests::leadsman::{Leadsman, Web, command};
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use reqwest::StatusCode;
use rustix::process::Signal;

#[test]
fn it_does_not_listen_to_strangers_by_accident() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut run = command(["--listen", "0.0.0.0:0", "--data"])?;
    let output = tools::output(run.arg(folder.path().join("data")))?;
    check_refusal(
        &output,
        1,
        &[
            "refusing to listen on 0.0.0.0:0",
            "web.basic_auth",
            "web.allow_unauthenticated: true",
        ],
    );

    let file = folder.path().join("open.yml");
    std::fs::write(&file, "web:\n  listen: 0.0.0.0:7171\n")?;
    let output = tools::output(command(["--config"])?.arg(&file))?;
    check_refusal(
        &output,
        2,
        &[
            "open.yml:2",
            "not loopback",
            "basic_auth",
            "allow_unauthenticated: true",
        ],
    );
    ensure!(
        !folder
            .path()
            .join("data")
            .join("archive")
            .join("profiles")
            .exists()
    );
    Ok(())
}

fn check_refusal(output: &std::process::Output, code: i32, parts: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_only_those_with_credentials_are_let_in() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certs = Certs::make(folder.path())?;
    let token = folder.path().join("web.token");
    std::fs::write(&token, "let-me-in-9\n")?;
    let client = http::builder()
        .add_root_certificate(reqwest::Certificate::from_pem(&std::fs::read(&certs.ca)?)?)
        .build()?;
    let web = Web {
        keys: format!(
            ", tls_config: {{cert_file: {:?}, key_file: {:?}}}, \
             basic_auth: {{username: anna, password: open-sesame}}, \
             authorization: {{credentials_file: {token:?}}}",
            certs.server_cert, certs.server_key
        ),
        scheme: "https",
        client: client.clone(),
    };
    let leadsman = Leadsman::serving(folder.path(), web, "global: {scrape_interval: 1s}\n").await?;
    let get = |path: &str| client.get(leadsman.url(path));
    for path in [
        "/",
        "/metrics",
        "/api/v1/targets",
        "/debug/pprof/heap",
        "/nothing",
    ] {
        check(
            get(path),
            StatusCode::UNAUTHORIZED,
            "credentials are needed",
        )
        .await?;
        let wrong = get(path).basic_auth("anna", Some("open-says-me"));
        check(wrong, StatusCode::UNAUTHORIZED, "credentials are needed").await?;
        check(
            get(path).bearer_auth("let-me-in-8"),
            StatusCode::UNAUTHORIZED,
            "",
        )
        .await?;
    }
    let metrics = || get("/metrics");
    let challenged = metrics().send().await?;
    let challenge = challenged.headers().get("www-authenticate");
    let challenge = challenge.context("no challenge")?.to_str()?;
    assert!(
        challenge.contains("Basic") && challenge.contains("Bearer"),
        "{challenge}"
    );
    check(get("/-/healthy"), StatusCode::OK, "healthy").await?;
    check(
        metrics().basic_auth("anna", Some("open-sesame")),
        StatusCode::OK,
        "leadsman_",
    )
    .await?;
    check(
        metrics().bearer_auth("let-me-in-9"),
        StatusCode::OK,
        "leadsman_",
    )
    .await?;

    // It knows its own credentials: as a target of itself, and on the command line.
    until("leadsman to be its own target", PATIENCE, || async {
        let (said, code) = leadsman.targets_command()?;
        ensure!(code == Some(0) && said.contains("up"), "{code:?}: {said}");
        Ok(())
    })
    .await?;
    std::fs::write(&token, "let-me-in-10\n")?;
    check(
        metrics().bearer_auth("let-me-in-10"),
        StatusCode::OK,
        "leadsman_",
    )
    .await?;
    check(
        metrics().bearer_auth("let-me-in-9"),
        StatusCode::UNAUTHORIZED,
        "",
    )
    .await
}

async fn check(request: reqwest::RequestBuilder, status: StatusCode, says: &str) -> Result<()> {
    let response = request.send().await?;
    let (url, found) = (response.url().clone(), response.status());
    let body = response.text().await?;
    ensure!(
        found == status && body.contains(says),
        "{url}: {found}: {body}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_client_ca_only_its_clients_are_let_in() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let certs = Certs::make(folder.path())?;
    let ca = reqwest::Certificate::from_pem(&std::fs::read(&certs.ca)?)?;
    let pem = [
        std::fs::read(&certs.client_cert)?,
        std::fs::read(&certs.client_key)?,
    ]
    .concat();
    let trusting = || http::builder().add_root_certificate(ca.clone());
    let web = Web {
        keys: format!(
            ", tls_config: {{cert_file: {:?}, key_file: {:?}, client_ca_file: {:?}}}",
            certs.server_cert, certs.server_key, certs.ca
        ),
        scheme: "https",
        client: trusting()
            .identity(reqwest::Identity::from_pem(&pem)?)
            .build()?,
    };
    let target = CountingTarget::start().await?;
    let yaml = format!(
        "global: {{scrape_interval: 1s}}\n\
         scrape_configs: [{{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        target.address
    );
    let leadsman = Leadsman::serving(folder.path(), web, &yaml).await?;
    let stranger = trusting()
        .build()?
        .get(leadsman.url("/-/ready"))
        .send()
        .await;
    ensure!(stranger.is_err(), "a stranger was let in: {stranger:?}");
    leadsman.wait_until_up(&["counting"]).await?;
    let metrics = leadsman.get("/metrics").await?;
    assert!(
        metrics.contains("leadsman_http_tls_failures_total 1"),
        "{metrics}"
    );

    let (said, code) = leadsman.targets_command()?;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("client certificate") && said.contains("--cert-file"),
        "{said}"
    );
    let mut targets = command(["targets", "--config"])?;
    targets
        .arg(leadsman.config())
        .arg("--ca-file")
        .arg(&certs.ca);
    targets.arg("--cert-file").arg(&certs.client_cert);
    let said = tools::run(targets.arg("--key-file").arg(&certs.client_key))?;
    assert!(said.contains("counting"), "{said}");
    check_unknown_target(&leadsman, &target).await
}

/// The page of a target that is none is a 404 with those there are.
async fn check_unknown_target(leadsman: &Leadsman, target: &CountingTarget) -> Result<()> {
    let path = format!("/metrics?target=counting/{}", target.address);
    until("the page of the target", PATIENCE, || async {
        let page = leadsman.get(&path).await?;
        ensure!(page.contains("scrapes_total"), "{page}");
        Ok(())
    })
    .await?;
    let refused = leadsman.get("/metrics?target=coutning").await;
    let refused = refused.err().context("a page of nothing")?.to_string();
    for part in ["404", "coutning", &format!("counting/{}", target.address)] {
        assert!(refused.contains(part), "{part} is missing in {refused}");
    }
    Ok(())
}

const PASSWORD: &str = "Xk7-planted-password";
const TOKEN: &str = "Qz9-planted-token-that-is-a-little-longer-than-the-others";
const WEB_TOKEN: &str = "Wb3-planted-web-token";
const HEADER: &str = "Hd5-planted-header";
/// `user:Xk7-planted-password`, as it is sent.
const ENCODED: &str = "dXNlcjpYazctcGxhbnRlZC1wYXNzd29yZA==";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_shows_nowhere_even_if_the_target_sends_it_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("password"), PASSWORD)?;
    std::fs::write(folder.path().join("web.token"), WEB_TOKEN)?;
    let elsewhere = HostileTarget::start(text("a 1\n")).await?;
    let away = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        elsewhere.address
    );
    let mut targets = vec![HostileTarget::start(Answer::Bytes(away.into_bytes())).await?];
    for status in [200, 302, 401, 500] {
        targets.push(HostileTarget::start(Answer::Echo(status)).await?);
    }
    let web = Web {
        keys: ", authorization: {credentials_file: web.token}".to_owned(),
        scheme: "http",
        client: http::builder()
            .default_headers(bearer(WEB_TOKEN)?)
            .build()?,
    };
    let yaml = secretive_configuration(&targets);
    let mut leadsman = Leadsman::serving(folder.path(), web, &yaml).await?;
    until(
        "every target to have been asked twice",
        PATIENCE,
        || async {
            ensure!(
                targets.iter().all(|target| target.heads().len() > 4),
                "not yet"
            );
            ensure!(elsewhere.heads().len() > 1, "not redirected");
            Ok(())
        },
    )
    .await?;
    check_credentials_stay(&targets, &elsewhere);
    for target in &targets[1..] {
        check_capture(folder.path(), target)?;
    }
    check_bad_reload_is_silent(&leadsman).await?;
    let mut shown = leadsman.get("/metrics").await?;
    shown += &leadsman.get("/api/v1/targets").await?;
    shown += &leadsman.get("/").await?;
    shown += &leadsman.targets_command()?.0;
    ensure!(leadsman.process.stop(PATIENCE)?.success());
    shown += &leadsman.process.output();
    check_no_secret("what it shows", shown.as_bytes());
    assert!(
        shown.contains("<secret>"),
        "the echo was not looked at: {shown}"
    );
    let n_files = check_folder(&leadsman.data)?;
    assert!(n_files > 3, "only {n_files} files");
    check_contents("the log", &contents::of_log(&leadsman.data)?);
    check_contents("the archive", &contents::of_archive(&leadsman.data)?);
    Ok(())
}

/// What is compressed, once it no longer is.
fn check_contents(whose: &str, text: &str) {
    check_no_secret(whose, text.as_bytes());
    assert!(text.contains("inline"), "nothing in {whose}: {text}");
}

fn bearer(token: &str) -> Result<reqwest::header::HeaderMap> {
    let value = format!("Bearer {token}").parse()?;
    Ok([(reqwest::header::AUTHORIZATION, value)]
        .into_iter()
        .collect())
}

/// Secrets in the file and beside it, at the level at which libraries tell the most.
fn secretive_configuration(targets: &[HostileTarget]) -> String {
    let addresses: Vec<String> = targets.iter().map(|t| t.address.to_string()).collect();
    let profiling = "profiling_config: {pprof_config: {memory: {enabled: true, interval: 1s}}}";
    format!(
        r#"
telemetry: {{log_level: trace}}
global: {{scrape_interval: 1s}}
otlp: [{{endpoint: "http://127.0.0.1:9", protocol: grpc, headers: {{x-key: {HEADER}}}}}]
scrape_configs:
  - job_name: inline
    authorization: {{credentials: {TOKEN}}}
    static_configs: [{{targets: {addresses:?}}}]
    {profiling}
  - job_name: file
    basic_auth: {{username: user, password_file: password}}
    static_configs: [{{targets: {addresses:?}}}]
    {profiling}
"#
    )
}

/// The targets get the credentials, the one they lead to does not.
fn check_credentials_stay(targets: &[HostileTarget], elsewhere: &HostileTarget) {
    for target in targets {
        let heads = target.heads().concat();
        assert!(heads.contains(TOKEN) && heads.contains(ENCODED), "{heads}");
    }
    check_no_secret("the other host", elsewhere.heads().concat().as_bytes());
}

/// Of an echo nothing but what was taken (the bodies of good answers) may hold the secret.
fn check_capture(folder: &Path, target: &HostileTarget) -> Result<()> {
    let captured = folder.join(format!("capture-{}", target.address.port()));
    let url = format!("http://{}", target.address);
    let mut capture = command(["capture", "--seconds", "1", "--bearer-token-file"])?;
    capture.arg(folder.join("web.token"));
    let output = tools::output(capture.args(["-o".as_ref(), captured.as_os_str()]).arg(url))?;
    let said = [output.stdout, output.stderr].concat();
    check_no_secret("leadsman capture", &said);
    let manifest = captured.join("manifest.json");
    let manifest = std::fs::read(&manifest).unwrap_or_default();
    check_no_secret("the manifest", &manifest);
    let told = String::from_utf8([said, manifest].concat())?;
    ensure!(
        told.contains("<secret>"),
        "the echo was not looked at: {told}"
    );
    Ok(())
}

/// A secret under a wrong key, or of a wrong type, is not repeated with the complaint.
async fn check_bad_reload_is_silent(leadsman: &Leadsman) -> Result<()> {
    let good = std::fs::read_to_string(leadsman.config())?;
    let wrong = [
        (format!("password_file: [{PASSWORD}]"), "password_file"),
        (format!("passwort: {PASSWORD}"), "passwort"),
        (format!("password: {{a: {PASSWORD}}}"), "password"),
    ];
    for (key, named) in wrong {
        std::fs::write(
            leadsman.config(),
            good.replace("password_file: password", &key),
        )?;
        let n_before = leadsman.process.output().len();
        leadsman.process.signal(Signal::HUP)?;
        until("the bad file to be refused", PATIENCE, || async {
            let said = leadsman.process.output();
            let new = said.get(n_before..).unwrap_or_default();
            ensure!(
                new.contains("configuration is wrong") && new.contains(named),
                "not yet"
            );
            Ok(())
        })
        .await?;
    }
    Ok(std::fs::write(leadsman.config(), good)?)
}

/// Every file under `folder`; the number of them.
fn check_folder(folder: &Path) -> Result<usize> {
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            n_files += check_folder(&path)?;
        } else {
            check_no_secret(&path.display().to_string(), &std::fs::read(&path)?);
            n_files += 1;
        }
    }
    Ok(n_files)
}

#[track_caller]
fn check_no_secret(whose: &str, bytes: &[u8]) {
    for secret in [PASSWORD, TOKEN, WEB_TOKEN, HEADER, ENCODED] {
        let found = bytes
            .windows(secret.len())
            .position(|part| part == secret.as_bytes());
        if let Some(at) = found {
            let around = &bytes[at.saturating_sub(300)..(at + 100).min(bytes.len())];
            panic!("{secret} in {whose}: {}", String::from_utf8_lossy(around));
        }
    }
}

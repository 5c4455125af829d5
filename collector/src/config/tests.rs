//! The embedded file against the code, and the folder of bad files against their messages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use storage::archive::remote::CAN_USE_BUCKETS;

use super::*;

fn valid(text: &str) -> Config {
    parse(Path::new("test.yml"), text).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The default file with the keys that are not set there set: `#key` without a space.
fn every_key() -> String {
    let uncommented = DEFAULT_FILE
        .lines()
        .map(|line| match line.trim_start().strip_prefix('#') {
            Some(key) if !key.is_empty() && !key.starts_with(' ') => line.replacen('#', "", 1),
            _ => line.to_owned(),
        });
    uncommented
        .map(|line| {
            line.replace("${LEADSMAN_", "planted-")
                .replace("${ETCD_", "planted-")
        })
        .collect::<Vec<_>>()
        .join("\n")
}

/// The keys that readers ask for, and whether the file that is read has them.
fn asked_keys(text: &str) -> (BTreeSet<(String, &'static str)>, Vec<ConfigError>) {
    let source = Source::new(Path::new("test.yml"));
    let document = yaml::parse(text).unwrap();
    source.table(&document, "the file", |table| {
        read(table, built_in_signals().unwrap())
    });
    let asked = source.asked.borrow().clone();
    (asked, source.finish().err().unwrap_or_default())
}

#[test]
fn the_default_file_says_what_the_code_does_without_it() {
    let written = load(None).unwrap();
    let bare = valid("");
    assert_eq!(written.global, bare.global);
    assert_eq!(written.archive, bare.archive);
    assert_eq!(written.web, bare.web);
    assert_eq!(written.traces, bare.traces);
    assert_eq!(written.alerting, bare.alerting);
    assert_eq!(written.profiling, bare.profiling);
    assert_eq!(written.span_metrics, bare.span_metrics);
    assert_eq!(written.telemetry, bare.telemetry);
    assert_eq!(written.warnings, Vec::<String>::new());
    let names: Vec<_> = written.jobs.iter().map(|job| job.name.as_str()).collect();
    assert_eq!(names, ["local", "leadsman"]);
}

#[test]
fn the_default_file_shows_every_key() {
    let text = every_key();
    let (asked, _) = asked_keys(&text);
    for (place, key) in asked {
        let shown = text.lines().any(|line| {
            line.trim_start()
                .trim_start_matches("- ")
                .starts_with(&format!("{key}:"))
                || line.contains(&format!("{{{key}: "))
                || line.contains(&format!(", {key}: "))
        });
        assert!(shown, "{key:?} of {place} is not in default.yml");
    }
}

/// Both credentials and a second value of a secret are shown: those errors, and no other.
#[test]
fn the_default_file_shows_nothing_that_is_wrong() {
    let (_, errors) = asked_keys(&every_key());
    for error in errors {
        let is_choice = error.problem.contains("a second value beside")
            || error.problem.contains("a second way beside");
        // The example's bucket is one of S3, and a build may have no object stores.
        let is_of_bucket = error.key.as_deref() == Some("service_account_file")
            || (!CAN_USE_BUCKETS && error.key.as_deref() == Some("object_store"));
        assert!(is_choice || is_of_bucket, "{error}");
    }
}

/// The keys of `key` in the default file, from its line to the next one that is not below it.
fn shown(key: &str) -> String {
    let text = every_key();
    let start = text
        .lines()
        .position(|line| line.trim_start().starts_with(key))
        .unwrap();
    let lines: Vec<_> = text.lines().skip(start).collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let below = lines
        .iter()
        .skip(1)
        .take_while(|line| line.trim().is_empty() || depth(line) > depth(lines[0]));
    std::iter::once(&lines[0])
        .chain(below)
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn traces_are_taken_where_they_are_sent_by_default_once_that_is_switched_on() {
    assert_eq!(valid("").traces.listen, []);
    let shown = shown("traces:").replace("enabled: false", "enabled: true");
    let (shown, bare) = (
        valid(&shown).traces,
        valid("traces: {enabled: true}").traces,
    );
    assert_eq!(shown, bare);
    let listen: Vec<_> = bare.listen.iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:4317", "127.0.0.1:4318"]);
}

#[test]
fn the_receiver_that_is_shown_has_the_defaults() {
    let shown = valid(&shown("otlp:")).otlp.remove(0);
    let bare = valid("otlp: [{endpoint: \"http://127.0.0.1:4317\"}]")
        .otlp
        .remove(0);
    assert_eq!(shown.headers.len(), 2);
    let expected = exporter::otlp::ReceiverOptions {
        headers: shown.headers.clone(),
        tls: shown.tls.clone(),
        ..bare
    };
    assert_eq!(shown, expected);
}

#[test]
fn the_receivers_of_alerts_that_are_shown_have_the_defaults() {
    let shown = valid(&shown("alerting:")).alerting;
    let text = r#"
alerting:
  alertmanagers: [{static_configs: [{targets: ["127.0.0.1:9093"]}]}]
  webhooks: [{url: "http://127.0.0.1:8080/alerts"}]
"#;
    let bare = valid(text).alerting;
    let names: Vec<_> = bare.receivers.iter().map(|one| &*one.name).collect();
    assert_eq!(
        names,
        ["alertmanager-127.0.0.1-9093", "webhook-127.0.0.1-8080"]
    );
    for (shown, bare) in shown.receivers.iter().zip(bare.receivers) {
        let tls = shown.tls.clone();
        assert_eq!(*shown, exporter::alert::AlertReceiver { tls, ..bare });
    }
    assert_eq!(shown.silences.0.len(), 2);
    assert_eq!(shown.silences.0[0].comment, "holidays");
    assert_eq!(shown.silences.0[0].matchers.matchers.len(), 2);
    assert_eq!(shown.relabel.len(), 1);
}

/// The keys of a prometheus.yml, as far as they are about Alertmanagers.
#[test]
fn alerting_of_a_prometheus_is_read() {
    let text = r#"
alerting:
  alert_relabel_configs:
    - {source_labels: [dc], regex: (.+)\d+, target_label: dc}
  alertmanagers:
    - scheme: https
      static_configs: [{targets: ["a:9093", "b:9093"]}]
      path_prefix: /am/
      timeout: 5s
      api_version: v2
      basic_auth: {username: u, password: p}
      tls_config: {insecure_skip_verify: true}
"#;
    let alerting = valid(text).alerting;
    let urls: Vec<_> = alerting.receivers.iter().map(|one| &*one.url.0).collect();
    assert_eq!(urls, ["https://a:9093/am", "https://b:9093/am"]);
    assert_eq!(alerting.receivers[0].name, "alertmanager-a-9093-am");
    assert!(alerting.receivers[1].credentials.is_some());
}

/// Where the system has its list of time zones, as nearly all have.
#[test]
fn time_zones_have_names() {
    if !Path::new("/usr/share/zoneinfo/Europe/Berlin").exists() {
        return;
    }
    let config = valid("profiling: {quiet_hours: [\"22:00-06:00\"], time_zone: Europe/Berlin}");
    let zone = config.profiling.time_zone;
    assert_eq!(zone.iana_name(), Some("Europe/Berlin"));
}

#[test]
fn the_url_of_a_webhook_is_in_no_debug_output() {
    let text = r#"alerting: {webhooks: [{url: "https://hooks.example/T0/hunter2x"}]}"#;
    let alerting = valid(text).alerting;
    assert_eq!(alerting.receivers[0].name, "webhook-hooks.example-443");
    assert!(!format!("{alerting:?}").contains("hunter2x"));
}

#[test]
fn the_job_that_is_shown_has_the_defaults() {
    let job = shown("- job_name: etcd");
    let secrets = [
        "basic_auth:",
        "authorization:",
        "username:",
        "password",
        "type:",
        "credentials",
        "bearer_token",
    ];
    let job: Vec<_> = job
        .lines()
        .filter(|line| {
            secrets
                .iter()
                .all(|key| !line.trim_start().starts_with(key))
        })
        .collect();
    let shown = valid(&format!("scrape_configs:\n{}", job.join("\n")));
    let bare = valid("scrape_configs: [{job_name: etcd, profiling_config: {}}]");
    let (shown, bare) = (&shown.jobs[0], &bare.jobs[0]);
    let (own, known): (Vec<_>, Vec<_>) = shown
        .profiles
        .iter()
        .cloned()
        .partition(|spec| spec.kind == "jemalloc");
    assert_eq!(
        own,
        [ProfileSpec::snapshot("jemalloc", "/debug/pprof/jemalloc")]
    );
    assert_eq!(known, bare.profiles);
    let expected = Job {
        profiles: shown.profiles.clone(),
        http: shown.http.clone(),
        relabel: shown.relabel.clone(),
        metric_relabel: shown.metric_relabel.clone(),
        discovery: shown.discovery.clone(),
        ..(**bare).clone()
    };
    assert_eq!(**shown, expected);
    assert_eq!(shown.http.follow_redirects, bare.http.follow_redirects);
    assert!(!shown.http.tls.insecure_skip_verify);
}

/// The example of the project's issue, word for word where it matters.
#[test]
fn a_job_of_prometheus_with_parcas_profiling_is_read() {
    let config = valid(
        r#"
global: {scrape_interval: 15s, external_labels: {cluster: demo}}
archive: {path: ./leadsman-data}
web: {listen: "127.0.0.1:7171"}
otlp:
  - {endpoint: "http://127.0.0.1:4317", protocol: grpc, signals: [metrics, profiles, traces]}
scrape_configs:
  - job_name: etcd
    scheme: https
    tls_config: {ca_file: ca.crt, cert_file: client.crt, key_file: client.key}
    static_configs: [{targets: ["127.0.0.1:2379"]}]
    profiling_config: {pprof_config: {process_cpu: {enabled: true, seconds: 10}, memory: {enabled: true}}}
"#,
    );
    assert_eq!(config.global.external_labels.get("cluster"), Some("demo"));
    assert_eq!(config.otlp[0].name, "grpc-127.0.0.1-4317");
    let job = &config.jobs[0];
    assert_eq!(job.scheme, Scheme::Https);
    let cpu = job
        .profiles
        .iter()
        .find(|spec| spec.kind == "process_cpu")
        .unwrap();
    assert_eq!((cpu.seconds, cpu.delta), (Some(10), DeltaMode::Target));
    assert_eq!(config.jobs.len(), 2, "leadsman itself is the second");
}

#[test]
fn files_are_relative_to_the_configuration() {
    let text = "scrape_configs: [{job_name: a, tls_config: {ca_file: ca.crt}}]";
    let config = parse(Path::new("/etc/leadsman/leadsman.yml"), text).unwrap();
    let ca_file = config.jobs[0].http.tls.ca_file.clone();
    assert_eq!(ca_file, Some(PathBuf::from("/etc/leadsman/ca.crt")));
}

#[test]
fn seconds_make_a_cumulative_profile_a_delta_of_the_target() {
    let text = "scrape_configs: [{job_name: a, profiling_config: \
                {pprof_config: {memory: {seconds: 30}, threadcreate: {}}}}]";
    let config = valid(text);
    let spec = |kind| {
        config.jobs[0]
            .profiles
            .iter()
            .find(|spec| spec.kind == kind)
            .unwrap()
    };
    assert_eq!(
        (spec("memory").delta, spec("memory").seconds),
        (DeltaMode::Target, Some(30))
    );
    assert!(spec("threadcreate").enabled, "who writes it down wants it");
}

#[test]
fn keys_that_change_nothing_are_warned_about() {
    let text = "global: {evaluation_interval: 1m}\nscrape_configs:\n  - job_name: a\n    enable_http2: true\n";
    let warnings = valid(text).warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[1].starts_with("test.yml:4: key \"enable_http2\": has no effect"));
}

#[test]
fn secrets_that_everyone_may_read_are_warned_about() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "planted").unwrap();
    let text = "scrape_configs: [{job_name: a, bearer_token_file: token}]";
    let warnings_at = |mode| {
        std::fs::set_permissions(&token, std::fs::Permissions::from_mode(mode)).unwrap();
        parse(&folder.path().join("leadsman.yml"), text)
            .unwrap()
            .warnings
    };
    assert!(warnings_at(0o644)[0].contains("has mode 0644"));
    assert!(warnings_at(0o600).is_empty());
    std::fs::remove_file(&token).unwrap();
    let warnings = parse(&folder.path().join("leadsman.yml"), text)
        .unwrap()
        .warnings;
    assert!(warnings[0].contains("there is no file"), "{warnings:?}");
}

fn signal<'c>(config: &'c Config, name: &str) -> Option<&'c baseline::catalogue::Signal> {
    config.signals.iter().find(|signal| signal.name == name)
}

#[test]
fn the_signals_that_are_shown_are_those_that_are_meant() {
    let built_in = built_in_signals().unwrap();
    let text = every_key();
    let (_, shown) = text.split_once("\nsignals:\n").unwrap();
    let (shown, _) = shown.split_once("\n\n").unwrap();
    let config = valid(&format!("signals:\n{shown}"));
    assert_eq!(
        config.signals.len(),
        built_in.len() + 1,
        "one less and two more"
    );
    let of_profiles = signal(&config, "profile_fgprof_total").unwrap();
    assert_eq!(
        of_profiles.source.to_string(),
        "profile: {kind: fgprof, type: time, measure: total_share}"
    );
    assert_eq!(signal(&config, "process_virtual_memory"), None);
    let known = built_in
        .iter()
        .find(|known| known.name == "etcd_wal_fsync_p99")
        .unwrap();
    let changed = signal(&config, "etcd_wal_fsync_p99").unwrap();
    assert_eq!(changed.source, known.source);
    assert_eq!((changed.least_change, changed.thresholds.len()), (0.005, 1));
    assert_eq!(changed.thresholds[0].bound.value, 0.02);
    let own = signal(&config, "coredns_cache_misses").unwrap();
    assert_eq!(own.unit, baseline::catalogue::Unit::Ratio);
    assert_eq!(
        own.thresholds[0].only_while.as_ref().unwrap().signal,
        "target_samples"
    );
    assert_eq!(valid("").signals, built_in);
}

#[test]
fn a_signal_that_is_not_there_cannot_be_left_out() {
    let config = valid("signals: [{name: nothing, enabled: false}]");
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(config.warnings[0].contains("there is no signal \"nothing\""));
}

/// Each file of the folder ends with the messages it must cause, one a line after `#! `.
#[test]
fn bad_files_say_file_line_key_and_what_is_allowed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/testdata/bad");
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("#! "))
            .collect();
        let error = parse(Path::new(name), &text).expect_err("a bad file is accepted");
        assert_eq!(
            error.to_string(),
            expected.join("\n"),
            "in {}",
            path.display()
        );
        n_files += 1;
    }
    assert!(n_files >= 20, "only {n_files} files");
}

proptest::proptest! {
    #[test]
    fn a_cut_file_is_read_or_refused(cut in 0..DEFAULT_FILE.len(), garbage in "[a-z0-9:{}\\[\\] \n-]{0,20}") {
        let head = DEFAULT_FILE.get(..cut).unwrap_or("");
        let _ = parse(Path::new("test.yml"), &format!("{head}{garbage}"));
    }
}

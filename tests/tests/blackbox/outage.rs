//! A receiver that is away for a while costs nothing: it gets every sample when it is back. One
//! that is away for longer than the log may hold misses what is counted, and nobody else does.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::{Launch, Leadsman};
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::process::free_port;
use leadsman_tests::setting::setting;
use leadsman_tests::wait::{PATIENCE, until};

use super::{archived_points, check_once_and_in_order};

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_comes_back_gets_every_sample_once_and_in_order() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let port = free_port()?;
    let yaml = format!(
        "global: {{scrape_interval: 500ms, scrape_timeout: 400ms}}\n\
         otlp: [{{endpoint: \"http://127.0.0.1:{port}\", protocol: grpc, signals: [metrics]}}]\n\
         scrape_configs: [{{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        target.address
    );
    let mut leadsman = Leadsman::start(folder.path(), &yaml).await?;
    let n_missed = setting("LEADSMAN_SOAK_OUTAGE_SCRAPES", 10_u64)?;
    let outage = Duration::from_millis(500) * u32::try_from(n_missed)?;
    until("scrapes without a receiver", PATIENCE + outage, || async {
        ensure!(target.scrapes() >= n_missed, "{} scrapes", target.scrapes());
        Ok(())
    })
    .await?;

    let receiver = OtlpReceiver::grpc_at(([127, 0, 0, 1], port).into()).await?;
    until("the receiver to have caught up", PATIENCE, || async {
        let n_points = receiver.number_points("counting", "scrapes_total").len() as u64;
        ensure!(n_points >= n_missed + 5, "{n_points} points");
        Ok(())
    })
    .await?;
    ensure!(leadsman.process.stop(PATIENCE)?.success());

    let received = receiver.number_points("counting", "scrapes_total");
    check_once_and_in_order(&received);
    let archived = |name| archived_points(&leadsman.data, name, "counting");
    assert_eq!(received, archived("scrapes_total")?);
    // On a busy machine an answer may come too late; only those are missing.
    let up = archived("up")?;
    let n_failed = up.iter().filter(|(_, value)| *value == 0.0).count();
    let n_asked = received.last().map_or(0, |(_, count)| *count as usize);
    let n_received = received.len();
    assert!(
        n_asked <= n_received + n_failed,
        "{n_asked} scrapes, {n_received} received, {n_failed} failed"
    );
    Ok(())
}

/// Series whose names and values cannot be compressed: a record of 16 kB each scrape.
fn ballast() -> String {
    let mut state = 1_u64;
    (0..2000).fold(String::new(), |mut lines, _| {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let _ = writeln!(
            lines,
            "ballast{{id=\"{state:016x}\"}} {}",
            state as f64 / 7.0
        );
        lines
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_away_for_longer_than_the_log_holds_misses_what_is_counted() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::with_ballast(ballast()).await?;
    let there = OtlpReceiver::http().await?;
    let port = free_port()?;
    let yaml = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\n\
         telemetry: {{scrape_self: false, trace_sample_ratio: 0}}\n\
         scrape_configs: [{{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}]\n\
         otlp:\n\
         - {{name: away, endpoint: \"http://127.0.0.1:{port}\", batch_interval: 200ms}}\n\
         - {{name: there, endpoint: \"http://{}\", protocol: http/protobuf, batch_interval: 200ms}}\n",
        target.address, there.address
    );
    let launch = Launch {
        archive_keys: ", flush_interval: 1s, log: {segment_size: 64KiB, disk_budget: 1MiB, \
                       sync_interval: 100ms}"
            .to_owned(),
        ..Launch::default()
    };
    let mut leadsman = Leadsman::launch(folder.path(), launch, &yaml).await?;
    until("records to be pruned", PATIENCE, || async {
        let n_pruned = pruned_records(&leadsman, "otlp-away").await?;
        ensure!(n_pruned >= 10, "{n_pruned} records");
        Ok(())
    })
    .await?;
    let log = leadsman.process.output();
    assert!(log.contains("a reader lost what it had not read"), "{log}");

    let away = OtlpReceiver::grpc_at(([127, 0, 0, 1], port).into()).await?;
    let back = target.scrapes();
    until("the receiver to have caught up", PATIENCE, || async {
        let points = away.number_points("counting", "scrapes_total");
        let last = points.last().map_or(0.0, |(_, value)| *value);
        ensure!(last >= (back + 5) as f64, "{last} of {back}");
        Ok(())
    })
    .await?;
    let n_pruned = pruned_records(&leadsman, "otlp-away").await?;
    for reader in ["archive", "live", "otlp-there"] {
        assert_eq!(pruned_records(&leadsman, reader).await?, 0, "{reader}");
    }
    ensure!(leadsman.process.stop(PATIENCE)?.success());

    let archived = archived_points(&leadsman.data, "scrapes_total", "counting")?;
    let counts: Vec<u64> = archived.iter().map(|(_, value)| *value as u64).collect();
    let every: Vec<u64> = (1..=counts.len() as u64).collect();
    assert_eq!(counts, every, "the archive has every scrape");
    assert_eq!(there.number_points("counting", "scrapes_total"), archived);
    let received = away.number_points("counting", "scrapes_total");
    let missed = archived.len() - received.len();
    // Now and then a scrape has a second record, of its signals.
    let signal = "leadsman_signal_target_up";
    let signals = archived_points(&leadsman.data, signal, "counting")?;
    let missed_signals = signals.len() - away.number_points("counting", signal).len();
    assert_eq!(
        missed + missed_signals,
        n_pruned,
        "what is missed is what is counted"
    );
    let mut rest = archived.iter();
    assert!(
        received
            .iter()
            .all(|point| rest.any(|archived| archived == point)),
        "each once"
    );
    Ok(())
}

async fn pruned_records(leadsman: &Leadsman, reader: &str) -> Result<usize> {
    let metrics = leadsman.get("/metrics").await?;
    let counter = format!("leadsman_log_reader_pruned_records_total{{reader=\"{reader}\"}} ");
    let count = metrics.lines().find_map(|line| line.strip_prefix(&counter));
    Ok(count.with_context(|| format!("no {counter}"))?.parse()?)
}

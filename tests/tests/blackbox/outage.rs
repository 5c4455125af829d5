//! A receiver that is away for a while costs nothing: it gets every sample when it is back.

use std::time::Duration;

use anyhow::{Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::process::free_port;
use leadsman_tests::setting::setting;
use leadsman_tests::wait::{PATIENCE, until};

use super::archived_points;

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
    let counts: Vec<u64> = received.iter().map(|(_, value)| *value as u64).collect();
    let expected: Vec<u64> = (1..=counts.len() as u64).collect();
    assert_eq!(counts, expected, "every scrape once and in order");
    assert_eq!(
        received,
        archived_points(&leadsman.data, "scrapes_total", "counting")?
    );
    Ok(())
}

//! `kill -9` at awkward moments: what was durable is in the archive once, and at the receiver.

use std::time::Duration;

use anyhow::{Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::setting::setting;
use leadsman_tests::wait::{PATIENCE, until};

use super::{archived_points, check_once_and_in_order};

/// The kills are spread over this long after a start, which is longer than a sync interval. No
/// multiple of the step, so that rounds do not repeat each other.
const MOMENTS_MS: u64 = 2100;

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_loses_nothing_durable_and_writes_nothing_twice() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let receiver = OtlpReceiver::http().await?;
    let yaml = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         otlp: [{{endpoint: \"http://{}\", protocol: http/protobuf, signals: [metrics]}}]\n\
         scrape_configs: [{{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}]\n",
        receiver.address, target.address
    );
    let n_kills = setting("LEADSMAN_SOAK_KILLS", 12_u32)?;
    for round in 0..n_kills {
        let mut leadsman = Leadsman::start(folder.path(), &yaml).await?;
        let before = target.scrapes();
        until("some more scrapes", PATIENCE, || async {
            ensure!(
                target.scrapes() > before + 5,
                "{} scrapes",
                target.scrapes()
            );
            Ok(())
        })
        .await?;
        // Another moment of the flush, the sync and the batch each time.
        let moment = u64::from(round) * 173 % MOMENTS_MS;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        leadsman.process.kill()?;
        if round % 50 == 49 {
            eprintln!("{} kills, {} scrapes", round + 1, target.scrapes());
        }
    }
    let mut leadsman = Leadsman::start(folder.path(), &yaml).await?;
    leadsman.wait_until_up(&["counting"]).await?;
    ensure!(
        leadsman.process.stop(PATIENCE)?.success(),
        "{}",
        leadsman.process.output()
    );

    let archived = archived_points(&leadsman.data, "scrapes_total", "counting")?;
    check_once_and_in_order(&archived);
    let mut received = receiver.number_points("counting", "scrapes_total");
    received.dedup();
    assert_eq!(received, archived, "receiver and archive differ");
    // What a kill may take is what was not yet synced: at most a second's worth and what was under way.
    let lost = target.scrapes() - archived.len() as u64;
    assert!(
        lost <= u64::from(n_kills) * 15,
        "{lost} of {} scrapes lost",
        target.scrapes()
    );
    Ok(())
}

//! SIGTERM and SIGINT in the middle of everything: it ends in time with exit code 0, and what was
//! scraped is there after the next start.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::otlp_receiver::OtlpReceiver;
use leadsman_tests::process::free_port;
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;

use super::scene::{QUICK, kept, launch};

/// Soundings, then readers, each with its deadline, and some time on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// Longest time for an end without waiting.
const AT_ONCE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread")]
async fn told_to_stop_at_any_moment_it_ends_in_time_and_loses_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let target = CountingTarget::start().await?;
    let port = free_port()?;
    // Of itself it takes CPU profiles all the time; one receiver is away, with all to catch up.
    let yaml = format!(
        "global: {{scrape_interval: 100ms, scrape_timeout: 100ms}}\n\
         profiling: {{max_duty_cycle: 1}}\n\
         otlp: [{{endpoint: \"http://127.0.0.1:{port}\", signals: [metrics], batch_interval: 100ms}}]\n\
         scrape_configs:\n\
         \x20 - {{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}\n\
         \x20 - job_name: local\n\
         \x20   local_sd_configs: [{{}}]\n\
         \x20   profiling_config: {{pprof_config: {{process_cpu: {{enabled: true, seconds: 1, interval: 2s}}}}}}\n",
        target.address
    );
    for (round, signal) in [Signal::TERM, Signal::INT, Signal::TERM].iter().enumerate() {
        let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
        let moment = 2500 + round as u64 * 433;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        leadsman.process.signal(*signal)?;
        check_end(&mut leadsman, DEADLINE)?;
    }

    // A second signal does not wait for the receiver.
    let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
    leadsman.wait_until_up(&["counting"]).await?;
    leadsman.process.signal(Signal::TERM)?;
    until("the first signal to be heard", PATIENCE, || async {
        let said = leadsman.process.output();
        ensure!(said.contains("a second signal stops at once"), "{said}");
        Ok(())
    })
    .await?;
    leadsman.process.signal(Signal::TERM)?;
    let told = Instant::now();
    check_end(&mut leadsman, DEADLINE)?;
    assert!(told.elapsed() < AT_ONCE, "{:?}", told.elapsed());

    // While the receiver, back again, catches up.
    let receiver = OtlpReceiver::grpc_at(([127, 0, 0, 1], port).into()).await?;
    for _ in 0..2 {
        let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &yaml).await?;
        leadsman.wait_until_up(&["counting"]).await?;
        leadsman.process.signal(Signal::TERM)?;
        check_end(&mut leadsman, DEADLINE)?;
    }
    let archived = kept(&leadsman.data, 1..=target.scrapes())?;
    let mut received = receiver.number_points("counting", "scrapes_total");
    received.dedup();
    assert_eq!(received, archived, "receiver and archive differ");
    Ok(())
}

fn check_end(leadsman: &mut Leadsman, patience: Duration) -> Result<()> {
    let process = &mut leadsman.process;
    let status = tokio::task::block_in_place(|| process.wait(patience))?;
    ensure!(status.success(), "{status}: {}", leadsman.process.output());
    Ok(())
}

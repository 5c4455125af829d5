//! Little memory: leadsman lives within it, or dies of it without losing what was durable.

use std::os::unix::process::ExitStatusExt;

use anyhow::{Result, ensure};
use leadsman_tests::cgroup::MemoryCgroup;
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::hostile_target::{HostileTarget, text};
use leadsman_tests::leadsman::{Launch, Leadsman};
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;

use super::scene::{QUICK, kept, launch};

const MIB: u64 = 1 << 20;

/// Targets of the load, and the series of each.
const N_TARGETS: usize = 50;
const N_SERIES: u32 = 400;

fn page() -> String {
    let series = (0..N_SERIES).map(|n| format!("load{{n=\"{n}\"}} {}\n", f64::from(n).sin()));
    series.collect()
}

/// The counting target, and `n_targets` that are one server under many names.
fn yaml(counting: &CountingTarget, load: &HostileTarget, n_targets: usize) -> String {
    let groups = (0..n_targets).map(|n| {
        format!(
            "      - {{targets: [\"{}\"], labels: {{instance: load-{n}}}}}\n",
            load.address
        )
    });
    format!(
        "global: {{scrape_interval: 1s}}\n\
         scrape_configs:\n\
         \x20 - {{job_name: counting, static_configs: [{{targets: [\"{}\"]}}]}}\n\
         \x20 - job_name: load\n\
         \x20   static_configs:\n{}",
        counting.address,
        groups.collect::<String>()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn it_lives_in_96_mebibytes_and_loses_nothing_durable_when_they_are_taken_away() -> Result<()>
{
    let folder = tempfile::tempdir()?;
    let cgroup = MemoryCgroup::make("memory", 96 * MIB)?;
    let counting = CountingTarget::start().await?;
    let load = HostileTarget::start(text(page())).await?;
    let (full, light) = (yaml(&counting, &load, N_TARGETS), yaml(&counting, &load, 1));
    let limited = Launch {
        wrapper: cgroup.wrapper(),
        ..launch(QUICK)
    };
    let mut leadsman = Leadsman::launch(folder.path(), limited, &full).await?;
    let enough = (N_TARGETS as u32 * N_SERIES * 6).into();
    until("six rounds of all targets", PATIENCE, || async {
        let samples = r#"leadsman_scrape_samples_total{job="load"}"#;
        let page = leadsman.get("/metrics").await?;
        let line = page.lines().find_map(|line| line.strip_prefix(samples));
        let n_samples: f64 = line.unwrap_or("0").trim().parse()?;
        ensure!(n_samples >= enough, "{n_samples}");
        Ok(())
    })
    .await?;
    leadsman.process.check_alive()?;
    let used = cgroup.own_memory()? / MIB;
    eprintln!("{used} MiB for {N_TARGETS} targets of {N_SERIES} series");

    // The least that the kernel grants; what comes next is too much.
    let page = format!("/metrics?target=counting/{}", counting.address);
    let durable = leadsman.sum(&page, "scrapes_total").await? as u64;
    let mut limit = cgroup.usage()?;
    while cgroup.limit(limit).is_ok() && limit > MIB {
        limit -= MIB / 4;
    }
    let status = tokio::task::block_in_place(|| leadsman.process.wait(PATIENCE))?;
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{status}");

    let mut leadsman = Leadsman::launch(folder.path(), launch(QUICK), &light).await?;
    leadsman.wait_until_up(&["counting"]).await?;
    let status = tokio::task::block_in_place(|| leadsman.process.stop(PATIENCE))?;
    ensure!(status.success(), "{}", leadsman.process.output());
    kept(&leadsman.data, 1..=durable)?;
    Ok(())
}

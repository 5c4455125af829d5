//! SIGHUP: a good file takes effect, a bad one changes nothing, and no sounding is lost.

use anyhow::{Result, ensure};
use leadsman_tests::counting_target::CountingTarget;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::wait::{PATIENCE, until};
use rustix::process::Signal;

use super::archived_points;

#[tokio::test(flavor = "multi_thread")]
async fn reloading_loses_no_sounding_and_a_bad_file_changes_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (first, second) = (
        CountingTarget::start().await?,
        CountingTarget::start().await?,
    );
    let job = |name: &str, target: &CountingTarget| {
        format!(
            "  - {{job_name: {name}, static_configs: [{{targets: [\"{}\"]}}]}}\n",
            target.address
        )
    };
    let yaml = format!(
        "global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}\nscrape_configs:\n{}",
        job("first", &first)
    );
    let mut leadsman = Leadsman::start(folder.path(), &yaml).await?;
    leadsman.wait_until_up(&["first"]).await?;

    let config = folder.path().join("leadsman.yml");
    let good = std::fs::read_to_string(&config)?;
    std::fs::write(&config, format!("{good}no_such_key: 1\n"))?;
    leadsman.process.signal(Signal::HUP)?;
    until("the bad file to be refused", PATIENCE, || async {
        let said = leadsman.process.output();
        ensure!(said.contains("no_such_key"), "{said}");
        Ok(())
    })
    .await?;
    leadsman.process.check_alive()?;

    std::fs::write(&config, good + &job("second", &second))?;
    leadsman.process.signal(Signal::HUP)?;
    leadsman.wait_until_up(&["first", "second"]).await?;
    ensure!(
        leadsman.process.stop(PATIENCE)?.success(),
        "{}",
        leadsman.process.output()
    );

    let points = archived_points(&leadsman.data, "scrapes_total", "first")?;
    let values: Vec<u64> = points.iter().map(|(_, value)| *value as u64).collect();
    let expected: Vec<u64> = (1..=values.len() as u64).collect();
    assert_eq!(
        values, expected,
        "each scrape of the job that stayed is there once"
    );
    assert!(
        first.scrapes() - values.len() as u64 <= 1,
        "only the scrape under way at the end may be missing"
    );
    Ok(())
}

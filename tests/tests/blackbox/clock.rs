//! A wall clock that is set, and a machine that sleeps: soundings keep to their interval, and
//! their times are those of the wall clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use leadsman_tests::leadsman::Launch;
use leadsman_tests::wait::{PATIENCE, until};
use leadsman_tests::wall_clock::WallClock;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use rustix::process::Signal;

use super::archived_points;
use super::scene::{QUICK, Scene, check_none_missing, launch};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Scrapes that were made while the clock was so many seconds wrong.
struct Phase {
    shift: i64,
    scrapes: std::ops::RangeInclusive<u64>,
    /// In milliseconds of the right time.
    from: i64,
    to: i64,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_and_a_machine_that_sleeps_cost_no_row() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let clock = WallClock::make(folder.path())?;
    let clocked = Launch {
        wrapper: clock.wrapper(),
        ..launch(QUICK)
    };
    let scene = Scene::start(folder.path(), clocked, "200ms").await?;
    let mut phases = Vec::new();
    for shift in [0, 5 * MINUTE, -10 * MINUTE, 40 * DAY, -70 * DAY, 0] {
        clock.shift(shift)?;
        phases.push(phase(&scene, shift).await?);
    }
    let page = scene.leadsman.get("/metrics").await?;
    assert!(!page.contains("reason=\"late\""), "{page}");

    let n_before = scene.target.scrapes();
    scene.leadsman.process.signal(Signal::STOP)?;
    tokio::time::sleep(Duration::from_secs(3)).await;
    clock.shift(HOUR)?;
    scene.leadsman.process.signal(Signal::CONT)?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let n_after = scene.target.scrapes() - n_before;
    assert!(n_after <= 7, "{n_after} scrapes in a second are a burst");
    phases.push(phase(&scene, HOUR).await?);
    assert!(scene.metric("leadsman_scrape_missed_total").await? >= 10.0);
    check(scene, &phases)
}

/// Waits for scrapes that were begun and are done at this shift.
async fn phase(scene: &Scene, shift: i64) -> Result<Phase> {
    // One may have begun before the clock was set.
    scene.more_scrapes(2).await?;
    let (from, first) = (right_time()?, scene.target.scrapes() + 1);
    scene.more_scrapes(6).await?;
    let last = scene.target.scrapes();
    until("the last scrape to be durable", PATIENCE, || async {
        let page = format!("/metrics?target=counting/{}", scene.target.address);
        let count = scene.leadsman.sum(&page, "scrapes_total").await?;
        ensure!(count >= last as f64, "{count}");
        Ok(())
    })
    .await?;
    Ok(Phase {
        shift,
        scrapes: first..=last,
        from,
        to: right_time()?,
    })
}

fn check(mut scene: Scene, phases: &[Phase]) -> Result<()> {
    scene.stop()?;
    let mut rows = archived_points(&scene.leadsman.data, "scrapes_total", "counting")?;
    let received = scene.receiver.number_points("counting", "scrapes_total");
    assert_eq!(received, rows, "receiver and archive differ");
    rows.sort_by_key(|(_, count)| *count as u64);
    let counts: Vec<u64> = rows.iter().map(|(_, count)| *count as u64).collect();
    assert!(counts.is_sorted_by(|a, b| a < b), "twice: {counts:?}");
    check_none_missing(&scene.leadsman.data, &counts, 1..=scene.target.scrapes())?;
    for phase in phases {
        for (time, count) in &rows {
            let right = *time as i64 - phase.shift * 1000;
            // A time may lie a little off, on the beat of the interval.
            let expected = phase.from - 500..=phase.to + 500;
            if phase.scrapes.contains(&(*count as u64)) {
                assert!(expected.contains(&right), "scrape {count}: {right}");
            }
        }
    }
    for (_, metric) in scene.receiver.metrics("scrapes_total") {
        let Some(Data::Sum(sum)) = metric.data else {
            continue;
        };
        for point in sum.data_points {
            assert!(point.start_time_unix_nano <= point.time_unix_nano);
        }
    }
    Ok(())
}

fn right_time() -> Result<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(i64::try_from(now.as_millis())?)
}

//! One fault after the other, at random: at the end every row is accounted for.
//!
//! `LEADSMAN_SOAK_SECONDS` says how long it goes on, `LEADSMAN_SOAK_SEED` repeats a run's choices.

mod account;
mod dice;
mod scene;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use leadsman_tests::proxy::Mode;
use leadsman_tests::setting::setting;

use dice::Dice;
use scene::{Blow, Scene, Trouble};

const TROUBLES: [Trouble; 14] = [
    Trouble::None,
    Trouble::Receiver(0, Mode::Away),
    Trouble::Receiver(0, Mode::Hang),
    Trouble::Receiver(1, Mode::Close),
    Trouble::Receiver(1, Mode::Rubbish),
    Trouble::Target(Mode::Away),
    Trouble::Target(Mode::Hang),
    Trouble::Target(Mode::Rubbish),
    Trouble::Calls("fdatasync,fsync", "delay_enter=700ms"),
    Trouble::Calls("fdatasync,fsync", "error=EIO"),
    Trouble::Calls("fdatasync,fsync", "error=EIO:when=2+3"),
    Trouble::Calls("rename,pwrite64,ftruncate", "error=EIO"),
    Trouble::FullDisk(0),
    Trouble::FullDisk(64 << 10),
];

const BLOWS: [Blow; 7] = [
    Blow::None,
    Blow::Kill,
    Blow::Kill,
    Blow::Terminate,
    Blow::Interrupt,
    Blow::Pause,
    Blow::Reload,
];

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_every_row_is_accounted_for() -> Result<()> {
    let length = Duration::from_secs(setting("LEADSMAN_SOAK_SECONDS", 15)?);
    let mut dice = Dice::new()?;
    eprintln!("LEADSMAN_SOAK_SEED={}", dice.seed);
    let mut scene = Scene::start().await?;
    let started = Instant::now();
    while started.elapsed() < length {
        let (trouble, blow) = (dice.pick(&TROUBLES), dice.pick(&BLOWS));
        eprintln!("{:5.0?} {trouble:?}, {blow:?}", started.elapsed());
        let step = async {
            scene.begin(trouble).await?;
            scene.watch(dice.millis(200..2500)).await?;
            scene.strike(blow, dice.millis(50..2000)).await?;
            scene.watch(dice.millis(0..1500)).await?;
            scene.heal().await?;
            scene.watch(dice.millis(0..1000)).await
        };
        let stepped = step.await;
        stepped.with_context(|| format!("{trouble:?}, {blow:?}: {}", scene.output()))?;
    }
    let outcome = scene.finish().await?;
    eprintln!("{outcome:#?}");
    outcome.check()
}

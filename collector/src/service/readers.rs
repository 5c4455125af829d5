//! The readers of the log that always run: the archive, with the keeper of its files, the judge, and
//! the live view.

use anyhow::{Context, Result};
use exporter::web::LiveView;
use storage::archive::{Archive, Keeper, KeeperStop};
use storage::log::{Log, ReadFrom};
use tokio_util::sync::CancellationToken;

use super::part::Part;
use crate::judging::Judging;

/// The archive, its keeper, the judge and the live view, running. All but the keeper end by themselves at the end of a closed log.
pub(super) struct Readers {
    archive: Part,
    keeper: Part,
    stop_keeper: KeeperStop,
    judge: Part,
    /// It may still be learning.
    stop_judge: CancellationToken,
    live: Part,
}

impl Readers {
    pub(super) fn start(
        log: &Log,
        archive: Archive,
        keeper: Keeper,
        judging: Judging,
        live: LiveView,
    ) -> Result<Self> {
        let keeper = keeper.start().context("failed to start the keeper")?;
        let stop_keeper = keeper.stopper();
        let keeper = Part::spawn("the keeper of the archive", async move {
            Ok(keeper.ended().await?)
        });

        let from = ReadFrom::Position(archive.resume_position());
        let reader = log
            .reader("archive", from)
            .context("failed to read the log for the archive")?;
        let archive = Part::spawn("the archive", async move {
            Ok(archive.run(reader, std::future::pending()).await?)
        });
        let reader = log
            .reader("judge", ReadFrom::Tail)
            .context("failed to read the log for the judge")?;
        let stop_judge = CancellationToken::new();
        let stopped = stop_judge.clone();
        let judge = Part::spawn("the judge", async move {
            judging.run(reader, stopped).await;
            Ok(())
        });
        let reader = log
            .reader("live", ReadFrom::Tail)
            .context("failed to read the log for the live view")?;
        let live = Part::spawn("the live view", async move {
            // It ends with the log: nothing else has to tell it.
            live.run(reader, CancellationToken::new()).await;
            Ok(())
        });
        Ok(Self {
            archive,
            keeper,
            stop_keeper,
            judge,
            stop_judge,
            live,
        })
    }

    /// Waits until one of them has ended although the log is open.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        tokio::select! {
            error = self.archive.failure() => error,
            error = self.keeper.failure() => error,
            error = self.judge.failure() => error,
            error = self.live.failure() => error,
        }
    }

    /// Waits until they have reached the end of the closed log.
    pub(super) async fn finish(self) -> Result<()> {
        self.stop_keeper.stop();
        self.stop_judge.cancel();
        let kept = self.keeper.finish().await;
        let judged = self.judge.finish().await;
        let archived = self.archive.finish().await;
        let kept = kept.and(judged);
        self.live.finish().await.and(archived).and(kept)
    }
}

//! The readers of the log that always run: the archive and the live view.

use anyhow::{Context, Result, anyhow};
use exporter::web::LiveView;
use storage::archive::Archive;
use storage::log::{Log, ReadFrom};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The archive and the live view, running. They end by themselves at the end of a closed log.
pub(super) struct Readers {
    archive: JoinHandle<Result<()>>,
    live: JoinHandle<()>,
}

impl Readers {
    pub(super) fn start(log: &Log, archive: Archive, live: LiveView) -> Result<Self> {
        let from = ReadFrom::Position(archive.resume_position());
        let reader = log
            .reader("archive", from)
            .context("failed to read the log for the archive")?;
        let archive = tokio::spawn(async move {
            archive
                .run(reader, std::future::pending())
                .await
                .context("the archive failed")
        });
        let reader = log
            .reader("live", ReadFrom::Tail)
            .context("failed to read the log for the live view")?;
        // It ends with the log: nothing else has to tell it.
        let live = tokio::spawn(live.run(reader, CancellationToken::new()));
        Ok(Self { archive, live })
    }

    /// Waits until one of them has ended although the log is open.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        tokio::select! {
            ended = &mut self.archive => match ended {
                Ok(Ok(())) => anyhow!("the archive ended"),
                Ok(Err(error)) => error,
                Err(panic) => panic.into(),
            },
            ended = &mut self.live => match ended {
                Ok(()) => anyhow!("the live view ended"),
                Err(panic) => panic.into(),
            },
        }
    }

    /// Waits until they have reached the end of the closed log.
    pub(super) async fn finish(self) -> Result<()> {
        let archived = self.archive.await;
        self.live.await.context("the live view failed")?;
        archived.context("the archive failed")?
    }
}

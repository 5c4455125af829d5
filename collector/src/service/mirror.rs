//! The mirror of the archive in an object store, if there is one.

use std::time::Duration;

use anyhow::{Context, Result};
use storage::archive::remote::{Mirror, MirrorHandle, MirrorMetrics, Uploaded};
use tracing::warn;

use super::part::Part;
use crate::config::ArchiveConfig;

/// Longest time for what was archived last to go up when leadsman is asked to stop. The rest goes
/// up after the next start.
const DRAIN: Duration = Duration::from_secs(10);

/// The mirror, running or not wanted.
pub(super) struct MirrorPart(Option<(MirrorHandle, Part)>);

impl MirrorPart {
    /// Starts it if the configuration names a bucket. The archive must be open.
    pub(super) fn start(config: &ArchiveConfig, metrics: MirrorMetrics) -> Result<Self> {
        let Some(store) = config.object_store.clone() else {
            return Ok(Self(None));
        };
        let (root, options) = (&config.archive.path, store.mirror.clone());
        let mirror = Mirror::new(root, options, move || store.open(), metrics);
        let (handle, end) = mirror
            .and_then(Mirror::start)
            .context("failed to start copying to the object store")?;
        let part = Part::spawn("the mirror in the object store", async move {
            end.wait().await;
            Ok(())
        });
        Ok(Self(Some((handle, part))))
    }

    /// What is known to be in the bucket.
    pub(super) fn uploaded(&self) -> Uploaded {
        let running = self.0.as_ref();
        running.map_or_else(Uploaded::default, |(handle, _)| handle.uploaded())
    }

    /// Waits until it has ended although nobody asked it to.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        match &mut self.0 {
            Some((_, part)) => part.failure().await,
            None => std::future::pending().await,
        }
    }

    /// Lets it bring up what was archived last, for a while.
    pub(super) async fn finish(self) -> Result<()> {
        let Some((handle, part)) = self.0 else {
            return Ok(());
        };
        handle.finish();
        let finished = tokio::time::timeout(DRAIN, part.finish()).await;
        finished.unwrap_or_else(|_| {
            handle.quit();
            warn!(
                "not every file is in the object store; the rest goes there after the next start"
            );
            Ok(())
        })
    }
}

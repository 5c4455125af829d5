//! A part of leadsman that runs as a task until it is asked to end.

use std::future::Future;

use anyhow::{Context, Result, anyhow};
use tokio::task::JoinHandle;

/// A running part. Its end is asked for in another way; here it is waited for.
pub(super) struct Part {
    /// What messages call it.
    name: &'static str,
    /// `None` once its end has been seen.
    task: Option<JoinHandle<Result<()>>>,
}

impl Part {
    /// Starts it. `name` begins a sentence: "the archive".
    pub(super) fn spawn(
        name: &'static str,
        work: impl Future<Output = Result<()>> + Send + 'static,
    ) -> Self {
        Self {
            name,
            task: Some(tokio::spawn(work)),
        }
    }

    /// Waits until it has ended although nobody asked it to, and says why. Cancel safe.
    pub(super) async fn failure(&mut self) -> anyhow::Error {
        let Some(task) = &mut self.task else {
            return std::future::pending().await;
        };
        let ended = task.await;
        self.task = None;
        match ended {
            Ok(Ok(())) => anyhow!("{} ended", self.name),
            Ok(Err(error)) => error.context(format!("{} failed", self.name)),
            Err(panic) => anyhow::Error::new(panic).context(format!("{} failed", self.name)),
        }
    }

    /// Waits for its end. One that [`Part::failure`] told of is not told again.
    pub(super) async fn finish(self) -> Result<()> {
        let Some(task) = self.task else {
            return Ok(());
        };
        task.await
            .map_err(anyhow::Error::new)
            .and_then(|result| result)
            .with_context(|| format!("{} failed", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_fails_says_so_once() {
        let mut part = Part::spawn("the part", async { Err(anyhow!("broken")) });
        let error = part.failure().await;
        assert_eq!(format!("{error:#}"), "the part failed: broken");
        part.finish().await.unwrap();
    }

    #[tokio::test]
    async fn a_part_that_panics_or_just_ends_is_a_failure() {
        let mut part = Part::spawn("the part", async { panic!("on purpose") });
        let error = format!("{:#}", part.failure().await);
        assert!(error.contains("on purpose"), "{error}");
        let mut part = Part::spawn("the part", async { Ok(()) });
        assert_eq!(part.failure().await.to_string(), "the part ended");
    }

    #[tokio::test]
    async fn an_error_at_the_end_is_told() {
        let part = Part::spawn("the part", async { Err(anyhow!("broken")) });
        let error = part.finish().await.unwrap_err();
        assert_eq!(format!("{error:#}"), "the part failed: broken");
    }
}

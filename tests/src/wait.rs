//! Waiting for conditions, never for time.

use std::fmt::Debug;
use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Longest time a condition may take on a busy two-core machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Polls `condition` until it yields a value; fails with `what` and the last error it gave.
pub async fn until<T, E: Debug, F: Future<Output = Result<T, E>>>(
    what: &str,
    patience: Duration,
    mut condition: impl FnMut() -> F,
) -> Result<T> {
    let deadline = Instant::now() + patience;
    loop {
        match condition().await {
            Ok(value) => return Ok(value),
            Err(error) if Instant::now() >= deadline => {
                bail!("waited {patience:?} for {what}; last: {error:?}")
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

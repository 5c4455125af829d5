//! Profiles of this process, as our own endpoints offer them.

mod cpu;
mod heap;
mod heap_dump;
mod maps;
mod samples;
mod signal;
mod symbols;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use exporter::web::{ProfileFuture, SelfProfileError, SelfProfiler};

/// Profiles this process: CPU by a timer's signal, the heap by the allocator's sampling.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnProfiler;

impl SelfProfiler for OwnProfiler {
    fn cpu(&self, duration: Duration) -> ProfileFuture<'_> {
        Box::pin(cpu::profile(duration))
    }

    fn heap(&self) -> ProfileFuture<'_> {
        Box::pin(async {
            tokio::task::spawn_blocking(heap::profile)
                .await
                .map_err(failed)?
        })
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SelfProfileError {
    SelfProfileError::Failed(error.into())
}

/// Now, nanoseconds since the Unix epoch.
fn unix_nanos() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}

//! The counter of received spans.

use std::sync::Arc;

use anyhow::{Context, Result};
use baseline::signals::Program;
use prometheus::Registry;
use storage::log::{Log, ReadFrom};
use tokio_util::sync::CancellationToken;

use super::part::Part;
use crate::config::Config;
use crate::sounding::SoundingMetrics;
use crate::span_metrics::{CountingMetrics, SpanCounter};

/// Starts it, as configured: where nobody is to count, or nobody can send spans, it just waits. It ends
/// at `stop`, before the log is closed: it has counts to tell.
pub(super) fn start(
    config: &Config,
    program: Arc<Program>,
    log: &Log,
    registry: &Registry,
    soundings: SoundingMetrics,
    stop: CancellationToken,
) -> Result<Part> {
    let name = "the counter of spans";
    let metrics = CountingMetrics::register(registry, soundings)?;
    let options = config.span_metrics;
    if !options.enabled || config.traces.listen.is_empty() {
        return Ok(Part::spawn(name, async move {
            stop.cancelled().await;
            Ok(())
        }));
    }
    let counter = SpanCounter::new(
        options.interval,
        options.limits,
        config.global.external_labels.clone(),
        program,
        log.appender(),
        metrics,
    );
    let reader = log
        .reader("spans", ReadFrom::Tail)
        .context("failed to read the log for the counter of spans")?;
    Ok(Part::spawn(name, async move {
        counter.run(reader, stop).await;
        Ok(())
    }))
}

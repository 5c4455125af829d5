//! Our own logs, traces, profiles and process metrics.
//!
//! [`Telemetry::start`] comes first in the program; the log, which spans are appended to, is
//! handed in once it is open ([`Telemetry::send_traces_to`]).

mod logging;
mod process;
mod profiler;
#[cfg(test)]
mod tests;
mod traces;

use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;
use prometheus::Registry;
use storage::log::Appender;
use tracing::Subscriber;
use tracing::subscriber::Interest;
use tracing_subscriber::filter::{ParseError, dynamic_filter_fn};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, Registry as Spans, reload};

use crate::config::TelemetryConfig;

pub use profiler::OwnProfiler;

/// Longest wait for the last spans at the end.
const STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Logs and traces of the running program.
#[derive(Debug)]
pub struct Telemetry {
    filter: logging::FilterHandle,
    provider: Option<SdkTracerProvider>,
    outlet: traces::Outlet,
    trace_metrics: traces::TraceMetrics,
}

/// Why logs and traces cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("{filter:?} is not a log level or filter")]
    Filter {
        /// What was given.
        filter: String,
        /// Why.
        #[source]
        source: ParseError,
    },
    /// Logging is set up already.
    #[error("failed to set up logging")]
    Init(#[source] TryInitError),
    /// The filter of the running program cannot be changed.
    #[error("failed to change the log level")]
    Reload(#[source] reload::Error),
    /// The metrics cannot be made.
    #[error("failed to set up the metrics of traces")]
    Metrics(#[source] prometheus::Error),
}

impl Telemetry {
    /// Logs to standard error and traces as configured, for the whole process. `instance` tells
    /// this leadsman from others: the `service.instance.id` of its spans.
    ///
    /// # Errors
    /// The filter is wrong, or this was done before.
    pub fn start(config: &TelemetryConfig, instance: &str) -> Result<Self, TelemetryError> {
        let (telemetry, subscriber) = Self::build(config, instance)?;
        subscriber.try_init().map_err(TelemetryError::Init)?;
        Ok(telemetry)
    }

    pub(crate) fn build(
        config: &TelemetryConfig,
        instance: &str,
    ) -> Result<(Self, impl Subscriber + Send + Sync + use<>), TelemetryError> {
        let (lines, filter) = logging::layer(&config.log_level, config.log_format)
            .map_err(|source| filter_error(&config.log_level, source))?;
        let trace_metrics = traces::TraceMetrics::new().map_err(TelemetryError::Metrics)?;
        let outlet = traces::Outlet::new(trace_metrics.clone());
        let ratio = config.trace_sample_ratio;
        let provider = (ratio > 0.0).then(|| traces::provider(instance, outlet.clone()));
        let spans = provider
            .as_ref()
            .map(|provider| span_layer(provider, traces::HeadSampler::new(ratio)));
        let subscriber = Spans::default().with(lines).with(spans);
        Ok((
            Self {
                filter,
                provider,
                outlet,
                trace_metrics,
            },
            subscriber,
        ))
    }

    /// Changes what is logged from now on: `filter` is a level, or `module=level` pairs.
    ///
    /// # Errors
    /// `filter` is not a filter; what is logged stays as it is.
    pub fn set_log_level(&self, filter: &str) -> Result<(), TelemetryError> {
        let parsed =
            logging::parse_filter(filter).map_err(|source| filter_error(filter, source))?;
        self.filter.reload(parsed).map_err(TelemetryError::Reload)
    }

    /// Appends finished spans to the log from now on.
    pub fn send_traces_to(&self, appender: Appender) {
        self.outlet.open(appender);
    }

    /// Registers the metrics of traces and of this process.
    ///
    /// # Errors
    /// The registry has them already.
    pub fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        self.trace_metrics.register(registry)?;
        process::register(registry)
    }

    /// Appends the last spans. Call it before the log is closed, and not on a runtime's only
    /// thread: it blocks for two seconds at the most.
    pub fn stop(&self) {
        let Some(provider) = &self.provider else {
            return;
        };
        if let Err(error) = provider.shutdown_with_timeout(STOP_TIMEOUT) {
            tracing::warn!(%error, "the last spans may be lost");
        }
    }
}

fn filter_error(filter: &str, source: ParseError) -> TelemetryError {
    TelemetryError::Filter {
        filter: filter.to_owned(),
        source,
    }
}

/// Turns the sampled spans of this crate into traces, whatever the log level. A span that is not
/// sampled is not even made.
fn span_layer<S>(
    provider: &SdkTracerProvider,
    sampler: traces::HeadSampler,
) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let filter = dynamic_filter_fn(move |metadata, context: &Context<'_, S>| {
        traces::is_traced(metadata.target())
            && (context.lookup_current().is_some() || (metadata.is_span() && sampler.is_chosen()))
    });
    let filter =
        filter.with_callsite_filter(|metadata| match traces::is_traced(metadata.target()) {
            true => Interest::sometimes(),
            false => Interest::never(),
        });
    tracing_opentelemetry::layer()
        .with_tracer(traces::tracer(provider))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter)
}

//! Our own log lines: on standard error, as text for people or JSON for machines.

use std::io::IsTerminal;

use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::LogFormat;

/// Changes the filter of the running program.
pub(super) type FilterHandle = reload::Handle<EnvFilter, Registry>;

/// The layer that writes log lines, and the handle of its filter.
///
/// # Errors
/// `filter` is not a filter.
pub(super) fn layer(
    filter: &str,
    format: LogFormat,
) -> Result<(impl Layer<Registry> + Send + Sync + use<>, FilterHandle), ParseError> {
    let (filter, handle) = reload::Layer::new(parse_filter(filter)?);
    let lines = fmt::layer().with_writer(std::io::stderr);
    let is_terminal = std::io::stderr().is_terminal();
    let is_text = match format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => is_terminal,
    };
    let lines = match is_text {
        true => lines
            .with_target(false)
            .with_ansi(is_terminal && !no_color())
            .boxed(),
        false => lines
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .boxed(),
    };
    Ok((lines.with_filter(filter), handle))
}

/// Parses a filter: a level, or `module=level` pairs with commas.
pub(super) fn parse_filter(filter: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::builder().parse(filter)
}

/// Whether colours are unwanted (no-color.org: set, and not empty).
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

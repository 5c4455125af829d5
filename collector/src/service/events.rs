//! What happens to leadsman itself, told through the log like everything else: the archive makes
//! rows of the table `events` of it.

use std::fmt::Display;
use std::sync::Arc;

use proto::event::kind;
use proto::{Event, Record};
use storage::log::{Appender, Log};
use tracing::warn;

use crate::config::Config;
use crate::sounding::now;

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Longest message. Characters.
const MESSAGE_CHARS: usize = 2000;

/// Tells what happens. An event that the log does not take is logged, and never waited for.
pub(super) struct Announcer {
    log: Appender,
}

impl Announcer {
    pub(super) fn new(log: &Log) -> Self {
        Self {
            log: log.appender(),
        }
    }

    /// leadsman takes up its work.
    pub(super) async fn started(&self) {
        let message = format!("leadsman {VERSION} started");
        let event = Event::of_leadsman(now(), kind::START, message);
        self.tell(event.changed(None, Some(VERSION.to_owned())))
            .await;
    }

    /// leadsman ends.
    pub(super) async fn stopped(&self) {
        let message = format!("leadsman {VERSION} stopped");
        self.tell(Event::of_leadsman(now(), kind::STOP, message))
            .await;
    }

    /// A new configuration is in force.
    pub(super) async fn reloaded(&self, config: &Config) {
        let message = format!(
            "configuration reloaded: jobs={} receivers={}",
            config.jobs.len(),
            config.otlp.len()
        );
        self.tell(Event::of_leadsman(now(), kind::CONFIG_RELOAD, message))
            .await;
    }

    /// A new configuration was refused.
    pub(super) async fn refused(&self, errors: &impl Display) {
        let message: String = errors.to_string().chars().take(MESSAGE_CHARS).collect();
        self.tell(Event::of_leadsman(now(), kind::CONFIG_ERROR, message))
            .await;
    }

    /// Anything else.
    pub(super) async fn tell(&self, event: Event) {
        let record = Record::Event(Arc::new(event));
        if let Err(error) = self.log.append(record).await {
            warn!(
                error = %storage::ErrorChain(&error),
                "failed to log an event"
            );
        }
    }
}

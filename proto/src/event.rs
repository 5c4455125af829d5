//! What happened, to a target or to leadsman itself: the annotations of a chart.

use std::sync::Arc;

use crate::{Target, UnixMillis};

/// Kinds of [`Event`]. Others may be made: a kind is a word, and these are those leadsman knows.
pub mod kind {
    /// leadsman took up its work. `after`: its version.
    pub const START: &str = "start";
    /// leadsman was told to end, and does.
    pub const STOP: &str = "stop";
    /// A new configuration is in force.
    pub const CONFIG_RELOAD: &str = "config_reload";
    /// A new configuration was refused; the one before stays.
    pub const CONFIG_ERROR: &str = "config_error";
    /// Nothing was recorded from `time` until `until`: leadsman was away.
    pub const GAP: &str = "gap";
    /// A target was sounded for the first time.
    pub const TARGET_NEW: &str = "target_new";
    /// A target is sounded no more: discovery or the configuration no longer has it.
    pub const TARGET_GONE: &str = "target_gone";
    /// A target's process started anew. `before` and `after`: when it was started.
    pub const RESTART: &str = "restart";
    /// A target runs another version of its program.
    pub const VERSION_CHANGE: &str = "version_change";
    /// A target was built with another version of Go.
    pub const GO_VERSION_CHANGE: &str = "go_version_change";
    /// Scrapes of a target fail from now on.
    pub const DOWN: &str = "down";
    /// Scrapes of a target work again. `before`: since when they had failed.
    pub const UP: &str = "up";
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it happened, or began.
    pub time: UnixMillis,
    /// What happened: one of [`kind`], or another word.
    pub kind: String,
    /// To whom; `None` if it concerns leadsman itself.
    pub target: Option<Arc<Target>>,
    /// What was before, where something changed.
    pub before: Option<String>,
    /// What is now.
    pub after: Option<String>,
    /// When it ended, if that is known already.
    pub until: Option<UnixMillis>,
    /// The same for people, in a line or a few.
    pub message: String,
}

impl Event {
    /// Something that concerns leadsman itself.
    pub fn of_leadsman(time: UnixMillis, kind: &str, message: impl Into<String>) -> Self {
        Self {
            time,
            kind: kind.to_owned(),
            target: None,
            before: None,
            after: None,
            until: None,
            message: message.into(),
        }
    }

    /// Something that happened to a target.
    pub fn of_target(
        target: &Arc<Target>,
        time: UnixMillis,
        kind: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            target: Some(Arc::clone(target)),
            ..Self::of_leadsman(time, kind, message)
        }
    }

    /// The same, as a change from `before` to `after`.
    #[must_use]
    pub fn changed(self, before: Option<String>, after: Option<String>) -> Self {
        Self {
            before,
            after,
            ..self
        }
    }
}

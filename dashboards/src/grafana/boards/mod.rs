//! Which dashboards there are, and what is on each: data only. What of a component's signals no row
//! names is in a last row, so nothing of the catalogue is left out.

mod containerd;
mod etcd;
mod findings;
mod go;
mod leadsman;
mod node;
mod operator;
mod profiles;

use super::model::Step;
use super::panel::{GOOD, Profile, Query};

/// A dashboard.
pub(super) struct Board {
    /// Of its file, and of its address in Grafana.
    pub name: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    /// Components whose signals are all on it.
    pub components: &'static [&'static str],
    pub choice: Choice,
    pub rows: &'static [Row],
}

/// What one chooses above the panels.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    /// Targets that have one of these metrics or signals.
    Targets(&'static [&'static str]),
    /// A service that has profiles, and the target whose signals are of it.
    Services,
    /// A signal, and targets that have it.
    Signals,
    /// A leadsman.
    Leadsmen,
}

/// A title and panels.
pub(super) struct Row {
    pub title: &'static str,
    pub items: &'static [Item],
}

/// A panel.
pub(super) enum Item {
    /// A signal, by its name.
    Signal(&'static str),
    /// Lines over time.
    Graph(Query),
    /// The newest value, coloured.
    Number(Query, &'static [Step]),
    /// The newest value of a signal where it is worst, with its own thresholds; and a title.
    Worst(&'static str, &'static str),
    /// Profiles over time.
    Totals(Profile),
    /// A flame graph.
    Flame(Profile),
}

/// All of them, in the order in which one reads them.
pub(super) const ALL: [&Board; 8] = [
    &etcd::BOARD,
    &operator::BOARD,
    &containerd::BOARD,
    &node::BOARD,
    &go::BOARD,
    &profiles::BOARD,
    &findings::BOARD,
    &leadsman::BOARD,
];

/// Lines over time, as rows write it.
const fn graph(
    title: &'static str,
    help: &'static str,
    unit: &'static str,
    lines: &'static [(&'static str, &'static str)],
) -> Item {
    Item::Graph(Query {
        title,
        help,
        unit,
        lines,
    })
}

/// A count of now, as rows write it.
const fn number(
    title: &'static str,
    help: &'static str,
    lines: &'static [(&'static str, &'static str)],
    steps: &'static [Step],
) -> Item {
    let query = Query {
        title,
        help,
        unit: "short",
        lines,
    };
    Item::Number(query, steps)
}

/// Steps of a number that is neither good nor bad.
const COUNT: &[Step] = &[GOOD];
/// One is too many.
const NONE_SHOULD_BE: &[Step] = &[GOOD, bad_from(1.0)];

/// From this value on it is to be looked at.
const fn warn_from(value: f64) -> Step {
    Step {
        value: Some(value),
        color: "orange",
    }
}

/// From this value on it is bad.
const fn bad_from(value: f64) -> Step {
    Step {
        value: Some(value),
        color: "red",
    }
}

//! Grafana's dashboards, made of the signal catalogue and of [`boards`]: every signal has its panel.
//!
//! Knows the catalogue and Grafana's model; knows neither which targets there are nor where Grafana is.

mod boards;
mod grid;
mod json;
mod model;
mod panel;
mod query;
#[cfg(test)]
mod tests;
mod variables;

use std::collections::HashSet;

use baseline::catalogue::Signal;
use baseline::catalogue::words::by_component;

use boards::{Board, Choice, Item};
use grid::Row;
use model::{Annotation, Dashboard, Link, List, PROMETHEUS, Panel, Time};

/// Files that tell Grafana where data and dashboards are: path and text.
pub const PROVISIONING: [(&str, &str); 2] = [
    (
        "provisioning/datasources/leadsman.yaml",
        include_str!("../../grafana/provisioning/datasources/leadsman.yaml"),
    ),
    (
        "provisioning/dashboards/leadsman.yaml",
        include_str!("../../grafana/provisioning/dashboards/leadsman.yaml"),
    ),
];

/// A file of a dashboard.
#[derive(Debug)]
pub struct File {
    /// `etcd.json`.
    pub name: String,
    /// JSON as Grafana's provisioning and its import read it.
    pub text: String,
}

/// What the address of a dashboard begins with in Grafana, before the file's name.
pub const UID_PREFIX: &str = "leadsman-";

/// All dashboards of these signals. Components that no dashboard of ours is for, such as those of
/// one's own signals, have one each.
pub fn files(signals: &[Signal]) -> Vec<File> {
    let ours = boards::ALL.iter().map(|board| of_board(board, signals));
    let known: HashSet<&str> = boards::ALL
        .iter()
        .flat_map(|board| board.components)
        .copied()
        .collect();
    let others = by_component(signals)
        .into_iter()
        .filter(|(component, _)| !known.contains(component))
        .map(|(component, of_it)| of_component(component, &of_it, signals));
    ours.chain(others).collect()
}

/// The signals that dashboards name, each where it belongs; the others come after them.
pub fn named_signals() -> impl Iterator<Item = &'static str> {
    let rows = boards::ALL.iter().flat_map(|board| board.rows);
    rows.flat_map(|row| row.items)
        .filter_map(|item| match item {
            Item::Signal(name) => Some(*name),
            _ => None,
        })
}

/// The dashboard on which a signal of a component is, as the end of its address (`leadsman-etcd`).
pub fn uid_of(component: &str) -> String {
    let board = boards::ALL
        .iter()
        .find(|board| board.components.contains(&component));
    uid(board.map_or(component, |board| board.name))
}

fn uid(name: &str) -> String {
    format!("{UID_PREFIX}{name}")
}

fn of_board(board: &Board, signals: &[Signal]) -> File {
    let mut named = HashSet::new();
    let mut rows: Vec<Row> = Vec::new();
    for row in board.rows {
        let panels = row.items.iter().filter_map(|item| {
            if let Item::Signal(name) = item {
                named.insert(*name);
            }
            panel_of(item, signals)
        });
        rows.push(Row {
            title: row.title.to_owned(),
            panels: panels.collect(),
        });
    }
    let is_left = |signal: &&Signal| {
        board.components.contains(&signal.component.as_str())
            && !named.contains(signal.name.as_str())
    };
    let left = signals.iter().filter(is_left);
    rows.push(Row {
        title: "More".to_owned(),
        panels: left.map(|signal| panel::signal(signal, signals)).collect(),
    });
    rows.retain(|row| !row.panels.is_empty());
    file(board.name, board.title, board.about, board.choice, rows)
}

fn of_component(component: &str, of_it: &[&Signal], signals: &[Signal]) -> File {
    let row = Row {
        title: "Signals".to_owned(),
        panels: of_it
            .iter()
            .map(|one| panel::signal(one, signals))
            .collect(),
    };
    let about = format!("Signals of {component}, each beside what is usual for it.");
    let choice = Choice::Targets(&["up", "leadsman_signal_target_up"]);
    file(component, component, &about, choice, vec![row])
}

fn panel_of(item: &Item, signals: &[Signal]) -> Option<Panel> {
    Some(match item {
        Item::Signal(name) => {
            let signal = signals.iter().find(|signal| signal.name == *name)?;
            panel::signal(signal, signals)
        }
        Item::Graph(query) => panel::of_query(query),
        Item::Number(query, steps) => panel::number(query, steps),
        Item::Worst(name, title) => {
            panel::worst(signals.iter().find(|signal| signal.name == *name)?, title)
        }
        Item::Totals(profile) => panel::profile_totals(profile),
        Item::Flame(profile) => panel::flame_graph(profile),
    })
}

fn file(name: &str, title: &str, about: &str, choice: Choice, rows: Vec<Row>) -> File {
    let dashboard = Dashboard {
        uid: uid(name),
        title: format!("leadsman / {title}"),
        description: about.to_owned(),
        tags: vec!["leadsman"],
        timezone: "browser",
        editable: true,
        graph_tooltip: 1,
        time: Time {
            from: "now-6h",
            to: "now",
        },
        refresh: "1m",
        schema_version: 39,
        templating: List {
            list: variables::of(choice),
        },
        annotations: List {
            list: vec![findings()],
        },
        links: links(choice),
        panels: grid::place(rows),
    };
    File {
        name: format!("{name}.json"),
        text: json::lines(&dashboard),
    }
}

/// A mark where leadsman began to tell of a trouble.
fn findings() -> Annotation {
    Annotation {
        name: "Findings",
        datasource: PROMETHEUS,
        enable: true,
        icon_color: "red",
        expr: r#"increase(leadsman_findings_total{state="firing"}[2m]) > 0"#.to_owned(),
        title_format: "{{severity}} finding",
        text_format: "{{job}}",
        step: "60s",
    }
}

/// To the other dashboards, and to leadsman's own page of the same.
fn links(choice: Choice) -> Vec<Link> {
    let dashboards = Link {
        title: "leadsman",
        kind: "dashboards",
        icon: "dashboard",
        tooltip: "",
        url: None,
        tags: vec!["leadsman"],
        as_dropdown: true,
        target_blank: false,
        include_vars: false,
        keep_time: true,
    };
    let page = Link {
        title: "In leadsman",
        kind: "link",
        icon: "external link",
        url: Some(variables::page(choice)),
        tags: Vec::new(),
        as_dropdown: false,
        keep_time: false,
        ..dashboards.clone()
    };
    vec![dashboards, page]
}

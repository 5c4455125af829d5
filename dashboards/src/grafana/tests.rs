//! What every dashboard must be, whatever the catalogue says.

use std::collections::BTreeSet;

use baseline::catalogue::Unit;
use serde_json::Value;

use super::*;

/// A signal for each that our dashboards name, and one more of each component, and of one that no
/// dashboard is for.
fn signals() -> Vec<Signal> {
    let named = named_signals().map(|name| Signal::blank(name, "elsewhere"));
    let components = boards::ALL.iter().flat_map(|board| board.components);
    let more =
        components.map(|component| Signal::blank(format!("more_of_{component}"), *component));
    let own = Signal::blank("mine", "shop");
    let all = named.chain(more).chain([own]);
    let described = all.map(|signal| Signal {
        help: "What it tells.".to_owned(),
        ..signal
    });
    described.collect()
}

fn dashboards() -> Vec<Value> {
    let files = files(&signals());
    let parsed = files.iter().map(|file| serde_json::from_str(&file.text));
    parsed.collect::<Result<_, _>>().unwrap()
}

fn panels(dashboard: &Value) -> &[Value] {
    dashboard["panels"].as_array().unwrap()
}

#[test]
fn every_signal_has_a_panel() {
    let texts: String = files(&signals())
        .into_iter()
        .map(|file| file.text)
        .collect();
    for signal in signals() {
        assert!(texts.contains(&signal.metric_name()), "{}", signal.name);
    }
}

#[test]
fn a_component_of_ones_own_has_a_dashboard_and_every_uid_leads_to_one() {
    let uids: Vec<_> = dashboards()
        .iter()
        .map(|one| one["uid"].to_string())
        .collect();
    let unique: BTreeSet<_> = uids.iter().collect();
    assert_eq!(unique.len(), uids.len());
    for signal in signals().iter().filter(|one| one.component != "elsewhere") {
        let uid = format!("{:?}", uid_of(&signal.component));
        assert!(uids.contains(&uid), "{uid}");
        // Grafana takes no longer ones.
        assert!(uid.len() - 2 <= 40, "{uid}");
    }
    assert_eq!(uid_of("shop"), "leadsman-shop");
    assert_eq!(uid_of("kubelet"), "leadsman-node");
}

#[test]
fn no_two_panels_are_in_one_place() {
    for dashboard in dashboards() {
        let mut cells = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            assert!(ids.insert(panel["id"].as_u64().unwrap()));
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            let (x, y) = (side("x"), side("y"));
            assert!(x + side("w") <= 24);
            for cell in 0..side("w") * side("h") {
                let cell = (x + cell % side("w"), y + cell / side("w"));
                assert!(cells.insert(cell), "{} at {cell:?}", panel["title"]);
            }
        }
    }
}

#[test]
fn every_panel_asks_something_and_says_what_it_means() {
    for dashboard in dashboards() {
        for panel in panels(&dashboard) {
            if panel["type"] == "row" {
                continue;
            }
            assert!(!panel["targets"].as_array().unwrap().is_empty());
            assert!(panel["description"].is_string(), "{}", panel["title"]);
        }
    }
}

/// The metric of a chosen signal is found whatever its unit.
#[test]
fn the_ends_of_names_on_the_dashboard_of_findings_are_those_of_units() {
    let text = files(&[])
        .into_iter()
        .find(|file| file.name == "findings.json");
    let text = text.unwrap().text;
    for (_, unit) in Unit::ALL {
        let suffix = unit.suffix();
        let is_there =
            text.contains(&format!("({suffix}|")) || text.contains(&format!("|{suffix}"));
        assert!(is_there, "{suffix}");
    }
}

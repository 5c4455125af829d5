//! Panels: of a signal, of any query, of profiles.

use baseline::catalogue::words::{bound, condition};
use baseline::catalogue::{Comparison, Direction, FromProfile, Severity, Signal, Unit};

use super::grid::size;
use super::model::{
    Color, DataSource, Defaults, FieldConfig, Legend, Lines, Matcher, Options, Override,
    PROMETHEUS, PYROSCOPE, Panel, Place, Property, PropertyValue, Reduce, Step, Target, Thresholds,
    ThresholdsStyle, Tooltip,
};
use super::query;

/// Nodes of a flame graph beyond which small ones are put together.
const MAX_NODES: u32 = 16_384;

/// A panel that is not a signal's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Query {
    pub title: &'static str,
    pub help: &'static str,
    /// Grafana's name of the unit.
    pub unit: &'static str,
    /// What is asked, and how its lines are called.
    pub lines: &'static [(&'static str, &'static str)],
}

/// A panel of profiles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Profile {
    pub title: &'static str,
    pub help: &'static str,
    /// `kind:type:unit:period_type:period_unit`.
    pub type_id: &'static str,
    pub unit: &'static str,
}

/// A signal of all chosen targets with its limits and what is usual for it; `signals` are those that
/// its thresholds may depend on.
pub(super) fn signal(signal: &Signal, signals: &[Signal]) -> Panel {
    let mut targets = vec![prometheus(
        "Value",
        query::signal(signal),
        query::legend(signal),
    )];
    let mut overrides = Vec::new();
    if let Some(limit) = query::limit(signal) {
        let legend = "limit {{job}} {{instance}}".to_owned();
        targets.push(prometheus("Limit", limit, legend));
        overrides.push(faint("Limit", "red"));
    }
    if has_band(signal) {
        for (ref_id, edge) in [("Upper", "upper"), ("Lower", "lower")] {
            let legend = format!("usual, {edge}: {}", query::legend(signal));
            targets.push(prometheus(ref_id, query::band(signal, edge), legend));
            overrides.push(faint(ref_id, "text"));
        }
    }
    let thresholds = steps(signal);
    graph(
        signal.title.clone(),
        description(signal, signals),
        FieldConfig {
            defaults: defaults(unit(signal.unit), thresholds),
            overrides,
        },
        targets,
    )
}

/// Functions are judged, but what is usual for each of them is not told on `/metrics`.
fn has_band(signal: &Signal) -> bool {
    let is_of_functions = signal
        .from_profile()
        .is_some_and(FromProfile::is_of_functions);
    signal.bad != Direction::None && !is_of_functions
}

/// Lines over time.
pub(super) fn of_query(query: &Query) -> Panel {
    let config = FieldConfig {
        defaults: defaults(query.unit, vec![GOOD]),
        overrides: Vec::new(),
    };
    graph(
        query.title.to_owned(),
        query.help.to_owned(),
        config,
        lines(query),
    )
}

/// The newest value as a number.
pub(super) fn number(query: &Query, steps: &[Step]) -> Panel {
    stat(
        query.title,
        query.help,
        query.unit,
        steps.to_vec(),
        lines(query),
    )
}

/// The newest value of a signal of the chosen target that is worst off. More of it must be what is bad.
pub(super) fn worst(signal: &Signal, title: &str) -> Panel {
    let expr = format!("max({})", query::signal(signal));
    let targets = vec![prometheus("A", expr, String::new())];
    stat(
        title,
        &signal.help,
        unit(signal.unit),
        steps(signal),
        targets,
    )
}

fn stat(
    title: &str,
    help: &str,
    unit: &'static str,
    steps: Vec<Step>,
    mut targets: Vec<Target>,
) -> Panel {
    for target in &mut targets {
        if let Target::Prometheus { range, instant, .. } = target {
            (*range, *instant) = (false, true);
        }
    }
    let mut defaults = defaults(unit, steps);
    defaults.color.mode = "thresholds";
    defaults.custom = None;
    let options = Options::Number {
        graph_mode: "none",
        color_mode: "value",
        text_mode: "auto",
        reduce_options: Reduce {
            calcs: vec!["lastNotNull"],
            fields: "",
            values: false,
        },
    };
    Panel {
        field_config: Some(FieldConfig {
            defaults,
            overrides: Vec::new(),
        }),
        options: Some(options),
        targets,
        ..blank("stat", title, help, PROMETHEUS, size(4, 4))
    }
}

/// A flame graph of all profiles of the range of time, merged.
pub(super) fn flame_graph(profile: &Profile) -> Panel {
    Panel {
        targets: vec![pyroscope(profile, "profile", Some(MAX_NODES))],
        ..blank(
            "flamegraph",
            profile.title,
            profile.help,
            PYROSCOPE,
            size(24, 16),
        )
    }
}

/// What profiles come to over time.
pub(super) fn profile_totals(profile: &Profile) -> Panel {
    Panel {
        field_config: Some(FieldConfig {
            defaults: defaults(profile.unit, vec![GOOD]),
            overrides: Vec::new(),
        }),
        options: Some(graph_options()),
        targets: vec![pyroscope(profile, "metrics", None)],
        ..blank(
            "timeseries",
            profile.title,
            profile.help,
            PYROSCOPE,
            size(8, 8),
        )
    }
}

fn lines(query: &Query) -> Vec<Target> {
    let names = ["A", "B", "C", "D", "E", "F"];
    let lines = names.iter().zip(query.lines);
    lines
        .map(|(ref_id, (expr, legend))| {
            prometheus(ref_id, (*expr).to_owned(), (*legend).to_owned())
        })
        .collect()
}

fn prometheus(ref_id: &'static str, expr: String, legend_format: String) -> Target {
    Target::Prometheus {
        ref_id,
        datasource: PROMETHEUS,
        editor_mode: "code",
        expr,
        legend_format,
        range: true,
        instant: false,
    }
}

fn pyroscope(profile: &Profile, query_type: &'static str, max_nodes: Option<u32>) -> Target {
    Target::Pyroscope {
        ref_id: "A",
        datasource: PYROSCOPE,
        query_type,
        profile_type_id: profile.type_id,
        label_selector: r#"{service_name="$service"}"#.to_owned(),
        group_by: Vec::new(),
        max_nodes,
    }
}

fn graph(title: String, help: String, config: FieldConfig, targets: Vec<Target>) -> Panel {
    Panel {
        field_config: Some(config),
        options: Some(graph_options()),
        targets,
        ..blank("timeseries", &title, &help, PROMETHEUS, size(8, 8))
    }
}

fn blank(kind: &'static str, title: &str, help: &str, from: DataSource, place: Place) -> Panel {
    Panel {
        id: 0,
        kind,
        title: title.to_owned(),
        description: help.to_owned(),
        grid_pos: place,
        datasource: Some(from),
        collapsed: None,
        field_config: None,
        options: None,
        targets: Vec::new(),
        panels: None,
    }
}

fn graph_options() -> Options {
    Options::Graph {
        legend: Legend {
            display_mode: "list",
            placement: "bottom",
            show_legend: true,
            calcs: Vec::new(),
        },
        tooltip: Tooltip {
            mode: "multi",
            sort: "desc",
        },
    }
}

fn defaults(unit: &'static str, steps: Vec<Step>) -> Defaults {
    let mode = if steps.len() > 1 { "dashed" } else { "off" };
    Defaults {
        unit,
        color: Color {
            mode: "palette-classic",
            fixed_color: None,
        },
        thresholds: Thresholds {
            mode: "absolute",
            steps,
        },
        custom: Some(Lines {
            draw_style: "line",
            line_width: 1,
            fill_opacity: 0,
            show_points: "never",
            thresholds_style: ThresholdsStyle { mode },
        }),
    }
}

/// A dashed line of one colour that is not in the legend.
fn faint(ref_id: &'static str, colour: &'static str) -> Override {
    let color = Color {
        mode: "fixed",
        fixed_color: Some(colour),
    };
    let style = PropertyValue::LineStyle {
        fill: "dash",
        dash: [4, 6],
    };
    let hidden = PropertyValue::HideFrom {
        legend: true,
        tooltip: false,
        viz: false,
    };
    let properties = [
        ("color", PropertyValue::Color(color)),
        ("custom.lineStyle", style),
        ("custom.lineWidth", PropertyValue::Number(1)),
        ("custom.hideFrom", hidden),
    ];
    let properties = properties.map(|(id, value)| Property { id, value });
    Override {
        matcher: Matcher {
            id: "byFrameRefID",
            options: ref_id,
        },
        properties: properties.into(),
    }
}

pub(super) const GOOD: Step = Step {
    value: None,
    color: "green",
};

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "orange",
        Severity::Critical => "red",
    }
}

/// Colours from below to above. A value below which something is bad ends the colour of that; the
/// least of all values has the worst.
fn steps(signal: &Signal) -> Vec<Step> {
    let on = |side: Comparison| {
        let thresholds = signal.thresholds.iter();
        let thresholds = thresholds.filter(move |one| one.bound.comparison == side);
        let mut ends: Vec<_> = thresholds
            .map(|one| (one.bound.value, colour(one.severity)))
            .collect();
        ends.sort_by(|(left, _), (right, _)| left.total_cmp(right));
        ends
    };
    let below = on(Comparison::Below);
    let starts = std::iter::once(None).chain(below.iter().map(|(value, _)| Some(*value)));
    let colours = below.iter().map(|(_, colour)| *colour);
    let colours = colours.chain(std::iter::once(GOOD.color));
    let steps = starts
        .zip(colours)
        .map(|(value, color)| Step { value, color });
    let above = on(Comparison::Above).into_iter();
    let above = above.map(|(value, color)| Step {
        value: Some(value),
        color,
    });
    steps.chain(above).collect()
}

/// What it means, when it is good and when bad, and what to do then. Markdown.
fn description(signal: &Signal, signals: &[Signal]) -> String {
    let mut parts = vec![signal.help.clone()];
    let mut limits = Vec::new();
    if let Some(healthy) = &signal.healthy {
        let bound = bound(signal, healthy.bound);
        limits.push(format!("- healthy: {bound} ({})", healthy.source));
    }
    for threshold in &signal.thresholds {
        let (severity, source) = (threshold.severity.as_str(), &threshold.source);
        let condition = condition(signal, threshold, signals);
        limits.push(format!("- {severity}: {condition} ({source})"));
    }
    parts.push(limits.join("\n"));
    parts.push(signal.remedy.clone());
    parts.push(signal.references.join(" "));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

/// Grafana's name of a unit.
fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Ratio => "percentunit",
        Unit::Seconds => "s",
        Unit::Bytes => "bytes",
        Unit::Count => "short",
        Unit::PerSecond => "cps",
        Unit::BytesPerSecond => "binBps",
        Unit::Cores => "suffix: cores",
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use baseline::catalogue::{Bound, Threshold};

    use super::*;

    fn threshold(severity: Severity, comparison: Comparison, value: f64) -> Threshold {
        Threshold {
            severity,
            bound: Bound { comparison, value },
            hold: Duration::ZERO,
            only_while: None,
            source: String::new(),
        }
    }

    #[test]
    fn colours_change_where_thresholds_are() {
        let mut signal = Signal::blank("a", "b");
        assert_eq!(steps(&signal), [GOOD]);
        signal.thresholds = vec![
            threshold(Severity::Critical, Comparison::Above, 9.0),
            threshold(Severity::Warning, Comparison::Above, 5.0),
            threshold(Severity::Warning, Comparison::Below, 2.0),
            threshold(Severity::Critical, Comparison::Below, 1.0),
        ];
        let expected = [
            (None, "red"),
            (Some(1.0), "orange"),
            (Some(2.0), "green"),
            (Some(5.0), "orange"),
            (Some(9.0), "red"),
        ];
        assert_eq!(
            steps(&signal),
            expected.map(|(value, color)| Step { value, color })
        );
    }
}

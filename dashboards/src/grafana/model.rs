//! The part of Grafana's dashboard model (JSON, schema 39: Grafana 11 and later) that we write.
//! Fields are written in the order in which they stand here.

use serde::Serialize;

/// A dashboard.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dashboard {
    pub uid: String,
    pub title: String,
    pub description: String,
    pub tags: Vec<&'static str>,
    pub timezone: &'static str,
    pub editable: bool,
    /// 1: one cross hair through all panels.
    pub graph_tooltip: u8,
    pub time: Time,
    pub refresh: &'static str,
    pub schema_version: u8,
    pub templating: List<Variable>,
    pub annotations: List<Annotation>,
    pub links: Vec<Link>,
    pub panels: Vec<Panel>,
}

#[derive(Debug, Serialize)]
pub(super) struct Time {
    pub from: &'static str,
    pub to: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct List<T> {
    pub list: Vec<T>,
}

/// What a data source is chosen by: its kind, and the variable that holds which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct DataSource {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub uid: &'static str,
}

pub(super) const PROMETHEUS: DataSource = DataSource {
    kind: "prometheus",
    uid: "${prometheus}",
};
pub(super) const PYROSCOPE: DataSource = DataSource {
    kind: "grafana-pyroscope-datasource",
    uid: "${pyroscope}",
};

/// A choice above the panels.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variable {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub name: &'static str,
    pub label: &'static str,
    pub query: Asked,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasource: Option<DataSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<Chosen>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub multi: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub include_all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_value: Option<&'static str>,
    /// 2: when the range of time changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<u8>,
    /// 1: by the alphabet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sort: Option<u8>,
}

/// What the values of a variable are asked with.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Asked {
    Text(String),
    #[serde(rename_all = "camelCase")]
    Label {
        #[serde(rename = "type")]
        kind: &'static str,
        label_name: &'static str,
        profile_type_id: &'static str,
        ref_id: &'static str,
    },
}

/// The value that a variable has at first.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Chosen {
    pub selected: bool,
    pub text: &'static str,
    pub value: &'static str,
}

/// Marks on the time axis of every panel.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Annotation {
    pub name: &'static str,
    pub datasource: DataSource,
    pub enable: bool,
    pub icon_color: &'static str,
    pub expr: String,
    pub title_format: &'static str,
    pub text_format: &'static str,
    pub step: &'static str,
}

/// A link of a dashboard or a panel.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    pub title: &'static str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub icon: &'static str,
    pub tooltip: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    pub tags: Vec<&'static str>,
    pub as_dropdown: bool,
    pub target_blank: bool,
    pub include_vars: bool,
    pub keep_time: bool,
}

/// A panel, or the line above a row of them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Panel {
    pub id: u32,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    pub grid_pos: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub datasource: Option<DataSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collapsed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_config: Option<FieldConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Options>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// Of a row: those that it hides when it is collapsed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub panels: Option<[(); 0]>,
}

/// Where a panel is: in columns of 24, and in rows of 30 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Place {
    pub x: u32,
    pub y: u32,
    pub w: u32,
    pub h: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct FieldConfig {
    pub defaults: Defaults,
    pub overrides: Vec<Override>,
}

#[derive(Debug, Serialize)]
pub(super) struct Defaults {
    pub unit: &'static str,
    pub color: Color,
    pub thresholds: Thresholds,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<Lines>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Color {
    pub mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixed_color: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Thresholds {
    pub mode: &'static str,
    pub steps: Vec<Step>,
}

/// From `value` on it is `color`; the first step has no value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Step {
    pub value: Option<f64>,
    pub color: &'static str,
}

/// How lines are drawn.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Lines {
    pub draw_style: &'static str,
    pub line_width: u8,
    pub fill_opacity: u8,
    pub show_points: &'static str,
    pub thresholds_style: ThresholdsStyle,
}

#[derive(Debug, Serialize)]
pub(super) struct ThresholdsStyle {
    pub mode: &'static str,
}

/// What is different for some of the lines.
#[derive(Debug, Serialize)]
pub(super) struct Override {
    pub matcher: Matcher,
    pub properties: Vec<Property>,
}

#[derive(Debug, Serialize)]
pub(super) struct Matcher {
    pub id: &'static str,
    pub options: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Property {
    pub id: &'static str,
    pub value: PropertyValue,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum PropertyValue {
    Color(Color),
    Number(u8),
    LineStyle {
        fill: &'static str,
        dash: [u8; 2],
    },
    HideFrom {
        legend: bool,
        tooltip: bool,
        viz: bool,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Options {
    Graph {
        legend: Legend,
        tooltip: Tooltip,
    },
    #[serde(rename_all = "camelCase")]
    Number {
        graph_mode: &'static str,
        color_mode: &'static str,
        text_mode: &'static str,
        reduce_options: Reduce,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Legend {
    pub display_mode: &'static str,
    pub placement: &'static str,
    pub show_legend: bool,
    pub calcs: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
pub(super) struct Tooltip {
    pub mode: &'static str,
    pub sort: &'static str,
}

#[derive(Debug, Serialize)]
pub(super) struct Reduce {
    pub calcs: Vec<&'static str>,
    pub fields: &'static str,
    pub values: bool,
}

/// A query of a panel.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Target {
    #[serde(rename_all = "camelCase")]
    Prometheus {
        ref_id: &'static str,
        datasource: DataSource,
        editor_mode: &'static str,
        expr: String,
        legend_format: String,
        range: bool,
        instant: bool,
    },
    #[serde(rename_all = "camelCase")]
    Pyroscope {
        ref_id: &'static str,
        datasource: DataSource,
        query_type: &'static str,
        profile_type_id: &'static str,
        label_selector: String,
        group_by: Vec<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        max_nodes: Option<u32>,
    },
}

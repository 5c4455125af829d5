//! Column names, types and nullability of every table.
//!
//! Column order here is the order in which `rows::*` build their arrays.

use std::sync::{Arc, LazyLock};

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

use super::table::Table;

impl Table {
    /// The table's columns.
    pub(super) fn schema(self) -> SchemaRef {
        static SCHEMAS: LazyLock<[SchemaRef; 20]> =
            LazyLock::new(|| Table::ALL.map(|table| Arc::new(Schema::new(columns(table)))));
        // ALL is in the order of the variants.
        SCHEMAS[self as usize].clone()
    }
}

fn columns(table: Table) -> Vec<Field> {
    match table {
        Table::MetricSeries => metric_series(),
        Table::MetricPoints => vec![id("series_id"), millis("time"), double("value")],
        Table::MetricHistograms | Table::MetricHistograms5m | Table::MetricHistograms1h => {
            metric_histograms()
        }
        Table::MetricRollups5m | Table::MetricRollups1h => metric_rollups(),
        Table::MetricExemplars => {
            vec![id("series_id"), millis("time"), double("value"), labels()]
        }
        Table::Stacks => vec![
            id("stack_id"),
            text("leaf"),
            Field::new("frames", list(DataType::Struct(frame_fields())), false),
        ],
        Table::ProfileSamples | Table::ProfileSamples5m | Table::ProfileSamples1h => vec![
            id("series_id"),
            id("profile_id"),
            id("stack_id"),
            integer("value"),
            Field::new(
                "labels",
                list(DataType::Struct(sample_label_fields())),
                false,
            ),
        ],
        Table::Profiles => profiles(),
        Table::Profiles5m | Table::Profiles1h => {
            let mut columns = profiles();
            columns.push(integer("n_captures"));
            columns
        }
        Table::FunctionTrend => function_trend(),
        Table::Targets => targets(),
        Table::Events => events(),
        Table::Findings => findings(),
        Table::Spans => spans(),
    }
}

fn metric_series() -> Vec<Field> {
    vec![
        id("series_id"),
        text("name"),
        text("kind"),
        text("unit"),
        text("help"),
        text("job"),
        text("instance"),
        labels(),
        Field::new("created", timestamp(TimeUnit::Millisecond), true),
    ]
}

fn metric_histograms() -> Vec<Field> {
    vec![
        id("series_id"),
        millis("time"),
        Field::new("schema", DataType::Int32, false),
        double("zero_threshold"),
        double("zero_count"),
        double("count"),
        double("sum"),
        flag("is_float"),
        flag("is_gauge"),
        Field::new(
            "positive_spans",
            list(DataType::Struct(span_fields())),
            false,
        ),
        Field::new("positive_counts", list(DataType::Float64), false),
        Field::new(
            "negative_spans",
            list(DataType::Struct(span_fields())),
            false,
        ),
        Field::new("negative_counts", list(DataType::Float64), false),
        Field::new("custom_bounds", list(DataType::Float64), false),
    ]
}

fn metric_rollups() -> Vec<Field> {
    vec![
        id("series_id"),
        text("name"),
        text("job"),
        text("instance"),
        millis("time"),
        integer("count"),
        double("first"),
        double("last"),
        optional_double("min"),
        optional_double("max"),
        optional_double("sum"),
        optional_double("p50"),
        optional_double("p90"),
        optional_double("p99"),
        optional_double("increase"),
        Field::new("resets", DataType::Int32, true),
    ]
}

fn function_trend() -> Vec<Field> {
    vec![
        id("series_id"),
        millis("time"),
        text("job"),
        text("instance"),
        text("kind"),
        text("sample_type"),
        text("sample_unit"),
        text("function"),
        integer("self"),
        integer("total"),
        integer("profile_total"),
        integer("n_captures"),
    ]
}

fn targets() -> Vec<Field> {
    vec![
        id("target_id"),
        millis("time"),
        text("job"),
        text("instance"),
        labels(),
        text("scheme"),
        text("address"),
        optional_text("version"),
        optional_text("go_version"),
        Field::new("started", timestamp(TimeUnit::Millisecond), true),
    ]
}

fn events() -> Vec<Field> {
    vec![
        millis("time"),
        text("kind"),
        Field::new("target_id", DataType::Int64, true),
        text("job"),
        text("instance"),
        optional_text("before"),
        optional_text("after"),
        Field::new("until", timestamp(TimeUnit::Millisecond), true),
        text("message"),
    ]
}

fn findings() -> Vec<Field> {
    vec![
        id("finding_id"),
        id("incident"),
        id("target_id"),
        millis("time"),
        millis("since"),
        text("state"),
        text("severity"),
        text("rule"),
        text("job"),
        text("instance"),
        labels(),
        text("scheme"),
        text("address"),
        text("signal"),
        label_map("signal_labels"),
        text("unit"),
        optional_double("before"),
        optional_double("now"),
        optional_double("lower"),
        optional_double("upper"),
        optional_double("score"),
        text("title"),
        text("explanation"),
        text("cause"),
        text("remedy"),
        Field::new("links", list(DataType::Struct(link_fields())), false),
        Field::new("captures", list(DataType::Int64), false),
    ]
}

fn spans() -> Vec<Field> {
    vec![
        text("service"),
        Field::new("time", timestamp(TimeUnit::Microsecond), false),
        text("trace_id"),
        text("span_id"),
        optional_text("parent_span_id"),
        text("name"),
        text("kind"),
        integer("time_nanos"),
        integer("duration_nanos"),
        text("status"),
        text("status_message"),
        label_map("attributes"),
        label_map("resource"),
        text("scope"),
        text("scope_version"),
        text("trace_state"),
        Field::new("events", list(DataType::Struct(span_event_fields())), false),
        Field::new("links", list(DataType::Struct(span_link_fields())), false),
    ]
}

fn profiles() -> Vec<Field> {
    vec![
        id("profile_id"),
        id("capture_id"),
        id("series_id"),
        Field::new("time", timestamp(TimeUnit::Microsecond), false),
        integer("time_nanos"),
        integer("duration_nanos"),
        text("job"),
        text("instance"),
        labels(),
        text("scheme"),
        text("address"),
        text("kind"),
        Field::new("type_idx", DataType::Int32, false),
        text("sample_type"),
        text("sample_unit"),
        flag("is_default_type"),
        text("period_type"),
        text("period_unit"),
        integer("period"),
        flag("is_delta"),
        integer("total"),
        integer("n_samples"),
        Field::new("comments", list(DataType::Utf8), false),
        text("drop_frames"),
        text("keep_frames"),
        text("doc_url"),
        Field::new("mappings", list(DataType::Struct(mapping_fields())), false),
    ]
}

/// Fields of a span of a native histogram's buckets.
pub(super) fn span_fields() -> Fields {
    Fields::from(vec![
        Field::new("offset", DataType::Int32, false),
        Field::new("length", DataType::Int32, false),
    ])
}

/// Fields of one frame of a stack.
pub(super) fn frame_fields() -> Fields {
    Fields::from(vec![
        optional_text("function"),
        optional_text("system_name"),
        optional_text("file"),
        integer("line"),
        integer("col"),
        integer("start_line"),
        integer("address"),
        optional_text("mapping"),
        optional_text("build_id"),
        Field::new("mapping_start", DataType::Int64, true),
        flag("is_inlined"),
        flag("is_folded"),
    ])
}

/// Fields of one label of a profile's sample.
pub(super) fn sample_label_fields() -> Fields {
    Fields::from(vec![
        text("key"),
        optional_text("str"),
        Field::new("num", DataType::Int64, true),
        optional_text("unit"),
    ])
}

/// Fields of one link of a finding.
pub(super) fn link_fields() -> Fields {
    Fields::from(vec![text("name"), text("url")])
}

/// Fields of what happened in a span of a trace.
pub(super) fn span_event_fields() -> Fields {
    Fields::from(vec![
        integer("time_nanos"),
        text("name"),
        label_map("attributes"),
    ])
}

/// Fields of one link of a span of a trace.
pub(super) fn span_link_fields() -> Fields {
    Fields::from(vec![
        text("trace_id"),
        text("span_id"),
        label_map("attributes"),
    ])
}

/// Fields of one mapping of a profile.
pub(super) fn mapping_fields() -> Fields {
    Fields::from(vec![
        integer("memory_start"),
        integer("memory_limit"),
        integer("file_offset"),
        text("file"),
        text("build_id"),
        flag("has_functions"),
        flag("has_filenames"),
        flag("has_line_numbers"),
        flag("has_inline_frames"),
    ])
}

/// Fields of one entry of a map of labels.
pub(super) fn label_fields() -> Fields {
    Fields::from(vec![text("key"), optional_text("value")])
}

/// The field that holds the items of a list.
pub(super) fn element(items: DataType) -> Field {
    Field::new("element", items, false)
}

/// The field that holds the entries of a map.
pub(super) fn map_entries() -> Field {
    Field::new("key_value", DataType::Struct(label_fields()), false)
}

fn labels() -> Field {
    label_map("labels")
}

fn label_map(name: &str) -> Field {
    Field::new(name, DataType::Map(Arc::new(map_entries()), false), false)
}

fn list(items: DataType) -> DataType {
    DataType::List(Arc::new(element(items)))
}

fn id(name: &str) -> Field {
    integer(name)
}

fn integer(name: &str) -> Field {
    Field::new(name, DataType::Int64, false)
}

fn double(name: &str) -> Field {
    Field::new(name, DataType::Float64, false)
}

fn optional_double(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn flag(name: &str) -> Field {
    Field::new(name, DataType::Boolean, false)
}

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, false)
}

fn optional_text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn millis(name: &str) -> Field {
    Field::new(name, timestamp(TimeUnit::Millisecond), false)
}

fn timestamp(unit: TimeUnit) -> DataType {
    DataType::Timestamp(unit, Some("UTC".into()))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Field names of a type, with those nested in it.
    fn names(data_type: &DataType, into: &mut Vec<String>) {
        match data_type {
            DataType::Struct(fields) => {
                for field in fields {
                    into.push(field.name().clone());
                    names(field.data_type(), into);
                }
            }
            DataType::List(items) => names(items.data_type(), into),
            _ => {}
        }
    }

    #[test]
    fn the_document_names_every_column() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("SCHEMA.md");
        let document = std::fs::read_to_string(path).unwrap();
        for table in Table::ALL {
            // Hours are described by the windows of five minutes.
            let name = table.name().replace("_1h", "_5m");
            let heading = format!("\n## `{name}`\n");
            let (_, section) = document.split_once(&heading).unwrap();
            let section = section.split("\n## ").next().unwrap();
            let mut columns = Vec::new();
            names(
                &DataType::Struct(table.schema().fields().clone()),
                &mut columns,
            );
            for column in columns {
                let is_there = section
                    .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .any(|word| word == column);
                assert!(is_there, "{}: {column} is not described", table.name());
            }
        }
    }

    fn described() -> Vec<String> {
        let columns = Table::ALL.iter().flat_map(|table| {
            let schema = table.schema();
            let fields = schema.fields().iter().cloned();
            fields
                .map(|field| {
                    let null = if field.is_nullable() { " null" } else { "" };
                    let (name, data_type) = (field.name(), field.data_type());
                    format!("{}.{name} {data_type}{null}", table.name())
                })
                .collect::<Vec<_>>()
        });
        columns.collect()
    }

    /// Columns may be added at the end of a table; what is here stays as it is.
    #[test]
    fn columns_are_those_of_version_4() {
        insta::assert_snapshot!(described().join("\n"));
    }

    #[test]
    fn the_columns_of_older_versions_are_what_they_were() {
        let version_1 = include_str!("snapshots/columns_of_version_1.txt");
        let version_2 = include_str!("snapshots/columns_of_version_2.txt");
        let described = described();
        let version_3 = include_str!("snapshots/columns_of_version_3.txt");
        let older = version_1.lines().chain(version_2.lines());
        for column in older.chain(version_3.lines()) {
            assert!(described.iter().any(|other| other == column), "{column}");
        }
    }
}

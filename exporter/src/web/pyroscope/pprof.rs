//! pprof's own message, for the client that asks for a profile in JSON. In protobuf it is written by
//! `proto`.

use prost::Message;
use serde::{Deserialize, Serialize};

use super::json;

/// `google.v1.Profile`.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Profile {
    #[prost(message, repeated, tag = "1")]
    sample_type: Vec<ValueType>,
    #[prost(message, repeated, tag = "2")]
    sample: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    mapping: Vec<Mapping>,
    #[prost(message, repeated, tag = "4")]
    location: Vec<Location>,
    #[prost(message, repeated, tag = "5")]
    function: Vec<Function>,
    #[prost(string, repeated, tag = "6")]
    string_table: Vec<String>,
    #[prost(int64, tag = "7")]
    #[serde(with = "json::int64")]
    drop_frames: i64,
    #[prost(int64, tag = "8")]
    #[serde(with = "json::int64")]
    keep_frames: i64,
    #[prost(int64, tag = "9")]
    #[serde(with = "json::int64")]
    time_nanos: i64,
    #[prost(int64, tag = "10")]
    #[serde(with = "json::int64")]
    duration_nanos: i64,
    #[prost(message, optional, tag = "11")]
    #[serde(skip_serializing_if = "Option::is_none")]
    period_type: Option<ValueType>,
    #[prost(int64, tag = "12")]
    #[serde(with = "json::int64")]
    period: i64,
    #[prost(int64, repeated, tag = "13")]
    #[serde(with = "json::int64s")]
    comment: Vec<i64>,
    #[prost(int64, tag = "14")]
    #[serde(with = "json::int64")]
    default_sample_type: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
struct ValueType {
    #[prost(int64, tag = "1")]
    #[serde(rename = "type", with = "json::int64")]
    kind: i64,
    #[prost(int64, tag = "2")]
    #[serde(with = "json::int64")]
    unit: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sample {
    #[prost(uint64, repeated, tag = "1")]
    #[serde(with = "json::uint64s")]
    location_id: Vec<u64>,
    #[prost(int64, repeated, tag = "2")]
    #[serde(with = "json::int64s")]
    value: Vec<i64>,
    #[prost(message, repeated, tag = "3")]
    label: Vec<Label>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Label {
    #[prost(int64, tag = "1")]
    #[serde(with = "json::int64")]
    key: i64,
    #[prost(int64, tag = "2")]
    #[serde(with = "json::int64")]
    str: i64,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    num: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64")]
    num_unit: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Mapping {
    #[prost(uint64, tag = "1")]
    #[serde(with = "json::uint64")]
    id: u64,
    #[prost(uint64, tag = "2")]
    #[serde(with = "json::uint64")]
    memory_start: u64,
    #[prost(uint64, tag = "3")]
    #[serde(with = "json::uint64")]
    memory_limit: u64,
    #[prost(uint64, tag = "4")]
    #[serde(with = "json::uint64")]
    file_offset: u64,
    #[prost(int64, tag = "5")]
    #[serde(with = "json::int64")]
    filename: i64,
    #[prost(int64, tag = "6")]
    #[serde(with = "json::int64")]
    build_id: i64,
    #[prost(bool, tag = "7")]
    has_functions: bool,
    #[prost(bool, tag = "8")]
    has_filenames: bool,
    #[prost(bool, tag = "9")]
    has_line_numbers: bool,
    #[prost(bool, tag = "10")]
    has_inline_frames: bool,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Location {
    #[prost(uint64, tag = "1")]
    #[serde(with = "json::uint64")]
    id: u64,
    #[prost(uint64, tag = "2")]
    #[serde(with = "json::uint64")]
    mapping_id: u64,
    #[prost(uint64, tag = "3")]
    #[serde(with = "json::uint64")]
    address: u64,
    #[prost(message, repeated, tag = "4")]
    line: Vec<Line>,
    #[prost(bool, tag = "5")]
    is_folded: bool,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Line {
    #[prost(uint64, tag = "1")]
    #[serde(with = "json::uint64")]
    function_id: u64,
    #[prost(int64, tag = "2")]
    #[serde(with = "json::int64")]
    line: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Function {
    #[prost(uint64, tag = "1")]
    #[serde(with = "json::uint64")]
    id: u64,
    #[prost(int64, tag = "2")]
    #[serde(with = "json::int64")]
    name: i64,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    system_name: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64")]
    filename: i64,
    #[prost(int64, tag = "5")]
    #[serde(with = "json::int64")]
    start_line: i64,
}

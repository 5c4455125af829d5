//! The messages, with the numbers of their fields and their names in JSON.
//!
//! Fields that change nothing here are left out: both codecs skip what they do not know. Enums of which
//! every value means the same to us are among them.

use prost::Message;
use serde::{Deserialize, Serialize};

use super::json;

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct ProfileTypesRequest {
    #[prost(int64, tag = "1")]
    #[serde(with = "json::int64")]
    pub(in crate::web) start: i64,
    #[prost(int64, tag = "2")]
    #[serde(with = "json::int64")]
    pub(in crate::web) end: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct ProfileTypesResponse {
    #[prost(message, repeated, tag = "1")]
    #[serde(alias = "profile_types")]
    pub(in crate::web) profile_types: Vec<ProfileType>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct ProfileType {
    #[prost(string, tag = "1")]
    #[serde(rename = "ID")]
    pub(in crate::web) id: String,
    #[prost(string, tag = "2")]
    pub(in crate::web) name: String,
    #[prost(string, tag = "4")]
    #[serde(alias = "sample_type")]
    pub(in crate::web) sample_type: String,
    #[prost(string, tag = "5")]
    #[serde(alias = "sample_unit")]
    pub(in crate::web) sample_unit: String,
    #[prost(string, tag = "6")]
    #[serde(alias = "period_type")]
    pub(in crate::web) period_type: String,
    #[prost(string, tag = "7")]
    #[serde(alias = "period_unit")]
    pub(in crate::web) period_unit: String,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct LabelNamesRequest {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::web) matchers: Vec<String>,
    #[prost(int64, tag = "2")]
    #[serde(with = "json::int64")]
    pub(in crate::web) start: i64,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    pub(in crate::web) end: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct LabelValuesRequest {
    #[prost(string, tag = "1")]
    pub(in crate::web) name: String,
    #[prost(string, repeated, tag = "2")]
    pub(in crate::web) matchers: Vec<String>,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    pub(in crate::web) start: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64")]
    pub(in crate::web) end: i64,
}

/// Of `LabelNames` and of `LabelValues`.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct NamesResponse {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::web) names: Vec<String>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct SeriesRequest {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::web) matchers: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    #[serde(alias = "label_names")]
    pub(in crate::web) label_names: Vec<String>,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    pub(in crate::web) start: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64")]
    pub(in crate::web) end: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct SeriesResponse {
    #[prost(message, repeated, tag = "2")]
    #[serde(alias = "labels_set")]
    pub(in crate::web) labels_set: Vec<LabelSet>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct LabelSet {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::web) labels: Vec<LabelPair>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct LabelPair {
    #[prost(string, tag = "1")]
    pub(in crate::web) name: String,
    #[prost(string, tag = "2")]
    pub(in crate::web) value: String,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct GetProfileStatsRequest {}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct GetProfileStatsResponse {
    #[prost(bool, tag = "1")]
    #[serde(alias = "data_ingested")]
    pub(in crate::web) data_ingested: bool,
    #[prost(int64, tag = "2")]
    #[serde(with = "json::int64", alias = "oldest_profile_time")]
    pub(in crate::web) oldest_profile_time: i64,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64", alias = "newest_profile_time")]
    pub(in crate::web) newest_profile_time: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct SelectSeriesRequest {
    #[prost(string, tag = "1")]
    #[serde(rename = "profileTypeID", alias = "profile_typeID")]
    pub(in crate::web) profile_type_id: String,
    #[prost(string, tag = "2")]
    #[serde(alias = "label_selector")]
    pub(in crate::web) label_selector: String,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    pub(in crate::web) start: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64")]
    pub(in crate::web) end: i64,
    #[prost(string, repeated, tag = "5")]
    #[serde(alias = "group_by")]
    pub(in crate::web) group_by: Vec<String>,
    /// Seconds.
    #[prost(double, tag = "6")]
    #[serde(with = "json::double")]
    pub(in crate::web) step: f64,
    #[prost(message, optional, tag = "8")]
    #[serde(alias = "stack_trace_selector")]
    pub(in crate::web) stack_trace_selector: Option<StackTraceSelector>,
    #[prost(int64, optional, tag = "9")]
    #[serde(with = "json::optional_int64")]
    pub(in crate::web) limit: Option<i64>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct SelectSeriesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::web) series: Vec<Series>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Series {
    #[prost(message, repeated, tag = "1")]
    pub(in crate::web) labels: Vec<LabelPair>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::web) points: Vec<Point>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Point {
    #[prost(double, tag = "1")]
    #[serde(with = "json::double")]
    pub(in crate::web) value: f64,
    /// Milliseconds.
    #[prost(int64, tag = "2")]
    #[serde(with = "json::int64")]
    pub(in crate::web) timestamp: i64,
}

/// Of stacks that are looked at.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct StackTraceSelector {
    /// What they begin with, the outermost call first.
    #[prost(message, repeated, tag = "1")]
    #[serde(alias = "call_site")]
    pub(in crate::web) call_site: Vec<CallSite>,
    #[prost(message, optional, tag = "2")]
    #[serde(alias = "go_pgo")]
    pub(in crate::web) go_pgo: Option<GoPgo>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct CallSite {
    #[prost(string, tag = "1")]
    pub(in crate::web) name: String,
}

/// Only whether it is there is looked at.
#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct GoPgo {}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct SelectMergeStacktracesRequest {
    #[prost(string, tag = "1")]
    #[serde(rename = "profileTypeID", alias = "profile_typeID")]
    pub(in crate::web) profile_type_id: String,
    #[prost(string, tag = "2")]
    #[serde(alias = "label_selector")]
    pub(in crate::web) label_selector: String,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    pub(in crate::web) start: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64")]
    pub(in crate::web) end: i64,
    #[prost(int64, optional, tag = "5")]
    #[serde(with = "json::optional_int64", alias = "max_nodes")]
    pub(in crate::web) max_nodes: Option<i64>,
    #[prost(message, optional, tag = "7")]
    #[serde(alias = "stack_trace_selector")]
    pub(in crate::web) stack_trace_selector: Option<StackTraceSelector>,
    #[prost(string, repeated, tag = "8")]
    #[serde(alias = "profile_id_selector")]
    pub(in crate::web) profile_id_selector: Vec<String>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct SelectMergeStacktracesResponse {
    #[prost(message, optional, tag = "1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::web) flamegraph: Option<FlameGraph>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct FlameGraph {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::web) names: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::web) levels: Vec<Level>,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    pub(in crate::web) total: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64", alias = "max_self")]
    pub(in crate::web) max_self: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct Level {
    #[prost(int64, repeated, tag = "1")]
    #[serde(with = "json::int64s")]
    pub(in crate::web) values: Vec<i64>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct SelectMergeProfileRequest {
    #[prost(string, tag = "1")]
    #[serde(rename = "profileTypeID", alias = "profile_typeID")]
    pub(in crate::web) profile_type_id: String,
    #[prost(string, tag = "2")]
    #[serde(alias = "label_selector")]
    pub(in crate::web) label_selector: String,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    pub(in crate::web) start: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64")]
    pub(in crate::web) end: i64,
    #[prost(message, optional, tag = "6")]
    #[serde(alias = "stack_trace_selector")]
    pub(in crate::web) stack_trace_selector: Option<StackTraceSelector>,
    #[prost(string, repeated, tag = "7")]
    #[serde(alias = "profile_id_selector")]
    pub(in crate::web) profile_id_selector: Vec<String>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct DiffRequest {
    #[prost(message, optional, tag = "1")]
    pub(in crate::web) left: Option<SelectMergeStacktracesRequest>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::web) right: Option<SelectMergeStacktracesRequest>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct DiffResponse {
    #[prost(message, optional, tag = "1")]
    pub(in crate::web) flamegraph: Option<FlameGraphDiff>,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(in crate::web) struct FlameGraphDiff {
    #[prost(string, repeated, tag = "1")]
    pub(in crate::web) names: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    pub(in crate::web) levels: Vec<Level>,
    #[prost(int64, tag = "3")]
    #[serde(with = "json::int64")]
    pub(in crate::web) total: i64,
    #[prost(int64, tag = "4")]
    #[serde(with = "json::int64", alias = "max_self")]
    pub(in crate::web) max_self: i64,
    #[prost(int64, tag = "5")]
    #[serde(with = "json::int64")]
    pub(in crate::web) left_ticks: i64,
    #[prost(int64, tag = "6")]
    #[serde(with = "json::int64")]
    pub(in crate::web) right_ticks: i64,
}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct GetSettingsRequest {}

#[derive(Clone, PartialEq, Message, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::web) struct GetSettingsResponse {}

//! One profile → a scope with one OTLP profile for each sample type.

use std::collections::HashMap;

use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, InstrumentationScope};
use opentelemetry_proto::tonic::profiles::v1development::{
    Profile as OtlpProfile, Sample, ScopeProfiles,
};
use xxhash_rust::xxh3::Xxh3;

use super::super::{own_scope, resource};
use super::Part;
use super::dictionary::{Dictionary, Value};
use super::tables::Tables;
use crate::ProfileRecord;
use crate::profile::{LabelSetId, Profile, StackId};

/// Samples with equal stacks and labels, their values added up row by row.
type Rows = Vec<(StackId, LabelSetId, Vec<i64>)>;

/// Converts some samples of a record. Sample types without a sample are left out.
///
/// A value of 0 says nothing in a profile of its own, so it is left out too; a sample that is 0
/// in every type is kept in the default one.
pub(super) fn scope_profiles(part: &Part, dictionary: &mut Dictionary) -> ScopeProfiles {
    let profile = &part.record.profile;
    let rows = rows(part);
    let mut tables = Tables::new(profile, dictionary);
    let order = type_order(profile);
    let mut profiles = Vec::with_capacity(order.len());
    let mut kept_order = Vec::with_capacity(order.len());
    for (rank, type_idx) in order.into_iter().enumerate() {
        let samples = samples(&mut tables, &rows, |values: &[i64]| {
            let value = values.get(type_idx).copied().unwrap_or(0);
            let is_kept = value != 0 || (rank == 0 && values.iter().all(|value| *value == 0));
            is_kept.then_some(value)
        });
        if !samples.is_empty() {
            profiles.push(otlp_profile(&mut tables, part, type_idx, samples));
            kept_order.push(type_idx);
        }
    }
    ScopeProfiles {
        scope: Some(scope(profile, &kept_order)),
        profiles,
        ..Default::default()
    }
}

/// The sample types, the default one first. pprof's default, where none is named, is the last
/// (profile.proto, `default_sample_type`).
fn type_order(profile: &Profile) -> Vec<usize> {
    let n_types = profile.sample_types.len();
    let named = profile
        .default_sample_type
        .map(|idx| idx as usize)
        .filter(|idx| *idx < n_types);
    let first = named.or_else(|| n_types.checked_sub(1));
    first
        .into_iter()
        .chain((0..n_types).filter(|idx| Some(*idx) != first))
        .collect()
}

fn rows(part: &Part) -> Rows {
    let mut rows: Rows = Vec::with_capacity(part.samples.len());
    let mut known: HashMap<(StackId, LabelSetId), usize> = HashMap::new();
    let samples = part
        .record
        .profile
        .samples()
        .skip(part.samples.start)
        .take(part.samples.len());
    for (stack, labels, values) in samples {
        let row_idx = *known.entry((stack, labels)).or_insert(rows.len());
        match rows.get_mut(row_idx) {
            Some((_, _, sums)) => {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum = sum.saturating_add(*value);
                }
            }
            None => rows.push((stack, labels, values.to_vec())),
        }
    }
    rows
}

fn samples(
    tables: &mut Tables<'_>,
    rows: &Rows,
    value_of: impl Fn(&[i64]) -> Option<i64>,
) -> Vec<Sample> {
    let mut samples = Vec::with_capacity(rows.len());
    for (stack, labels, values) in rows {
        let Some(value) = value_of(values) else {
            continue;
        };
        samples.push(Sample {
            stack_index: tables.stack(*stack),
            attribute_indices: tables.label_set(*labels),
            values: vec![value],
            ..Default::default()
        });
    }
    samples
}

fn otlp_profile(
    tables: &mut Tables<'_>,
    part: &Part,
    type_idx: usize,
    samples: Vec<Sample>,
) -> OtlpProfile {
    let profile = &part.record.profile;
    let sample_type = profile
        .sample_types
        .get(type_idx)
        .copied()
        .unwrap_or_default();
    // Receivers name a profile after its period type, and take a period of 0 for none at all.
    let has_period = !profile.strings.get(profile.period_type.kind).is_empty();
    let period_type = if has_period {
        profile.period_type
    } else {
        sample_type
    };
    OtlpProfile {
        sample_type: Some(tables.value_type(sample_type)),
        samples,
        time_unix_nano: u64::try_from(profile.time_nanos).unwrap_or(0),
        duration_nano: u64::try_from(profile.duration_nanos).unwrap_or(0),
        period_type: Some(tables.value_type(period_type)),
        period: profile.period.max(1),
        profile_id: profile_id(part, type_idx),
        attribute_indices: profile_attributes(tables.dictionary, &part.record),
        ..Default::default()
    }
}

/// Identifies a profile by what it is of, so that it has the same id when it is sent again.
fn profile_id(part: &Part, type_idx: usize) -> Vec<u8> {
    let mut hasher = Xxh3::new();
    hasher.update(&part.record.target.id().0.to_le_bytes());
    hasher.update(part.record.kind.as_bytes());
    hasher.update(&part.record.profile.time_nanos.to_le_bytes());
    hasher.update(&(type_idx as u64).to_le_bytes());
    hasher.update(&(part.samples.start as u64).to_le_bytes());
    hasher.digest128().to_be_bytes().to_vec()
}

fn profile_attributes(dictionary: &mut Dictionary, record: &ProfileRecord) -> Vec<i32> {
    let profile = &record.profile;
    let text = |text: &str| Value::Text(text.to_owned());
    let mut attributes = vec![("leadsman.profile.kind", text(&record.kind))];
    if record.is_delta {
        attributes.push(("leadsman.profile.is_delta", Value::Bool(true)));
    }
    let comments = profile
        .comments
        .iter()
        .map(|id| text(profile.strings.get(*id)));
    let comments: Vec<_> = comments.collect();
    if !comments.is_empty() {
        attributes.push(("pprof.profile.comment", Value::Array(comments)));
    }
    let texts = [
        ("pprof.profile.drop_frames", profile.drop_frames),
        ("pprof.profile.keep_frames", profile.keep_frames),
        ("pprof.profile.doc_url", profile.doc_url),
    ];
    let texts = texts.map(|(key, id)| (key, profile.strings.get(id)));
    let texts = texts.into_iter().filter(|(_, value)| !value.is_empty());
    attributes.extend(texts.map(|(key, value)| (key, text(value))));
    attributes
        .into_iter()
        .map(|(key, value)| dictionary.attribute(key, value, ""))
        .collect()
}

/// Our scope, with what the division into sample types would lose.
fn scope(profile: &Profile, order: &[usize]) -> InstrumentationScope {
    let mut scope = own_scope();
    let default = profile.default_sample_type.map(|idx| idx as usize);
    if let Some(default) = default.and_then(|idx| profile.sample_types.get(idx)) {
        let name = profile.strings.get(default.kind);
        scope
            .attributes
            .push(resource::text("pprof.scope.default_sample_type", name));
    }
    let order = order
        .iter()
        .map(|idx| any_value::Value::IntValue(*idx as i64));
    let order = order.map(|value| AnyValue { value: Some(value) }).collect();
    let order = any_value::Value::ArrayValue(ArrayValue { values: order });
    scope
        .attributes
        .push(resource::attribute("pprof.scope.sample_type_order", order));
    scope
}

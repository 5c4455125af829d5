//! Profiles → OTLP profiles (v1development, proto 1.10).
//!
//! Each sample type of a profile becomes an OTLP profile of its own, the default one first, under
//! one scope that says how they were ordered. A receiver that speaks proto 1.9 or older takes
//! such a request and sees no values in it.

mod convert;
mod dictionary;
mod tables;
#[cfg(test)]
mod tests;

use std::ops::Range;

use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::profiles::v1development::{ProfilesDictionary, ResourceProfiles};
use prost::Message;

use self::convert::scope_profiles;
use self::dictionary::Dictionary;
use super::{Fragment, resource};
use crate::ProfileRecord;
use crate::profile::Profile;
use crate::target::TargetId;

/// Converts profiles to OTLP: one resource for each target, and the dictionary they share.
pub fn to_resource_profiles(
    records: &[&ProfileRecord],
) -> (ProfilesDictionary, Vec<ResourceProfiles>) {
    let parts: Vec<_> = records.iter().map(|record| Part::whole(record)).collect();
    convert(&parts)
}

/// Encodes profiles as requests of at most `max_message_bytes`, unless a single sample is longer.
/// Each fragment is a whole `ExportProfilesServiceRequest`: their dictionaries differ, so they
/// must not be joined. What does not fit is divided, first between profiles, then between the
/// samples of a profile, whose parts add up to it.
pub fn to_requests(records: &[&ProfileRecord], max_message_bytes: usize) -> Vec<Fragment> {
    let parts: Vec<_> = records.iter().map(|record| Part::whole(record)).collect();
    let mut requests = Vec::new();
    divide(&parts, max_message_bytes, &mut requests);
    requests
}

/// About how long a profile is as a request of its own, in bytes. Costs next to nothing.
pub fn estimated_bytes(profile: &Profile) -> usize {
    let text: usize = profile.strings.iter().map(|text| text.len() + 4).sum();
    let frames: usize = profile.stacks.iter().map(|stack| 4 + 2 * stack.len()).sum();
    let labels: usize = profile.label_sets.iter().map(|set| 12 * set.len()).sum();
    let places = 20 * profile.locations.len() + 14 * profile.functions.len();
    text + frames + labels + places + 14 * profile.values.len() + 200
}

/// Some samples of a record.
#[derive(Clone)]
pub(super) struct Part<'a> {
    record: &'a ProfileRecord,
    samples: Range<usize>,
}

impl<'a> Part<'a> {
    fn whole(record: &'a ProfileRecord) -> Self {
        Self {
            record,
            samples: 0..record.profile.n_samples(),
        }
    }
}

fn convert(parts: &[Part<'_>]) -> (ProfilesDictionary, Vec<ResourceProfiles>) {
    let mut dictionary = Dictionary::default();
    let mut resources: Vec<(TargetId, ResourceProfiles)> = Vec::new();
    for part in parts {
        let scope = scope_profiles(part, &mut dictionary);
        if scope.profiles.is_empty() {
            continue;
        }
        let target = part.record.target.id();
        match resources.iter_mut().find(|(id, _)| *id == target) {
            Some((_, resource)) => resource.scope_profiles.push(scope),
            None => {
                let resource = Some(resource::with_all_labels(&part.record.target));
                let scope_profiles = vec![scope];
                let resource = ResourceProfiles {
                    resource,
                    scope_profiles,
                    ..Default::default()
                };
                resources.push((target, resource));
            }
        }
    }
    (
        dictionary.finish(),
        resources
            .into_iter()
            .map(|(_, resource)| resource)
            .collect(),
    )
}

fn divide(parts: &[Part<'_>], limit: usize, requests: &mut Vec<Fragment>) {
    let (dictionary, resource_profiles) = convert(parts);
    if resource_profiles.is_empty() {
        return;
    }
    let scopes = resource_profiles
        .iter()
        .flat_map(|resource| &resource.scope_profiles);
    let n_items = scopes.map(|scope| scope.profiles.len()).sum();
    let request = ExportProfilesServiceRequest {
        resource_profiles,
        dictionary: Some(dictionary),
    };
    if request.encoded_len() <= limit {
        requests.push(Fragment {
            bytes: request.encode_to_vec(),
            n_items,
        });
        return;
    }
    match parts {
        [only] if only.samples.len() > 1 => {
            let middle = only.samples.start + only.samples.len() / 2;
            for samples in [only.samples.start..middle, middle..only.samples.end] {
                divide(
                    &[Part {
                        record: only.record,
                        samples,
                    }],
                    limit,
                    requests,
                );
            }
        }
        [] | [_] => requests.push(Fragment {
            bytes: request.encode_to_vec(),
            n_items,
        }),
        several => {
            let (front, back) = several.split_at(several.len() / 2);
            divide(front, limit, requests);
            divide(back, limit, requests);
        }
    }
}

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
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::profiles::v1development::ExportProfilesServiceRequest;
use opentelemetry_proto::tonic::profiles::v1development::{ProfilesDictionary, ResourceProfiles};
use prost::Message;

use self::convert::scope_profiles;
use self::dictionary::Dictionary;
use super::{Fragment, resource};
use crate::ProfileRecord;
use crate::profile::Profile;
use crate::target::TargetId;

/// Some samples of a profile.
#[derive(Clone, Debug)]
pub struct Part {
    record: Arc<ProfileRecord>,
    samples: Range<usize>,
}

impl Part {
    /// All of them.
    pub fn whole(record: Arc<ProfileRecord>) -> Self {
        let samples = 0..record.profile.n_samples();
        Self { record, samples }
    }

    /// The first and the second half of them; `None` if there is but one.
    fn halves(&self) -> Option<[Self; 2]> {
        let Range { start, end } = self.samples;
        let middle = start + self.samples.len() / 2;
        let part = |samples| Self {
            record: Arc::clone(&self.record),
            samples,
        };
        (self.samples.len() > 1).then(|| [part(start..middle), part(middle..end)])
    }
}

/// A whole `ExportProfilesServiceRequest`. Requests have a dictionary each, so they must not be
/// joined.
#[derive(Clone, Debug)]
pub struct ProfilesRequest {
    /// Its bytes, and the number of OTLP profiles in it.
    pub fragment: Fragment,
    /// What is in it: [`to_requests`] makes shorter requests of it.
    pub parts: Vec<Part>,
}

/// Converts profiles to OTLP: one resource for each target, and the dictionary they share.
pub fn to_resource_profiles(parts: &[Part]) -> (ProfilesDictionary, Vec<ResourceProfiles>) {
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
    let resources = resources.into_iter().map(|(_, resource)| resource);
    (dictionary.finish(), resources.collect())
}

/// Encodes profiles as requests of at most `max_message_bytes`, unless a single sample is longer.
/// What does not fit is divided, first between profiles, then between the samples of a profile,
/// whose parts add up to it.
pub fn to_requests(parts: &[Part], max_message_bytes: usize) -> Vec<ProfilesRequest> {
    let mut requests = Vec::new();
    divide(parts, max_message_bytes, &mut requests);
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

fn divide(parts: &[Part], limit: usize, requests: &mut Vec<ProfilesRequest>) {
    let (dictionary, resource_profiles) = to_resource_profiles(parts);
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
    if request.encoded_len() > limit
        && let Some((front, back)) = halves(parts)
    {
        divide(&front, limit, requests);
        divide(&back, limit, requests);
        return;
    }
    let bytes = request.encode_to_vec();
    requests.push(ProfilesRequest {
        fragment: Fragment { bytes, n_items },
        parts: parts.to_vec(),
    });
}

/// Between profiles where there are several, else between the samples of the only one.
fn halves(parts: &[Part]) -> Option<(Vec<Part>, Vec<Part>)> {
    match parts {
        [only] => only.halves().map(|[front, back]| (vec![front], vec![back])),
        several => {
            let (front, back) = several.split_at(several.len() / 2);
            Some((front.to_vec(), back.to_vec()))
        }
    }
}

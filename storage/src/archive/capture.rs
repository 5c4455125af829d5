//! What is known of a capture apart from its samples: the rows of `profiles`.

use std::sync::Arc;

use proto::profile::{Mapping, Profile, StrId};
use proto::{ProfileRecord, Target};

use super::content_hash;

/// One capture: what all of its sample types have in common.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) id: u64,
    pub(super) target: Arc<Target>,
    pub(super) kind: String,
    pub(super) is_delta: bool,
    /// The profile without samples, stacks, locations and functions: its types, times, texts
    /// and mappings.
    pub(super) header: Profile,
}

/// One sample type of a capture: a row of `profiles`.
#[derive(Clone, Debug)]
pub(super) struct ProfileRow {
    pub(super) id: u64,
    pub(super) series_id: u64,
    /// Index into the day's captures.
    pub(super) capture_idx: usize,
    /// Index into the header's sample types.
    pub(super) type_idx: usize,
    pub(super) total: i64,
    pub(super) n_samples: i64,
}

impl ProfileRow {
    /// Counts a row of `profile_samples`.
    pub(super) fn count(&mut self, value: i64) {
        self.total = self.total.saturating_add(value);
        self.n_samples += 1;
    }
}

impl Capture {
    /// Keeps what a record says apart from its samples.
    pub(super) fn new(id: u64, record: &ProfileRecord) -> Self {
        Self {
            id,
            target: record.target.clone(),
            kind: record.kind.clone(),
            is_delta: record.is_delta,
            header: header(&record.profile),
        }
    }

    /// A row for each sample type, with nothing counted yet.
    pub(super) fn profile_rows(&self, capture_idx: usize) -> Vec<ProfileRow> {
        let types = self.header.sample_types.iter().enumerate();
        let rows = types.map(|(type_idx, value_type)| ProfileRow {
            id: content_hash::profile_id(self.id, type_idx as u32),
            series_id: content_hash::profile_series_id(
                &self.target,
                &self.kind,
                self.text(value_type.kind),
                self.text(value_type.unit),
            ),
            capture_idx,
            type_idx,
            total: 0,
            n_samples: 0,
        });
        rows.collect()
    }

    /// A text of the header.
    pub(super) fn text(&self, id: StrId) -> &str {
        self.header.strings.get(id)
    }

    /// What it holds in memory, about. Bytes.
    pub(super) fn n_bytes(&self) -> usize {
        let texts: usize = self.header.strings.iter().map(|text| text.len() + 4).sum();
        let mappings = self.header.mappings.len() * size_of::<Mapping>();
        let rows = self.header.sample_types.len() * size_of::<ProfileRow>();
        size_of::<Self>() + self.kind.len() + texts + mappings + rows
    }
}

/// Copies what a header keeps, with no other strings than it needs.
fn header(profile: &Profile) -> Profile {
    let mut header = Profile {
        default_sample_type: profile.default_sample_type,
        time_nanos: profile.time_nanos,
        duration_nanos: profile.duration_nanos,
        period: profile.period,
        ..Profile::default()
    };
    let mut copy = |id: StrId| match profile.strings.get(id) {
        "" => StrId::default(),
        text => header.strings.push(text),
    };
    let mut value_type = |from: &proto::profile::ValueType| proto::profile::ValueType {
        kind: copy(from.kind),
        unit: copy(from.unit),
    };
    header.sample_types = profile.sample_types.iter().map(&mut value_type).collect();
    header.period_type = value_type(&profile.period_type);
    header.comments = profile.comments.iter().map(|id| copy(*id)).collect();
    header.drop_frames = copy(profile.drop_frames);
    header.keep_frames = copy(profile.keep_frames);
    header.doc_url = copy(profile.doc_url);
    let mappings = profile.mappings.iter().map(|mapping| Mapping {
        filename: copy(mapping.filename),
        build_id: copy(mapping.build_id),
        ..*mapping
    });
    header.mappings = mappings.collect();
    header
}

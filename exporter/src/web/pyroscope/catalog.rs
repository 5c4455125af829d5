//! Which types, labels and series of profiles there are.

use std::collections::BTreeSet;

use proto::profile::ProfileTypeId;
use proto::selector::Selector;
use proto::{Labels, UnixMillis};
use storage::archive::{ProfileSeries, Recall};

use super::connect::ConnectError;
use super::messages::{
    GetProfileStatsRequest, GetProfileStatsResponse, LabelNamesRequest, LabelPair, LabelSet,
    LabelValuesRequest, NamesResponse, ProfileType, ProfileTypesRequest, ProfileTypesResponse,
    SeriesRequest, SeriesResponse,
};
use crate::web::api::time::Range;
use crate::web::profiles::{Wanted, labels_of};

/// How far back an answer reaches for a client that does not say. Milliseconds.
const A_DAY: i64 = 86_400_000;

pub(super) fn profile_types(
    recall: &Recall,
    request: ProfileTypesRequest,
) -> Result<ProfileTypesResponse, ConnectError> {
    let series = matching(recall, &[], request.start, request.end)?;
    let types: BTreeSet<ProfileTypeId> = series.into_iter().map(|series| series.type_id).collect();
    let types = types.into_iter().map(|id| ProfileType {
        id: id.to_string(),
        name: id.kind,
        sample_type: id.sample_type,
        sample_unit: id.unit,
        period_type: id.period_type,
        period_unit: id.period_unit,
    });
    Ok(ProfileTypesResponse {
        profile_types: types.collect(),
    })
}

pub(super) fn label_names(
    recall: &Recall,
    request: LabelNamesRequest,
) -> Result<NamesResponse, ConnectError> {
    let series = matching(recall, &request.matchers, request.start, request.end)?;
    let mut names = BTreeSet::new();
    for labels in series.iter().map(labels_of) {
        names.extend(labels.iter().map(|(name, _)| name.to_owned()));
    }
    Ok(NamesResponse {
        names: names.into_iter().collect(),
    })
}

pub(super) fn label_values(
    recall: &Recall,
    request: LabelValuesRequest,
) -> Result<NamesResponse, ConnectError> {
    if request.name.is_empty() {
        return Err(ConnectError::invalid("name is missing: say of which label"));
    }
    let series = matching(recall, &request.matchers, request.start, request.end)?;
    let labels = series.iter().map(labels_of);
    let values = labels.filter_map(|labels| Some(labels.get(&request.name)?.to_owned()));
    let values: BTreeSet<String> = values.collect();
    Ok(NamesResponse {
        names: values.into_iter().collect(),
    })
}

pub(super) fn series(
    recall: &Recall,
    request: SeriesRequest,
) -> Result<SeriesResponse, ConnectError> {
    let series = matching(recall, &request.matchers, request.start, request.end)?;
    let is_wanted = |name: &str| {
        request.label_names.is_empty() || request.label_names.iter().any(|wanted| wanted == name)
    };
    let sets = series.iter().map(|series| {
        let labels = labels_of(series);
        let kept = labels.iter().filter(|(name, _)| is_wanted(name));
        Labels::from_pairs(kept)
    });
    let sets: BTreeSet<Labels> = sets.collect();
    Ok(SeriesResponse {
        labels_set: sets
            .iter()
            .map(|labels| LabelSet {
                labels: pairs(labels),
            })
            .collect(),
    })
}

pub(super) fn profile_stats(
    recall: &Recall,
    _: GetProfileStatsRequest,
) -> Result<GetProfileStatsResponse, ConnectError> {
    let times = recall.profile_times()?;
    let millis = times.map(|(oldest, newest)| [oldest, newest].map(UnixMillis::from));
    let [oldest, newest] = millis.unwrap_or_default();
    Ok(GetProfileStatsResponse {
        data_ingested: times.is_some(),
        oldest_profile_time: oldest.0,
        newest_profile_time: newest.0,
    })
}

/// Labels as pairs.
pub(super) fn pairs(labels: &Labels) -> Vec<LabelPair> {
    let pairs = labels.iter().map(|(name, value)| LabelPair {
        name: name.to_owned(),
        value: value.to_owned(),
    });
    pairs.collect()
}

/// The series that one of some selectors means; all if there are none.
fn matching(
    recall: &Recall,
    selectors: &[String],
    start: i64,
    end: i64,
) -> Result<Vec<ProfileSeries>, ConnectError> {
    let range = range_or_day(start, end)?;
    let selectors: Vec<Selector> = selectors
        .iter()
        .map(|text| selector(text))
        .collect::<Result<_, _>>()?;
    let only = match selectors.as_slice() {
        [only] => only.clone(),
        _ => Selector::default(),
    };
    let (mut series, _) = Wanted::new(only)?.series(recall, range)?;
    if selectors.len() > 1 {
        series.retain(|series| {
            let labels = labels_of(series);
            selectors.iter().any(|selector| selector.matches(&labels))
        });
    }
    Ok(series)
}

/// A selector; nothing at all means everything.
pub(super) fn selector(text: &str) -> Result<Selector, ConnectError> {
    if text.trim().is_empty() {
        return Ok(Selector::default());
    }
    Ok(text.parse()?)
}

/// The range that is asked for.
pub(super) fn range(start: i64, end: i64) -> Result<Range, ConnectError> {
    Range::new(start, end).ok_or_else(|| {
        let message = "start has to be before end, both in milliseconds since 1970 and before 2262";
        ConnectError::invalid(message)
    })
}

/// The same, or the last day if the client says nothing.
fn range_or_day(start: i64, end: i64) -> Result<Range, ConnectError> {
    if (start, end) != (0, 0) {
        return range(start, end);
    }
    let now = jiff::Timestamp::now().as_millisecond();
    range(now.saturating_sub(A_DAY), now)
}

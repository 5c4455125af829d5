//! `GET /api/v1/profile/types`: which types of profiles there are, and of which targets.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use proto::Labels;
use proto::profile::ProfileTypeId;
use serde::Serialize;
use storage::archive::ProfileSeries;

use super::super::params::Params;
use super::super::{ApiError, Body};
use crate::web::App;

#[derive(Serialize)]
struct Answer {
    types: Vec<Type>,
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct Type {
    id: String,
    kind: String,
    sample_type: String,
    unit: String,
    targets: Vec<Target>,
}

#[derive(Serialize)]
struct Target {
    labels: BTreeMap<String, String>,
}

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ApiError> {
    let params = Params::of(&uri)?;
    let wanted = super::wanted(&params, "query")?;
    let range = params.range("from", "to")?;
    let gzip = (&headers).into();
    let asked = app.questions.ask(move |recall| {
        let (series, left_out) = wanted.series(recall, range)?;
        let types = types(series);
        Body::json(&Answer { types, left_out }, gzip)
    });
    asked.await
}

fn types(series: Vec<ProfileSeries>) -> Vec<Type> {
    let mut types: BTreeMap<ProfileTypeId, Vec<Labels>> = BTreeMap::new();
    for series in series {
        types.entry(series.type_id).or_default().push(series.labels);
    }
    let types = types.into_iter().map(|(id, targets)| Type {
        id: id.to_string(),
        kind: id.kind,
        sample_type: id.sample_type,
        unit: id.unit,
        targets: targets.iter().map(target).collect(),
    });
    types.collect()
}

fn target(labels: &Labels) -> Target {
    let pairs = labels.iter();
    Target {
        labels: pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

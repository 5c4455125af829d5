//! `GET /api/v1/series?query&from&to&points`.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use serde::Serialize;
use storage::archive::{
    Asked, Recall, RecallError, Resolution, Series, SeriesAnswer, SeriesLimits, SeriesQuery,
};

use super::params::Params;
use super::points::{Point, points, unit_of};
use super::{ApiError, Body};
use crate::web::App;
use crate::web::profiles::told;

/// Points of a series where nothing is said.
const USUAL_POINTS: u64 = 300;
const MAX_POINTS: u64 = 5000;
/// Series of an answer at most: more are nothing that can be looked at.
const MAX_SERIES: usize = 2000;
/// Samples and windows that are read at most, up to 100 bytes of memory each.
const MAX_READ: usize = 1_000_000;

/// The answer.
#[derive(Serialize)]
struct Answer {
    series: Vec<One>,
    /// `raw`, `5m` or `1h`: what the points were made of.
    resolution: &'static str,
    left_out: Vec<String>,
}

#[derive(Serialize)]
struct One {
    labels: BTreeMap<String, String>,
    unit: String,
    points: Vec<Point>,
}

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ApiError> {
    let params = Params::of(&uri)?;
    let range = params.range("from", "to")?;
    let n_points = params.number("points", USUAL_POINTS, 2..=MAX_POINTS)? as usize;
    let gzip = (&headers).into();
    let query = SeriesQuery {
        selector: params.selector("query")?,
        from: Some(range.from),
        to: Some(range.to),
        resolution: Asked::Auto,
        limits: SeriesLimits {
            n_series: MAX_SERIES,
            n_points: MAX_READ,
        },
    };
    let asked = app.questions.ask(move |recall| {
        let found = read(recall, query)?;
        let one = |series: &Series| One {
            labels: series
                .labels
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            unit: unit_of(series),
            points: points(series, range, n_points),
        };
        let answer = Answer {
            series: found.series.iter().map(one).collect(),
            resolution: found.resolution.map_or("raw", word),
            left_out: told(&found.left_out),
        };
        Body::json(&answer, gzip)
    });
    asked.await
}

/// Reads as finely as can be held at once.
fn read(recall: &Recall, mut query: SeriesQuery) -> Result<SeriesAnswer, RecallError> {
    for coarser in [Resolution::FiveMinutes, Resolution::OneHour] {
        match recall.series(&query) {
            Err(RecallError::TooManyPoints { .. }) => query.resolution = Asked::Exactly(coarser),
            answer => return answer,
        }
    }
    recall.series(&query)
}

/// A resolution as names of tables have it.
pub(super) fn word(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Raw => "raw",
        Resolution::FiveMinutes => "5m",
        Resolution::OneHour => "1h",
    }
}

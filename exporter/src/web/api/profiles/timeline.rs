//! `GET /api/v1/profile/timeline`: what profiles come to over time.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use serde::Serialize;
use storage::archive::TotalsQuery;

use super::super::params::Params;
use super::super::time::Range;
use super::super::{ApiError, Body};
use crate::web::App;
use crate::web::profiles::told;

/// Points unless a step is told, and at most (as in Prometheus).
const POINTS: i64 = 240;
const MAX_POINTS: i64 = 11_000;
/// Steps that people count in. Seconds; longer ones are whole days.
const STEPS: [i64; 15] = [
    1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 43_200,
];
const A_DAY: i64 = 86_400;

#[derive(Serialize)]
struct Answer {
    /// Milliseconds.
    step: i64,
    unit: String,
    /// The start of a step, and what all targets come to in it. Steps without a capture are left out.
    points: Vec<(i64, f64)>,
    left_out: Vec<String>,
}

pub(super) async fn get(
    State(app): State<App>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Body, ApiError> {
    let params = Params::of(&uri)?;
    let choice = super::choice(&params)?;
    let step_millis = step(&params, choice.range)?;
    let gzip = (&headers).into();
    let asked = app.questions.ask(move |recall| {
        let mut answer = Answer {
            step: step_millis,
            unit: choice.type_id.unit.clone(),
            points: Vec::new(),
            left_out: Vec::new(),
        };
        if choice.wanted.may_be(&choice.type_id) {
            let totals = recall.profile_totals(&TotalsQuery {
                selection: choice.selection(),
                step_millis,
            })?;
            let mut points: BTreeMap<i64, f64> = BTreeMap::new();
            for (time, value) in totals.series.iter().flat_map(|series| &series.points) {
                *points.entry(time.0).or_default() += value;
            }
            answer.points = points.into_iter().collect();
            answer.left_out = told(&totals.left_out);
        }
        Body::json(&answer, gzip)
    });
    asked.await
}

/// The step that is asked for, or one that suits the range. Milliseconds.
fn step(params: &Params, range: Range) -> Result<i64, ApiError> {
    if params.get("step").is_none() {
        return Ok(suitable(range.length()));
    }
    let longest = u64::try_from(range.length().max(1000)).unwrap_or(u64::MAX);
    let step = params.number("step", 0, 1000..=longest)?;
    let step = i64::try_from(step).unwrap_or(i64::MAX);
    if range.length() / step > MAX_POINTS {
        let least = range.length() / MAX_POINTS + 1;
        let message = format!("more than {MAX_POINTS} points: step has to be {least} at least");
        return Err(ApiError::bad_request(message));
    }
    Ok(step)
}

/// The shortest step of those that people count in that gives no more than [`POINTS`].
fn suitable(length: i64) -> i64 {
    let least = (length / POINTS).div_euclid(1000) + 1;
    let known = STEPS.iter().find(|step| **step >= least);
    let seconds = known
        .copied()
        .unwrap_or_else(|| least.div_euclid(A_DAY) * A_DAY + A_DAY);
    seconds * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_suit_the_range() {
        assert_eq!(suitable(1), 1000);
        assert_eq!(suitable(3_600_000), 30_000);
        assert_eq!(suitable(24 * 3_600_000), 600_000);
        assert_eq!(suitable(365 * 24 * 3_600_000), 2 * 86_400_000);
        for length in [
            1,
            59_999,
            3_600_000,
            86_400_000,
            7 * 86_400_000,
            i64::MAX / 1_000_000,
        ] {
            assert!(length / suitable(length) <= POINTS, "{length}");
        }
    }
}

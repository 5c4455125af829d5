//! `GET /api/v1/profile/export`: merged profiles as files of other tools.
//!
//! They hold the sum of all captures, as `leadsman profile merge` and `go tool pprof` do, of states
//! too.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use proto::flame_graph::{FlameGraphError, differential_svg, svg};
use proto::profile::Profile;
use proto::{compress, folded, pprof, profile_ops, speedscope};
use storage::archive::{Recall, RecallError};

use super::super::params::Params;
use super::super::{ApiError, NOSNIFF};
use crate::web::App;
use crate::web::profiles::{Choice, Merged};

/// What a file can be, by the name in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Pprof,
    Folded,
    Svg,
    Speedscope,
    /// What changed between two ranges, as `go tool pprof -diff_base` has it.
    DiffPprof,
    DiffSvg,
}

const FORMATS: [(&str, Format); 6] = [
    ("pprof", Format::Pprof),
    ("folded", Format::Folded),
    ("svg", Format::Svg),
    ("speedscope", Format::Speedscope),
    ("diff-pprof", Format::DiffPprof),
    ("diff-svg", Format::DiffSvg),
];

impl Format {
    fn of(params: &Params) -> Result<Self, ApiError> {
        let name = params.required("format")?;
        let known = FORMATS.iter().find(|(known, _)| *known == name);
        known.map(|(_, format)| *format).ok_or_else(|| {
            let names = FORMATS.map(|(name, _)| name).join(", ");
            ApiError::bad_request(format!("format is {name:?}: expected one of {names}"))
        })
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Pprof | Self::DiffPprof => "application/octet-stream",
            Self::Folded => "text/plain; charset=utf-8",
            Self::Svg | Self::DiffSvg => "image/svg+xml",
            Self::Speedscope => "application/json",
        }
    }

    fn extension(self) -> &'static str {
        match self {
            Self::Pprof | Self::DiffPprof => "pb.gz",
            Self::Folded => "folded",
            Self::Svg | Self::DiffSvg => "svg",
            Self::Speedscope => "speedscope.json",
        }
    }
}

pub(super) async fn get(State(app): State<App>, uri: Uri) -> Result<Response, ApiError> {
    let params = Params::of(&uri)?;
    let format = Format::of(&params)?;
    let (bytes, name) = match format {
        Format::DiffPprof | Format::DiffSvg => {
            let sides = super::sides(&params)?;
            let name = file_name(&sides[1], "-diff", format);
            let asked = app
                .questions
                .ask(move |recall| of_two(recall, &sides, format));
            (asked.await?, name)
        }
        _ => {
            let choice = super::choice(&params)?;
            let name = file_name(&choice, "", format);
            let asked = app
                .questions
                .ask(move |recall| of_one(recall, &choice, format));
            (asked.await?, name)
        }
    };
    Ok(file(bytes, &name, format))
}

fn of_one(recall: &Recall, choice: &Choice, format: Format) -> Result<Vec<u8>, ApiError> {
    let profile = merged(recall, choice)?.profile;
    Ok(match format {
        Format::Folded => folded::write(&profile, 0).into_bytes(),
        Format::Svg => svg(&profile, 0, None)?,
        Format::Speedscope => speedscope::write(&profile).to_string().into_bytes(),
        _ => compress::gzip(&pprof::encode(&profile)),
    })
}

fn of_two(
    recall: &Recall,
    [left, right]: &[Choice; 2],
    format: Format,
) -> Result<Vec<u8>, ApiError> {
    let (left, right) = (merged(recall, left)?, merged(recall, right)?);
    let scale = scale(&left, &right);
    let (base, current): (&Profile, &Profile) = (&left.profile, &right.profile);
    if format == Format::DiffSvg {
        return Ok(differential_svg(
            (base, 0),
            (current, 0),
            scale,
            "what changed",
        )?);
    }
    let difference = profile_ops::diff(base, current, scale).map_err(RecallError::from)?;
    Ok(compress::gzip(&pprof::encode(&difference)))
}

fn merged(recall: &Recall, choice: &Choice) -> Result<Merged, ApiError> {
    choice.merge(recall)?.ok_or_else(|| {
        ApiError::not_found("no such profile was taken in this range: choose a longer one")
    })
}

/// What brings the left to the footing of the right: time profiled, or captures of states.
fn scale(left: &Merged, right: &Merged) -> f64 {
    let weight = |merged: &Merged| match merged.facts.duration_nanos {
        nanos if !merged.facts.is_state && nanos > 0 => nanos as f64,
        _ => merged.facts.n_captures.max(1) as f64,
    };
    weight(right) / weight(left)
}

/// `process_cpu.cpu.1795262400000.pb.gz`: of letters that need no care anywhere.
fn file_name(choice: &Choice, suffix: &str, format: Format) -> String {
    let type_id = &choice.type_id;
    let name = format!("{}.{}{suffix}", type_id.kind, type_id.sample_type);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    let name = name.replace(|letter| !is_plain(letter), "_");
    let name: String = name.chars().take(100).collect();
    format!("{name}.{}.{}", choice.range.from.0, format.extension())
}

fn file(bytes: Vec<u8>, name: &str, format: Format) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    let content_type = HeaderValue::from_static(format.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    // Opened in a browser all the same, nothing in it runs here.
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    let same_origin = HeaderValue::from_static("same-origin");
    let resource_policy = HeaderName::from_static("cross-origin-resource-policy");
    headers.insert(resource_policy, same_origin);
    let disposition = format!("attachment; filename=\"{name}\"");
    if let Ok(disposition) = HeaderValue::try_from(disposition) {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

impl From<FlameGraphError> for ApiError {
    fn from(error: FlameGraphError) -> Self {
        Self::not_found(error.to_string())
    }
}

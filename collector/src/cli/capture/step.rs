//! One page or profile of a capture.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::{Labels, Target, UnixMillis, UnixNanos};

use super::subject::Subject;
use crate::config::{ProfileFormat, ProfileSpec};
use crate::fetch::{Request, Response};
use crate::sounding::profile_body;

/// Time for an answer beyond what the target measures.
const ANSWER_TIME: Duration = Duration::from_secs(30);
/// A page for people: the text format before all others.
const ACCEPT_TEXT: &str = "text/plain;version=0.0.4,application/openmetrics-text;q=0.5,*/*;q=0.1";

/// One page or profile of a capture.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Metrics,
    Profile(ProfileSpec),
}

/// The metrics and the snapshots first, as they show the moment; then what takes a while.
pub(super) fn plan(subject: &Subject, seconds: u32) -> Vec<Step> {
    let mut profiles = subject.profiles.clone();
    for spec in &mut profiles {
        spec.seconds = spec.seconds.map(|_| seconds);
    }
    profiles.sort_by_key(|spec| spec.seconds.is_some());
    std::iter::once(Step::Metrics)
        .chain(profiles.into_iter().map(Step::Profile))
        .collect()
}

impl Step {
    pub(super) fn kind(&self) -> &str {
        match self {
            Self::Metrics => "metrics",
            Self::Profile(spec) => &spec.kind,
        }
    }

    pub(super) fn describe(&self) -> String {
        match self {
            Self::Profile(ProfileSpec {
                kind,
                seconds: Some(seconds),
                ..
            }) => {
                format!("{kind}: measuring for {seconds} s")
            }
            _ => self.kind().to_owned(),
        }
    }

    pub(super) fn request(&self, subject: &Subject) -> Request {
        let (path, params, accept, measured) = match self {
            Self::Metrics => (
                &subject.metrics_path,
                subject.params.clone(),
                ACCEPT_TEXT,
                Duration::ZERO,
            ),
            Self::Profile(spec) => {
                let measured = Duration::from_secs(spec.seconds.unwrap_or(0).into());
                (&spec.path, spec.params(&spec.path), "*/*", measured)
            }
        };
        Request {
            endpoint: subject.endpoint.clone(),
            path: path.clone(),
            params,
            accept: Cow::Borrowed(accept),
            timeout: measured + ANSWER_TIME,
            body_limit: subject.body_limit,
        }
    }

    /// Reads the answer, and counts its samples.
    pub(super) fn check(&self, response: &Response, subject: &Subject) -> anyhow::Result<usize> {
        let Self::Profile(spec) = self else {
            return count_samples(response);
        };
        let (body, limit) = (&response.body, subject.body_limit);
        let profile = profile_body::read(
            spec.format,
            body,
            limit,
            UnixNanos::default(),
            Duration::ZERO,
        )?;
        Ok(profile.n_samples())
    }

    /// A name without anything in it that a file name must not hold.
    pub(super) fn file_name(&self, response: &Response) -> String {
        let stem = super::folder::plain(self.kind());
        let suffix = match self {
            Self::Metrics => match Format::from_content_type(&response.content_type) {
                Some(Format::Protobuf) => "pb",
                _ => "txt",
            },
            Self::Profile(spec) => match spec.format {
                ProfileFormat::GoroutineText { .. } => "txt",
                ProfileFormat::Pprof if response.body.starts_with(&[0x1f, 0x8b]) => "pb.gz",
                ProfileFormat::Pprof => "pb",
            },
        };
        format!("{stem}.{suffix}")
    }
}

fn count_samples(response: &Response) -> anyhow::Result<usize> {
    let content_type = &response.content_type;
    let format = match content_type.as_str() {
        "" => Format::Text,
        given => Format::from_content_type(given)
            .with_context(|| format!("content type {given:?} is no exposition format"))?,
    };
    let nobody = Target {
        labels: Labels::default(),
        scheme: String::new(),
        address: String::new(),
    };
    let mut decoder = PageDecoder::new(Arc::new(nobody), PageRules::default());
    let facts = ScrapeFacts {
        time: UnixMillis::default(),
        duration_seconds: 0.0,
    };
    Ok(decoder.decode(format, &response.body, facts)?.n_scraped)
}

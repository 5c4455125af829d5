//! One finding: plain fields in a fixed order; what is one of a few is a byte.

use std::sync::Arc;

use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::{Finding, UnixMillis};

use super::{put_target, take_labels, take_target, take_text};
use crate::log::wire::{DecodeError, Input, put_bytes, put_f64, put_signed, put_varint};

/// Bytes of a link at least: two lengths.
const MIN_LINK: usize = 2;
/// Bytes of a capture's id.
const CAPTURE: usize = 8;

pub(super) fn encode(out: &mut Vec<u8>, finding: &Finding) {
    // Hashes have no small values: as varints they would be longer.
    for id in [finding.id.0, finding.incident] {
        out.extend_from_slice(&id.to_le_bytes());
    }
    put_target(out, &finding.target);
    put_text(out, &finding.signal);
    put_bytes(out, finding.labels.as_packed());
    out.extend([
        rule_byte(finding.rule),
        state_byte(finding.state),
        severity_byte(finding.severity),
    ]);
    put_signed(out, finding.time.0);
    put_signed(out, finding.since.0);
    put_text(out, &finding.unit);
    for number in [
        finding.before,
        finding.now,
        finding.lower,
        finding.upper,
        finding.score,
    ] {
        put_f64(out, number);
    }
    put_text(out, &finding.title);
    put_text(out, &finding.explanation);
    put_text(out, &finding.cause);
    put_text(out, &finding.remedy);
    put_varint(out, finding.links.len() as u64);
    for (name, url) in &finding.links {
        put_text(out, name);
        put_text(out, url);
    }
    put_varint(out, finding.captures.len() as u64);
    for capture in &finding.captures {
        out.extend_from_slice(&capture.to_le_bytes());
    }
}

pub(super) fn decode(payload: &[u8]) -> Result<Finding, DecodeError> {
    let mut input = Input::new(payload);
    let input = &mut input;
    let finding = Finding {
        id: FindingId(input.u64_le()?),
        incident: input.u64_le()?,
        target: Arc::new(take_target(input)?),
        signal: take_text(input)?,
        labels: take_labels(input)?,
        rule: take_one(input, "rule", Rule::ALL, rule_byte)?,
        state: take_one(input, "state of a finding", FindingState::ALL, state_byte)?,
        severity: take_one(input, "severity", Severity::ALL, severity_byte)?,
        time: UnixMillis(input.signed()?),
        since: UnixMillis(input.signed()?),
        unit: take_text(input)?,
        before: input.f64()?,
        now: input.f64()?,
        lower: input.f64()?,
        upper: input.f64()?,
        score: input.f64()?,
        title: take_text(input)?,
        explanation: take_text(input)?,
        cause: take_text(input)?,
        remedy: take_text(input)?,
        links: input.list(MIN_LINK, |input| Ok((take_text(input)?, take_text(input)?)))?,
        captures: input.list(CAPTURE, Input::u64_le)?,
    };
    input.finish()?;
    Ok(finding)
}

fn rule_byte(rule: Rule) -> u8 {
    match rule {
        Rule::Threshold => 1,
        Rule::Band => 2,
        Rule::Change => 3,
        Rule::Trend => 4,
        Rule::Function => 5,
    }
}

fn state_byte(state: FindingState) -> u8 {
    match state {
        FindingState::Pending => 1,
        FindingState::Firing => 2,
        FindingState::Resolved => 3,
    }
}

fn severity_byte(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Warning => 2,
        Severity::Critical => 3,
    }
}

fn take_one<T: Copy>(
    input: &mut Input<'_>,
    what: &'static str,
    all: &[T],
    byte_of: impl Fn(T) -> u8,
) -> Result<T, DecodeError> {
    let value = input.u8()?;
    let one = all.iter().copied().find(|one| byte_of(*one) == value);
    one.ok_or(DecodeError::Tag { what, value })
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_bytes(out, text.as_bytes());
}

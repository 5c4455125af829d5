//! One profile: who and what it is of, then the profile as pprof protobuf.

use std::sync::Arc;

use proto::{ProfileRecord, pprof};

use super::{put_target, take_target};
use crate::log::wire::{DecodeError, Input, put_bytes};

const IS_DELTA: u8 = 1;

pub(super) fn encode(out: &mut Vec<u8>, record: &ProfileRecord) {
    put_target(out, &record.target);
    put_bytes(out, record.kind.as_bytes());
    out.push(if record.is_delta { IS_DELTA } else { 0 });
    out.extend_from_slice(&pprof::encode(&record.profile));
}

pub(super) fn decode(payload: &[u8]) -> Result<ProfileRecord, DecodeError> {
    let mut input = Input::new(payload);
    let target = Arc::new(take_target(&mut input)?);
    let kind = input.str()?.to_owned();
    let is_delta = match input.u8()? {
        0 => false,
        IS_DELTA => true,
        value => {
            return Err(DecodeError::Tag {
                what: "profile flag",
                value,
            });
        }
    };
    let profile = pprof::decode(input.rest()).map_err(|_| DecodeError::Profile)?;
    Ok(ProfileRecord {
        target,
        kind,
        is_delta,
        profile,
    })
}

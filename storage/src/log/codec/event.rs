//! One event: plain fields, each optional one behind a byte that says whether it is there.

use std::sync::Arc;

use proto::{Event, UnixMillis};

use super::{put_target, take_target, take_text};
use crate::log::wire::{DecodeError, Input, put_bytes, put_signed};

const ABSENT: u8 = 0;
const PRESENT: u8 = 1;

pub(super) fn encode(out: &mut Vec<u8>, event: &Event) {
    put_signed(out, event.time.0);
    put_bytes(out, event.kind.as_bytes());
    put_bytes(out, event.message.as_bytes());
    put_optional(out, event.target.as_deref(), put_target);
    for text in [&event.before, &event.after] {
        put_optional(out, text.as_deref(), |out, text| {
            put_bytes(out, text.as_bytes());
        });
    }
    put_optional(out, event.until.as_ref(), |out, time| {
        put_signed(out, time.0);
    });
}

pub(super) fn decode(payload: &[u8]) -> Result<Event, DecodeError> {
    let mut input = Input::new(payload);
    let input = &mut input;
    let event = Event {
        time: UnixMillis(input.signed()?),
        kind: input.str()?.to_owned(),
        message: input.str()?.to_owned(),
        target: take_optional(input, |input| take_target(input).map(Arc::new))?,
        before: take_optional(input, take_text)?,
        after: take_optional(input, take_text)?,
        until: take_optional(input, |input| input.signed().map(UnixMillis))?,
    };
    input.finish()?;
    Ok(event)
}

fn put_optional<T: ?Sized>(
    out: &mut Vec<u8>,
    value: Option<&T>,
    put: impl FnOnce(&mut Vec<u8>, &T),
) {
    match value {
        Some(value) => {
            out.push(PRESENT);
            put(out, value);
        }
        None => out.push(ABSENT),
    }
}

fn take_optional<T>(
    input: &mut Input<'_>,
    take: impl FnOnce(&mut Input<'_>) -> Result<T, DecodeError>,
) -> Result<Option<T>, DecodeError> {
    match input.u8()? {
        ABSENT => Ok(None),
        PRESENT => take(input).map(Some),
        value => Err(DecodeError::Tag {
            what: "event flag",
            value,
        }),
    }
}

//! Rows of `events`.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_schema::ArrowError;
use proto::Event;

use super::columns::millis_builder;

/// The columns of some rows.
pub(super) fn event_columns(rows: &[&Event]) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut id = Int64Builder::new();
    let [mut time, mut until] = [millis_builder(), millis_builder()];
    let [
        mut kind,
        mut job,
        mut instance,
        mut before,
        mut after,
        mut message,
    ] = std::array::from_fn(|_| StringBuilder::new());
    for event in rows {
        let target = event.target.as_deref();
        time.append_value(event.time.0);
        kind.append_value(&event.kind);
        id.append_option(target.map(|target| target.id().0.cast_signed()));
        job.append_value(target.map_or("", |target| target.job()));
        instance.append_value(target.map_or("", |target| target.instance()));
        before.append_option(event.before.as_deref());
        after.append_option(event.after.as_deref());
        until.append_option(event.until.map(|until| until.0));
        message.append_value(&event.message);
    }
    Ok(vec![
        Arc::new(time.finish()),
        Arc::new(kind.finish()),
        Arc::new(id.finish()),
        Arc::new(job.finish()),
        Arc::new(instance.finish()),
        Arc::new(before.finish()),
        Arc::new(after.finish()),
        Arc::new(until.finish()),
        Arc::new(message.finish()),
    ])
}

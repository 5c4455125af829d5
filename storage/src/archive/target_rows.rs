//! Rows of `targets`.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_schema::ArrowError;

use super::columns::{LabelsColumn, millis_builder};
use super::watch::TargetRow;

/// The columns of some rows.
pub(super) fn target_columns(rows: &[&TargetRow]) -> Result<Vec<ArrayRef>, ArrowError> {
    let mut id = Int64Builder::new();
    let [mut time, mut started] = [millis_builder(), millis_builder()];
    let [mut job, mut instance, mut scheme, mut address] =
        std::array::from_fn(|_| StringBuilder::new());
    let [mut version, mut go_version] = std::array::from_fn(|_| StringBuilder::new());
    let mut labels = LabelsColumn::default();
    for row in rows {
        let (target, facts) = (&row.target, &row.facts);
        id.append_value(target.id().0.cast_signed());
        time.append_value(row.time.0);
        job.append_value(target.job());
        instance.append_value(target.instance());
        labels.push(&target.labels);
        scheme.append_value(&target.scheme);
        address.append_value(&target.address);
        version.append_option(facts.version.as_deref());
        go_version.append_option(facts.go_version.as_deref());
        started.append_option(facts.started.map(|started| started.0));
    }
    Ok(vec![
        Arc::new(id.finish()),
        Arc::new(time.finish()),
        Arc::new(job.finish()),
        Arc::new(instance.finish()),
        labels.finish()?,
        Arc::new(scheme.finish()),
        Arc::new(address.finish()),
        Arc::new(version.finish()),
        Arc::new(go_version.finish()),
        Arc::new(started.finish()),
    ])
}

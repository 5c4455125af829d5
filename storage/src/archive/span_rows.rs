//! Rows of `spans`.

use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow_schema::ArrowError;
use proto::Labels;
use proto::otlp::spans::hex;
use proto::span::{Span, SpanEvent, SpanLink};

use super::columns::{LabelsColumn, ListLengths};
use super::schema::{span_event_fields, span_link_fields};

/// The columns of some rows.
pub(super) fn span_columns(rows: &[&Span]) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows = Rows(rows);
    Ok(vec![
        rows.texts(|row| &row.source.service),
        rows.times(),
        rows.ids(|row| Some(&row.trace_id)),
        rows.ids(|row| Some(&row.span_id)),
        rows.ids(|row| row.parent_span_id.as_ref().map(|id| &id[..])),
        rows.texts(|row| &row.name),
        rows.texts(|row| row.kind.as_str()),
        rows.numbers(|row| row.start.0),
        rows.numbers(|row| row.duration_nanos),
        rows.texts(|row| row.status.as_str()),
        rows.texts(|row| &row.status_message),
        rows.labels(|row| &row.attributes)?,
        rows.labels(|row| &row.source.resource)?,
        rows.texts(|row| &row.source.scope),
        rows.texts(|row| &row.source.scope_version),
        rows.texts(|row| &row.trace_state),
        rows.events()?,
        rows.links()?,
    ])
}

/// Spans, of which each column takes one thing.
struct Rows<'a>(&'a [&'a Span]);

impl<'a> Rows<'a> {
    fn texts(&self, text: impl Fn(&'a Span) -> &'a str) -> ArrayRef {
        let texts = self.0.iter().map(|row| text(row));
        Arc::new(StringArray::from_iter_values(texts))
    }

    fn ids(&self, id: impl Fn(&'a Span) -> Option<&'a [u8]>) -> ArrayRef {
        let mut ids = StringBuilder::new();
        for row in self.0 {
            ids.append_option(id(row).map(hex));
        }
        Arc::new(ids.finish())
    }

    fn numbers(&self, number: impl Fn(&Span) -> i64) -> ArrayRef {
        let numbers = self.0.iter().map(|row| number(row));
        Arc::new(Int64Array::from_iter_values(numbers))
    }

    fn times(&self) -> ArrayRef {
        let micros = self.0.iter().map(|row| row.start.0.div_euclid(1000));
        let times = TimestampMicrosecondArray::from_iter_values(micros);
        Arc::new(times.with_timezone("UTC"))
    }

    fn labels(&self, of: impl Fn(&'a Span) -> &'a Labels) -> Result<ArrayRef, ArrowError> {
        labels(self.0.iter().map(|row| of(row)))
    }

    fn events(&self) -> Result<ArrayRef, ArrowError> {
        let mut lengths = ListLengths::default();
        for row in self.0 {
            lengths.push(row.events.len());
        }
        let events = || self.0.iter().flat_map(|row| &row.events);
        let times = Int64Array::from_iter_values(events().map(|event: &SpanEvent| event.time.0));
        let names = StringArray::from_iter_values(events().map(|event| &event.name));
        let attributes = labels(events().map(|event| &event.attributes))?;
        let columns: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(names), attributes];
        lengths.finish_structs(span_event_fields(), columns)
    }

    fn links(&self) -> Result<ArrayRef, ArrowError> {
        let mut lengths = ListLengths::default();
        for row in self.0 {
            lengths.push(row.links.len());
        }
        let links = || self.0.iter().flat_map(|row| &row.links);
        let ids = |id: fn(&SpanLink) -> &[u8]| {
            StringArray::from_iter_values(links().map(|link| hex(id(link))))
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(ids(|link| &link.trace_id)),
            Arc::new(ids(|link| &link.span_id)),
            labels(links().map(|link| &link.attributes))?,
        ];
        lengths.finish_structs(span_link_fields(), columns)
    }
}

fn labels<'a>(sets: impl Iterator<Item = &'a Labels>) -> Result<ArrayRef, ArrowError> {
    let mut column = LabelsColumn::default();
    for set in sets {
        column.push(set);
    }
    column.finish()
}

//! Exemplars: trace and span ids where the labels are such, the rest as attributes.

use super::super::resource;
use super::super::wire::ReverseWriter;
use super::point::nanos;
use crate::metrics::{Exemplar, MetricBatch};

use prost::Message;

/// Writes the exemplars of the given series into `field` of a data point.
pub(super) fn put_exemplars(
    writer: &mut ReverseWriter,
    field: u32,
    batch: &MetricBatch,
    series: impl IntoIterator<Item = u32>,
) {
    if batch.exemplars.is_empty() {
        return;
    }
    for series_idx in series {
        for exemplar in of_series(batch, series_idx) {
            let mark = writer.len();
            put_exemplar(writer, batch, exemplar);
            writer.message(field, mark);
        }
    }
}

fn of_series(batch: &MetricBatch, series_idx: u32) -> &[Exemplar] {
    let first = batch
        .exemplars
        .partition_point(|exemplar| exemplar.series_idx < series_idx);
    let from = batch.exemplars.get(first..).unwrap_or_default();
    let n_exemplars = from
        .iter()
        .take_while(|exemplar| exemplar.series_idx == series_idx)
        .count();
    from.get(..n_exemplars).unwrap_or_default()
}

fn put_exemplar(writer: &mut ReverseWriter, batch: &MetricBatch, exemplar: &Exemplar) {
    let (mut trace_id, mut span_id) = (None, None);
    for (name, value) in &exemplar.labels {
        match name {
            "trace_id" if trace_id.is_none() => trace_id = hex::<16>(value),
            "span_id" if span_id.is_none() => span_id = hex::<8>(value),
            _ => {}
        }
        let is_id =
            (name == "trace_id" && trace_id.is_some()) || (name == "span_id" && span_id.is_some());
        if !is_id {
            writer.bytes(7, &resource::text(name, value).encode_to_vec());
        }
    }
    if let Some(id) = trace_id {
        writer.bytes(5, &id);
    }
    if let Some(id) = span_id {
        writer.bytes(4, &id);
    }
    writer.double(3, exemplar.value);
    let time = exemplar
        .time
        .unwrap_or_else(|| batch.time_of(exemplar.series_idx as usize));
    writer.fixed64(2, nanos(time));
}

/// Reads exactly `N` bytes of hexadecimal digits.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let mut digits = digits.iter().map(|digit| char::from(*digit).to_digit(16));
        *byte = (digits.next()?? << 4 | digits.next()??) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_ids_are_ids() {
        assert_eq!(hex::<2>("0aFf"), Some([0x0a, 0xff]));
        assert_eq!(hex::<2>("0aF"), None);
        assert_eq!(hex::<2>("0aFg"), None);
        assert_eq!(hex::<2>("é0a"), None);
    }
}

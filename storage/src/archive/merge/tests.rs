use std::sync::Arc;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Float64Array, Int64Array, TimestampMillisecondArray};
use proptest::prelude::*;

use super::*;

type Row = (u64, i64, f64);

fn batch(rows: &[Row]) -> RecordBatch {
    let ids: Int64Array = rows.iter().map(|row| row.0.cast_signed()).collect();
    let times: TimestampMillisecondArray = rows.iter().map(|row| Some(row.1)).collect();
    let values: Float64Array = rows.iter().map(|row| Some(row.2)).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(values),
    ];
    RecordBatch::try_new(Table::MetricPoints.schema(), columns).unwrap()
}

fn input(rows: Vec<Row>, batch_rows: usize) -> Input<'static> {
    let batches: Vec<_> = rows
        .chunks(batch_rows)
        .map(|rows| Ok(batch(rows)))
        .collect();
    Box::new(batches.into_iter())
}

fn rows_of_points(inputs: Vec<Input<'_>>) -> Vec<Row> {
    rows(Merge::new(Table::MetricPoints, inputs).unwrap())
}

/// Merged as any other table is.
fn rows_of_any_table(inputs: Vec<Input<'_>>) -> Vec<Row> {
    let merge = RowMerge::new(Table::MetricPoints, inputs).unwrap();
    rows(Merge::of(Merging::Rows(merge)))
}

fn rows(merge: Merge<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    for batch in merge {
        let batch = batch.unwrap();
        let ids = batch.column(0).as_primitive::<Int64Type>();
        let times = batch.column(1).as_primitive::<TimestampMillisecondType>();
        let values = batch.column(2).as_primitive::<Float64Type>();
        rows.extend((0..batch.num_rows()).map(|row| {
            (
                ids.value(row).cast_unsigned(),
                times.value(row),
                values.value(row),
            )
        }));
    }
    rows
}

#[test]
fn an_error_of_an_input_ends_the_merge() {
    let failing: Input<'_> = Box::new(
        [
            Ok(batch(&[(1, 1, 1.0)])),
            Err(ArchiveError::Locked { path: "x".into() }),
        ]
        .into_iter(),
    );
    let mut merge = Merge::new(Table::MetricPoints, vec![failing]).unwrap();
    let first = merge.next();
    assert!(first.is_some_and(|first| first.is_err()));
    assert!(merge.next().is_none());
}

#[test]
fn ids_are_ordered_as_unsigned_and_times_are_not() {
    let inputs = || {
        vec![
            input(vec![(1, 1, 0.0), (u64::MAX, 1, 0.0)], 8),
            input(vec![(1, -1, 0.0), (1 << 63, 1, 0.0)], 8),
        ]
    };
    let expected = [(1, -1), (1, 1), (1 << 63, 1), (u64::MAX, 1)];
    for rows in [rows_of_points(inputs()), rows_of_any_table(inputs())] {
        let keys: Vec<(u64, i64)> = rows.iter().map(|row| (row.0, row.1)).collect();
        assert_eq!(keys, expected);
    }
}

proptest! {
    #[test]
    fn it_is_what_sorting_everything_gives(
        inputs in prop::collection::vec(prop::collection::btree_set((0u64..6, 0i64..40), 0..60), 0..5),
        batch_rows in 1usize..20,
    ) {
        let numbered = inputs.iter().enumerate().map(|(idx, keys)| -> Vec<Row> {
            keys.iter().map(|(id, time)| (*id, *time, idx as f64)).collect()
        });
        let numbered: Vec<Vec<Row>> = numbered.collect();
        let mut expected: Vec<Row> = numbered.concat();
        expected.sort_by_key(|row| (row.0, row.1, row.2 as i64));
        expected.dedup_by_key(|row| (row.0, row.1));
        let inputs = || numbered.iter().map(|rows| input(rows.clone(), batch_rows)).collect();
        prop_assert_eq!(rows_of_points(inputs()), &expected[..]);
        prop_assert_eq!(rows_of_any_table(inputs()), expected);
    }
}

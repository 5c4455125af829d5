//! Buffered stacks → rows of `stacks`.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, Int64Builder, StringBuilder};
use arrow_schema::ArrowError;

use super::columns::ListLengths;
use super::frames::{Frame, FrameTable};
use super::schema;

/// A stack: its id and its frames, leaf first.
pub(super) type StackRow<'a> = (u64, &'a [u32]);

/// Sorts stacks from the outermost frame on, so that those with the same callers are neighbours.
pub(super) fn sort_stacks(stacks: &mut [StackRow<'_>]) {
    stacks.sort_by(|left, right| left.1.iter().rev().cmp(right.1.iter().rev()));
}

/// The columns of stacks.
pub(super) fn stack_columns(
    table: &FrameTable,
    stacks: &[StackRow<'_>],
) -> Result<Vec<ArrayRef>, ArrowError> {
    let (mut ids, mut leaves) = (Int64Builder::new(), StringBuilder::new());
    let (mut frames, mut lengths) = (FrameColumns::default(), ListLengths::default());
    for (id, handles) in stacks {
        ids.append_value(id.cast_signed());
        leaves.append_value(leaf(table, handles));
        for handle in *handles {
            frames.push(table, table.frame(*handle));
        }
        lengths.push(handles.len());
    }
    let frames = lengths.finish_structs(schema::frame_fields(), frames.finish())?;
    Ok(vec![
        Arc::new(ids.finish()),
        Arc::new(leaves.finish()),
        frames,
    ])
}

/// Name of the innermost function, or the empty text.
fn leaf<'a>(table: &'a FrameTable, handles: &[u32]) -> &'a str {
    let function = handles
        .first()
        .and_then(|handle| table.frame(*handle).function.as_ref());
    function.map_or("", |function| table.text(function.name))
}

#[derive(Default)]
struct FrameColumns {
    /// function, system_name, file
    texts: [StringBuilder; 3],
    /// line, col, start_line, address
    numbers: [Int64Builder; 4],
    /// mapping, build_id
    mapping: [StringBuilder; 2],
    mapping_start: Int64Builder,
    /// is_inlined, is_folded
    flags: [BooleanBuilder; 2],
}

impl FrameColumns {
    fn push(&mut self, table: &FrameTable, frame: &Frame) {
        let function = frame.function.as_ref();
        let system_name = function
            .filter(|f| f.system_name != f.name)
            .map(|f| f.system_name);
        let texts = [
            function.map(|f| f.name),
            system_name,
            function.map(|f| f.file),
        ];
        for (builder, text) in self.texts.iter_mut().zip(texts) {
            builder.append_option(text.map(|id| table.text(id)));
        }
        let places = function.map_or([0; 3], |f| [f.line, f.column, f.start_line]);
        let numbers = places.into_iter().chain([frame.address.cast_signed()]);
        for (builder, number) in self.numbers.iter_mut().zip(numbers) {
            builder.append_value(number);
        }
        let mapping = [
            frame.mapping.map(|m| m.file),
            frame.mapping.map(|m| m.build_id),
        ];
        for (builder, text) in self.mapping.iter_mut().zip(mapping) {
            builder.append_option(text.map(|id| table.text(id)));
        }
        self.mapping_start
            .append_option(frame.mapping.map(|m| m.start.cast_signed()));
        for (builder, flag) in self
            .flags
            .iter_mut()
            .zip([frame.is_inlined, frame.is_folded])
        {
            builder.append_value(flag);
        }
    }

    fn finish(mut self) -> Vec<ArrayRef> {
        let mut columns: Vec<ArrayRef> = Vec::new();
        columns.extend(
            self.texts
                .map(|mut text| Arc::new(text.finish()) as ArrayRef),
        );
        columns.extend(
            self.numbers
                .map(|mut number| Arc::new(number.finish()) as ArrayRef),
        );
        columns.extend(
            self.mapping
                .map(|mut text| Arc::new(text.finish()) as ArrayRef),
        );
        columns.push(Arc::new(self.mapping_start.finish()));
        columns.extend(
            self.flags
                .map(|mut flag| Arc::new(flag.finish()) as ArrayRef),
        );
        columns
    }
}

//! Rows of `stacks` → frames of the stacks that are asked for.

use std::collections::HashMap;
use std::path::Path;

use arrow_array::{Array as _, BooleanArray, Int64Array, ListArray, StringArray, StructArray};

use crate::archive::ArchiveError;
use crate::archive::frames::{Frame, FrameFunction, FrameMapping, FrameTable};
use crate::archive::reading::{self, Columns, Rows};
use crate::archive::seen::IdSet;

/// What is read of `stacks`.
pub(in crate::archive) const COLUMNS: [&str; 2] = ["stack_id", "frames"];

/// What a stack takes in memory besides its handles, about. Bytes.
const A_STACK: usize = 48;

/// Some stacks, and the frames they share.
#[derive(Debug, Default)]
pub(in crate::archive) struct Stacks {
    pub(in crate::archive) frames: FrameTable,
    /// Handles of frames, leaf first.
    pub(in crate::archive) by_id: HashMap<u64, Box<[u32]>>,
    n_handle_bytes: usize,
}

impl Stacks {
    /// Adds the stacks of a file that are in `wanted` and not here yet.
    pub(in crate::archive) fn read(
        &mut self,
        path: &Path,
        wanted: &IdSet,
    ) -> Result<(), ArchiveError> {
        self.read_rows(reading::open(path, &COLUMNS)?, path, wanted)
    }

    /// Adds those among rows of [`COLUMNS`] that are in `wanted` and not here yet.
    pub(in crate::archive) fn read_rows(
        &mut self,
        rows: Rows,
        path: &Path,
        wanted: &IdSet,
    ) -> Result<(), ArchiveError> {
        for batch in rows {
            let batch = StructArray::from(batch?);
            self.add(&Columns::new(&batch, path), |id| wanted.contains(&id))?;
        }
        Ok(())
    }

    /// What they take in memory, about. Bytes.
    pub(in crate::archive) fn n_bytes(&self) -> usize {
        self.frames.n_bytes() + self.n_handle_bytes
    }

    /// Adds all stacks of a file that are not here yet, and tells how many rows it has.
    pub(in crate::archive) fn read_all(&mut self, path: &Path) -> Result<usize, ArchiveError> {
        let mut n_rows = 0;
        for batch in reading::open(path, &["stack_id", "frames"])? {
            let batch = StructArray::from(batch?);
            self.add(&Columns::new(&batch, path), |_| true)?;
            n_rows += batch.len();
        }
        Ok(n_rows)
    }

    fn add(
        &mut self,
        columns: &Columns<'_>,
        is_wanted: impl Fn(u64) -> bool,
    ) -> Result<(), ArchiveError> {
        let ids: &Int64Array = columns.get("stack_id")?;
        let lists: &ListArray = columns.get("frames")?;
        let frames = FrameRows::new(&columns.items("frames")?)?;
        for (id, bounds) in ids.values().iter().zip(lists.value_offsets().windows(2)) {
            let (id, &[start, end]) = (id.cast_unsigned(), bounds) else {
                continue;
            };
            if is_wanted(id) && !self.by_id.contains_key(&id) {
                let handles: Box<[u32]> = (start as usize..end as usize)
                    .map(|item| frames.read(item, &mut self.frames))
                    .collect();
                self.n_handle_bytes += A_STACK + size_of_val(&*handles);
                self.by_id.insert(id, handles);
            }
        }
        Ok(())
    }
}

struct FrameRows<'a> {
    function: &'a StringArray,
    system_name: &'a StringArray,
    file: &'a StringArray,
    line: &'a Int64Array,
    col: &'a Int64Array,
    start_line: &'a Int64Array,
    address: &'a Int64Array,
    mapping: &'a StringArray,
    build_id: &'a StringArray,
    mapping_start: &'a Int64Array,
    is_inlined: &'a BooleanArray,
    is_folded: &'a BooleanArray,
}

impl<'a> FrameRows<'a> {
    fn new(items: &Columns<'a>) -> Result<Self, ArchiveError> {
        Ok(Self {
            function: items.get("function")?,
            system_name: items.get("system_name")?,
            file: items.get("file")?,
            line: items.get("line")?,
            col: items.get("col")?,
            start_line: items.get("start_line")?,
            address: items.get("address")?,
            mapping: items.get("mapping")?,
            build_id: items.get("build_id")?,
            mapping_start: items.get("mapping_start")?,
            is_inlined: items.get("is_inlined")?,
            is_folded: items.get("is_folded")?,
        })
    }

    fn read(&self, item: usize, table: &mut FrameTable) -> u32 {
        let frame = Frame {
            function: self
                .function
                .is_valid(item)
                .then(|| self.function(item, table)),
            mapping: self
                .mapping_start
                .is_valid(item)
                .then(|| self.mapping(item, table)),
            address: self.address.value(item).cast_unsigned(),
            is_inlined: self.is_inlined.value(item),
            is_folded: self.is_folded.value(item),
        };
        table.intern_frame(&frame)
    }

    fn function(&self, item: usize, table: &mut FrameTable) -> FrameFunction {
        let name = self.function.value(item);
        let has_own = self.system_name.is_valid(item);
        let system_name = if has_own {
            self.system_name.value(item)
        } else {
            name
        };
        FrameFunction {
            name: table.text_id(name),
            system_name: table.text_id(system_name),
            file: table.text_id(self.file.value(item)),
            start_line: self.start_line.value(item),
            line: self.line.value(item),
            column: self.col.value(item),
        }
    }

    fn mapping(&self, item: usize, table: &mut FrameTable) -> FrameMapping {
        FrameMapping {
            start: self.mapping_start.value(item).cast_unsigned(),
            file: table.text_id(self.mapping.value(item)),
            build_id: table.text_id(self.build_id.value(item)),
        }
    }
}

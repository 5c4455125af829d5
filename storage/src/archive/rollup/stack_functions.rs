//! The functions on the stacks of a day.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{Array as _, Int64Array, ListArray, StringArray, StructArray};

use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::files;
use crate::archive::intern::Interner;
use crate::archive::reading::{self, Columns};
use crate::archive::seen::IdHasher;
use crate::archive::table::Table;

/// Function names, and which each stack has. About 30 bytes a stack and 4 a function on it.
#[derive(Debug, Default)]
pub(super) struct StackFunctions {
    names: Interner<Arc<str>>,
    /// Functions of all stacks, one after another.
    functions: Vec<u32>,
    stacks: HashMap<u64, Stack, BuildHasherDefault<IdHasher>>,
}

/// A stack's place among the functions.
#[derive(Clone, Copy, Debug)]
struct Stack {
    start: u32,
    end: u32,
    /// Whether the innermost frame has a name: it is then the first function.
    has_leaf: bool,
}

impl StackFunctions {
    /// Reads all stacks of a day.
    pub(super) fn read(root: &Path, day: Day) -> Result<Self, ArchiveError> {
        let mut stacks = Self::default();
        for file in files::files(root, Table::Stacks, day)? {
            let path = file.path(root);
            let columns = ["stack_id", "frames.list.element.function"];
            for batch in reading::open(&path, &columns)? {
                let batch = StructArray::from(batch?);
                stacks.add(&Columns::new(&batch, &path))?;
            }
        }
        Ok(stacks)
    }

    /// Handles of the functions on a stack, each once; and that of the innermost one, if it has a
    /// name.
    pub(super) fn of(&self, stack_id: u64) -> (&[u32], Option<u32>) {
        let Some(stack) = self.stacks.get(&stack_id) else {
            return (&[], None);
        };
        let functions = self.functions.get(stack.start as usize..stack.end as usize);
        let functions = functions.unwrap_or_default();
        let leaf = functions.first().copied().filter(|_| stack.has_leaf);
        (functions, leaf)
    }

    /// A function's name.
    pub(super) fn name(&self, function: u32) -> &str {
        self.names.get(function)
    }

    fn add(&mut self, columns: &Columns<'_>) -> Result<(), ArchiveError> {
        let ids: &Int64Array = columns.get("stack_id")?;
        let lists: &ListArray = columns.get("frames")?;
        let names: &StringArray = columns.items("frames")?.get("function")?;
        for (id, bounds) in ids.values().iter().zip(lists.value_offsets().windows(2)) {
            let &[first, behind] = bounds else {
                continue;
            };
            let (first, behind) = (first as usize, behind as usize);
            let start = self.functions.len();
            for item in (first..behind).filter(|item| names.is_valid(*item)) {
                let (function, _) = self.names.intern(names.value(item));
                let known = self.functions.get(start..).unwrap_or_default();
                if !known.contains(&function) {
                    self.functions.push(function);
                }
            }
            let stack = Stack {
                start: start as u32,
                end: self.functions.len() as u32,
                has_leaf: first < behind && names.is_valid(first),
            };
            self.stacks.insert(id.cast_unsigned(), stack);
        }
        Ok(())
    }
}

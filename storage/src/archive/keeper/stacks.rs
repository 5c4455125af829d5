//! Files of `stacks` → one. Their order is one that no column has, so they are sorted anew.

use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::profile_query::Stacks;
use crate::archive::stack_rows::{StackRow, sort_stacks, stack_columns};
use crate::archive::table::Table;
use crate::archive::table_file::TableFile;

use super::compact::Bench;

const ROWS_A_BATCH: usize = 4 * 1024;

/// Writes every stack once; tells how many rows were read.
pub(super) fn merge(
    bench: &mut Bench<'_>,
    inputs: &[TablePath],
    mut out: TableFile,
) -> Result<(usize, TableFile), ArchiveError> {
    let mut stacks = Stacks::default();
    let mut n_read = 0;
    for file in inputs {
        n_read += stacks.read_all(&file.path(bench.folder.root()))?;
        bench.pace.pause()?;
    }
    let mut rows: Vec<StackRow<'_>> = stacks.by_id.iter().map(|(id, f)| (*id, &**f)).collect();
    rows.sort_unstable_by_key(|(id, _)| *id);
    sort_stacks(&mut rows);
    for chunk in rows.chunks(ROWS_A_BATCH) {
        let columns = stack_columns(&stacks.frames, chunk);
        out.write(columns.map_err(ArchiveError::columns(Table::Stacks))?)?;
        bench.pace.pause()?;
    }
    Ok((n_read, out))
}

//! Days whose rollups are missing or older than the raw rows.

use std::path::Path;

use proto::UnixMillis;

use super::damage::VerifyReport;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::{FileName, WriterId};
use crate::archive::files;
use crate::archive::rollup::plan::{Names, stale};
use crate::archive::table::Table;

/// Rollups of a day are due when it has ended so long ago.
const DUE_MILLIS: i64 = 86_400_000;

/// The files that this folder's leadsman wrote: others' rollups are theirs to make.
struct Own<'a> {
    root: &'a Path,
    writer: WriterId,
}

impl Names for Own<'_> {
    fn days(&self, table: Table) -> Vec<Day> {
        files::days(self.root, table).unwrap_or_default()
    }

    fn names(&self, table: Table, day: Day) -> Vec<FileName> {
        let files = files::files(self.root, table, day).unwrap_or_default();
        let names = files.into_iter().map(|file| file.name);
        names.filter(|name| name.writer == self.writer).collect()
    }
}

/// Notes days whose rollups are due, and not there or stale.
pub(super) fn check(
    root: &Path,
    now: UnixMillis,
    report: &mut VerifyReport,
) -> Result<(), ArchiveError> {
    let text = files::read_text(&root.join(files::WRITER))?;
    let Some(writer) = text.as_deref().and_then(WriterId::parse) else {
        return Ok(());
    };
    let due = UnixMillis(now.0.saturating_sub(DUE_MILLIS));
    for stretch in stale(&Own { root, writer }, due) {
        if stretch.day.contains(due) || stretch.day.starts_after(due) {
            continue;
        }
        let raw = root
            .join(stretch.group.raw().name())
            .join(stretch.day.folder());
        let what = format!(
            "has rows that {} does not have: its rollups are missing or stale",
            stretch.group.rolled().name()
        );
        report.notice(
            &raw,
            what,
            "a running leadsman makes them, or leadsman archive compact",
        );
    }
    Ok(())
}

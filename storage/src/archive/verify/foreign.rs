//! What lies in the archive's folder and is no file of a table.

use std::path::Path;

use super::damage::VerifyReport;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::files;
use crate::archive::table::Table;

/// Folders in which work is prepared: while leadsman runs they may hold some.
const WORKSHOPS: [&str; 2] = [".staging", ".keeping"];
/// leadsman's own files.
const OWN: [&str; 4] = [".lock", ".position", ".writer", ".position.tmp"];

/// Reports names that nothing of ours has.
pub(super) fn check(root: &Path, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    for name in files::list(root)? {
        let path = root.join(&name);
        if WORKSHOPS.contains(&&*name) {
            let n_left = files::list(&path)?.len();
            if n_left > 0 {
                let what = format!(
                    "holds {n_left} files of work under way, or of work that a crash interrupted"
                );
                report.notice(
                    &path,
                    what,
                    "the next start of leadsman finishes or removes it",
                );
            }
        } else if Table::parse(&name).is_some() {
            check_days(&path, report)?;
        } else if !OWN.contains(&&*name) && !name.starts_with('.') {
            report.notice(&path, "is not leadsman's", "move it away");
        }
    }
    Ok(())
}

fn check_days(table: &Path, report: &mut VerifyReport) -> Result<(), ArchiveError> {
    for name in files::list(table)? {
        if Day::from_folder(&name).is_none() && !name.starts_with('.') {
            report.notice(&table.join(name), "is no folder of a day", "move it away");
        }
    }
    Ok(())
}

//! One file by itself: its ends, its footer against its name and the schema, its checksum.

use std::fs::File;
use std::io::{ErrorKind, Seek as _};
use std::path::Path;

use arrow_schema::{Fields, Schema};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};

use super::Depth;
use super::damage::{RESTORE, VerifyReport};
use crate::ErrorChain;
use crate::archive::checksum::Checksum;
use crate::archive::files::TablePath;
use crate::archive::table::{SCHEMA_VERSION, Table};
use crate::archive::table_file::{
    KEY_CHECKSUM, KEY_FILE, KEY_POSITION, KEY_SCHEMA_VERSION, KEY_WRITER,
};

/// What came of a file.
pub(super) enum Checked {
    /// Its rows can be read.
    Readable(File, ArrowReaderMetadata),
    /// They cannot, or not be trusted; the report says why.
    Damaged,
    /// It is not there any more.
    Gone,
}

/// Checks a file before its rows are read.
pub(super) fn check(
    file: &TablePath,
    root: &Path,
    depth: Depth,
    report: &mut VerifyReport,
) -> Checked {
    let path = file.path(root);
    let mut content = match File::open(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == ErrorKind::NotFound => return Checked::Gone,
        Err(error) => {
            report.damage(&path, format!("cannot be opened: {error}"), RESTORE);
            return Checked::Damaged;
        }
    };
    report.n_files += 1;
    report.n_bytes += content.metadata().map_or(0, |metadata| metadata.len());
    let metadata = match ArrowReaderMetadata::load(&content, ArrowReaderOptions::new()) {
        Ok(metadata) => metadata,
        Err(error) => {
            let what = format!(
                "is cut short, or its footer is damaged: {}",
                ErrorChain(&error)
            );
            report.damage(&path, what, RESTORE);
            return Checked::Damaged;
        }
    };
    report.n_rows += metadata.metadata().file_metadata().num_rows().max(0) as u64;
    let keys = Keys::of(&metadata);
    if let Err(wrong) = keys.check(file, &metadata) {
        report.damage(
            &path,
            wrong,
            "put it where its footer says, or move it away",
        );
        return Checked::Damaged;
    }
    match keys.checksum() {
        None => report.n_without_checksum += 1,
        Some(sum) if depth == Depth::Pages && !is_of(sum, &mut content) => {
            report.damage(
                &path,
                "its content does not have its checksum: bits have flipped",
                RESTORE,
            );
            return Checked::Damaged;
        }
        Some(_) => {}
    }
    Checked::Readable(content, metadata)
}

fn is_of(sum: Option<Checksum>, content: &mut File) -> bool {
    let Some(sum) = sum else {
        return false;
    };
    // Reading the footer has moved the place in the file.
    content
        .rewind()
        .and_then(|()| sum.is_of(content))
        .unwrap_or(false)
}

/// The footer's keys.
struct Keys<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Keys<'a> {
    fn of(metadata: &'a ArrowReaderMetadata) -> Self {
        let keys = metadata.metadata().file_metadata().key_value_metadata();
        let pairs = keys
            .into_iter()
            .flatten()
            .filter_map(|pair| Some((&*pair.key, pair.value.as_deref()?)));
        Self(pairs.collect())
    }

    fn get(&self, key: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| *value)
    }

    /// The checksum, if there is one; `Some(None)` if it cannot be read.
    fn checksum(&self) -> Option<Option<Checksum>> {
        self.get(KEY_CHECKSUM).map(Checksum::parse)
    }

    fn check(&self, file: &TablePath, metadata: &ArrowReaderMetadata) -> Result<(), String> {
        if let Some(own) = self.get(KEY_FILE).filter(|own| **own != file.to_string()) {
            return Err(format!("is another file: its footer says {own}"));
        }
        let expected = [
            (KEY_WRITER, file.name.writer.to_string()),
            (KEY_POSITION, file.name.to.to_string()),
        ];
        for (key, expected) in expected {
            let found = self.get(key).unwrap_or("nothing");
            if found != expected {
                return Err(format!(
                    "is another file: its footer has {found} for {key}, its name {expected}"
                ));
            }
        }
        let version = self
            .get(KEY_SCHEMA_VERSION)
            .and_then(|version| version.parse::<u32>().ok());
        match version {
            None => return Err("its footer has no schema version".to_owned()),
            Some(version) if version > SCHEMA_VERSION => return Ok(()),
            Some(_) => {}
        }
        fits(file.table, metadata.schema().fields())
    }
}

/// Whether the columns are those of the table; an older version may lack some at the end.
fn fits(table: Table, found: &Fields) -> Result<(), String> {
    let schema: &Schema = &table.schema();
    for (idx, expected) in schema.fields().iter().enumerate() {
        let Some(column) = found.get(idx) else {
            // Columns are only ever added at the end, and those may be null.
            return if expected.is_nullable() && idx > 0 {
                Ok(())
            } else {
                Err(format!("has no column {}", expected.name()))
            };
        };
        if column.name() != expected.name()
            || !column.data_type().equals_datatype(expected.data_type())
        {
            return Err(format!(
                "is not of this table: column {} {} instead of {} {}",
                column.name(),
                column.data_type(),
                expected.name(),
                expected.data_type()
            ));
        }
    }
    Ok(())
}

//! Writes a small archive that is the same each time: the golden files of a schema version.
//!
//! ```text
//! golden_archive OUT WRITER
//! ```
//!
//! OUT must not exist; WRITER is the writer's id, 16 hexadecimal digits, another one for each
//! version. `storage/testdata/archive-v1` and its successors are made so, by the code of their
//! time:
//!
//! ```text
//! cargo run -p leadsman-storage --example golden_archive -- storage/testdata/archive-v4 0000000000000004
//! ```

mod records;

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use leadsman_storage::Position;
use leadsman_storage::archive::{Archive, ArchiveOptions};
use leadsman_storage::archive::{CompactionOptions, Keeper, KeeperOptions};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// zstd level of the files.
const LEVEL: i32 = 9;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().collect();
    let [_, out, writer] = args.as_slice() else {
        return Err("usage: golden_archive OUT WRITER".into());
    };
    let out = PathBuf::from(out);
    fs::create_dir(&out)?;
    fs::write(out.join(".writer"), writer)?;
    write(&out)?;
    roll_up(&out)?;
    keep_tables_only(&out)
}

fn write(out: &Path) -> Result<()> {
    let mut archive = Archive::open(ArchiveOptions {
        path: out.to_owned(),
        buffer_bytes: 16 << 20,
        flush_interval: Duration::from_secs(300),
        compression_level: LEVEL,
    })?;
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../proto/testdata");
    let mut position = 0;
    let mut flushes = records::flushes(&recorded)?;
    flushes.push(records::findings());
    flushes.push(records::spans());
    for flush in flushes {
        for record in &flush {
            position += 1000;
            archive.write(Position(position), record);
        }
        archive.flush()?;
    }
    Ok(())
}

/// Both days, as they are rolled up when they have ended.
fn roll_up(out: &Path) -> Result<()> {
    let options = KeeperOptions {
        compaction: CompactionOptions {
            compression_level: LEVEL,
            ..CompactionOptions::default()
        },
        ..KeeperOptions::default()
    };
    Keeper::open(out, options)?.roll_up_all(records::ENDED, |_| {})?;
    Ok(())
}

/// Removes what is for the writer alone.
fn keep_tables_only(out: &Path) -> Result<()> {
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        match entry.file_type()?.is_dir() {
            true if is_hidden => fs::remove_dir_all(entry.path())?,
            false => fs::remove_file(entry.path())?,
            true => {}
        }
    }
    Ok(())
}

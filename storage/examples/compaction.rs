//! What merging an archive's files costs and saves.
//!
//! ```text
//! compaction ARCHIVE [LEVEL]
//! ```
//!
//! ARCHIVE is a folder of tables that nobody has open, such as `leadsman archive simulate --as-flushed`
//! writes; its files are merged in place at zstd LEVEL (6). Prints, by table, bytes a row before and
//! after, and the CPU time and the peak of memory of all of it.

mod measure;

use std::collections::BTreeMap;
use std::env;
use std::path::Path;
use std::time::Instant;

use leadsman_storage::archive::{CompactionOptions, Keeper, KeeperOptions};

use measure::{peak_memory, sizes};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().collect();
    let archive = Path::new(args.get(1).ok_or("usage: compaction ARCHIVE [LEVEL]")?);
    let compression_level = args.get(2).map_or(Ok(6), |text| text.parse())?;
    let options = KeeperOptions {
        compaction: CompactionOptions {
            compression_level,
            ..CompactionOptions::default()
        },
        ..KeeperOptions::default()
    };
    let before = sizes(archive)?;
    let mut keeper = Keeper::open(archive, options)?;
    let start = Instant::now();
    let mut rows: BTreeMap<&'static str, (usize, usize)> = BTreeMap::new();
    keeper.compact_all(|merged| {
        // What is merged last is the whole of a day.
        let (all, last) = rows.entry(merged.table).or_default();
        *all += merged.n_rows;
        *last = merged.n_rows;
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let after = sizes(archive)?;
    for (table, (bytes, n_files)) in &before {
        let (all, last) = rows.get(table.as_str()).copied().unwrap_or_default();
        let (bytes_after, n_files_after) = after.get(table).copied().unwrap_or_default();
        let each = |bytes: u64| bytes as f64 / last.max(1) as f64;
        println!(
            "{table:18} {n_files:>5} → {n_files_after:<3} files {bytes:>10} → {bytes_after:<10} bytes \
             {:.3} → {:.3} a row; {last} rows, {all} written",
            each(*bytes),
            each(bytes_after)
        );
    }
    let written: usize = rows.values().map(|(all, _)| all).sum();
    let each = seconds * 1e9 / written.max(1) as f64;
    println!(
        "{seconds:.2} s, {each:.0} ns a row written; peak memory {}",
        peak_memory()
    );
    Ok(())
}

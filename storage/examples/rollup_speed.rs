//! How fast days are rolled up, and how small what comes out is.
//!
//! ```text
//! rollup_speed ARCHIVE
//! ```
//!
//! ARCHIVE is a folder of tables that nobody has open, such as `leadsman archive simulate --as-flushed`
//! writes; all its days are rolled up. Prints bytes by table, the time that it took and the peak of
//! memory.

mod measure;

use std::env;
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use leadsman_storage::archive::{Keeper, KeeperOptions};
use proto::UnixMillis;

use measure::{peak_memory, sizes};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let args: Vec<String> = env::args().collect();
    let archive = Path::new(args.get(1).ok_or("usage: rollup_speed ARCHIVE")?);
    let before: u64 = sizes(archive)?.values().map(|(bytes, _)| bytes).sum();
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as i64;
    let start = Instant::now();
    let mut keeper = Keeper::open(archive, KeeperOptions::default())?;
    let n_rolled_up = keeper.roll_up_all(UnixMillis(now), |_| {})?;
    let seconds = start.elapsed().as_secs_f64();
    let after = sizes(archive)?;
    for (table, (bytes, n_files)) in &after {
        println!("{table:21} {n_files:>5} files {bytes:>11} bytes");
    }
    let all: u64 = after.values().map(|(bytes, _)| bytes).sum();
    println!(
        "{n_rolled_up} rollups in {seconds:.2} s: {} bytes of {before} raw ones; peak memory {}",
        all - before,
        peak_memory()
    );
    Ok(())
}

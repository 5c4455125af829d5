//! `leadsman archive ls`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use storage::archive::{ArchiveFile, Inspection, Resolution, inspect};

use super::place::{Place, below};
use super::table::{Cell, Format, TextTable};
use crate::cli::{data, output::print};

/// List what is there, by table and day; of a bucket (s3://BUCKET/PREFIX, gs://…, az://…) without
/// numbers of rows
#[derive(Debug, clap::Args)]
pub(super) struct LsArgs {
    #[command(flatten)]
    place: Place,
    /// Only this table
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Only days since this one (UTC)
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// Only days before this one (UTC)
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<String>,
    /// List each file
    #[arg(long)]
    files: bool,
    /// How to print it
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    output: Format,
}

impl LsArgs {
    /// Prints the list.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let asked = Inspection {
            table: self.table,
            from: self.from,
            until: self.until,
        };
        let (root, found) = match self.place.bucket()? {
            Some(url) => {
                let found = data::open(&url)?.inspect(&asked);
                let place = data::Place::Bucket(url);
                let found = found.map_err(|error| place.failed(error))?;
                (PathBuf::from(place.to_string()), found)
            }
            None => {
                let root = self.place.tables()?;
                let found = inspect(&root, &asked)?;
                (root, found)
            }
        };
        let table = if self.files {
            let mut table = TextTable::new(&["file", "resolution", "rows", "size"]);
            for file in &found {
                let path = Cell::Text(below(&file.path, &root).to_string());
                table.push(vec![
                    path,
                    Cell::Text(named(file.resolution)),
                    rows(file.n_rows),
                    Cell::Bytes(file.n_bytes),
                ]);
            }
            table
        } else {
            by_day(&found)
        };
        print(table.print(self.output).as_bytes())
    }
}

/// The files of a table and day.
struct Sum {
    resolution: String,
    n_files: u64,
    n_rows: Option<u64>,
    n_bytes: u64,
}

fn by_day(found: &[ArchiveFile]) -> TextTable {
    let mut days: BTreeMap<(&str, &str), Sum> = BTreeMap::new();
    for file in found {
        let sum = days.entry((file.table, &file.date)).or_insert_with(|| Sum {
            resolution: named(file.resolution),
            n_files: 0,
            n_rows: Some(0),
            n_bytes: 0,
        });
        sum.n_files += 1;
        sum.n_rows = sum.n_rows.zip(file.n_rows).map(|(all, n)| all + n);
        sum.n_bytes += file.n_bytes;
    }
    let mut table = TextTable::new(&["table", "resolution", "date", "files", "rows", "size"]);
    for ((name, date), sum) in days {
        table.push(vec![
            Cell::Text(name.to_owned()),
            Cell::Text(sum.resolution),
            Cell::Text(date.to_owned()),
            Cell::Count(sum.n_files),
            rows(sum.n_rows),
            Cell::Bytes(sum.n_bytes),
        ]);
    }
    table
}

/// Unknown where a footer cannot be read, and of buckets.
fn rows(n_rows: Option<u64>) -> Cell {
    n_rows.map_or(Cell::Nothing, Cell::Count)
}

/// As the tables' names have it.
pub(super) fn named(resolution: Resolution) -> String {
    match resolution {
        Resolution::Raw => "raw",
        Resolution::FiveMinutes => "5m",
        Resolution::OneHour => "1h",
    }
    .to_owned()
}

//! `leadsman archive stats`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::Context as _;
use indicatif::HumanBytes;
use serde_json::{Value, json};
use storage::archive::{ArchiveFile, Inspection, NamedCount, inspect, series_counts};

use super::ls::named;
use super::place::Place;
use super::table::{Cell, Format, TextTable};
use crate::cli::output::print;

/// Days whose mean is the present growth.
const GROWTH_DAYS: usize = 7;

/// Sum up sizes: by table, growth a day, days until the disk is full, the largest metrics
#[derive(Debug, clap::Args)]
pub(super) struct StatsArgs {
    #[command(flatten)]
    place: Place,
    /// How many metrics and targets to name
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// How to print it: csv is the table alone
    #[arg(
        short,
        long,
        value_name = "FORMAT",
        value_enum,
        default_value = "table"
    )]
    output: Format,
}

/// What a table takes.
#[derive(Default)]
struct Size {
    resolution: String,
    n_files: u64,
    n_rows: u64,
    n_bytes: u64,
    plain: u64,
    packed: u64,
}

/// How the archive grows.
struct Growth {
    bytes_a_day: Option<u64>,
    free_bytes: u64,
    profile_share: f64,
}

impl StatsArgs {
    /// Prints the sums.
    pub(super) fn run(self) -> anyhow::Result<()> {
        let root = self.place.tables()?;
        let files = inspect(&root, &Inspection::default())?;
        let sizes = sizes(&files);
        let growth = Growth::of(&files, &root)?;
        let counts = series_counts(&root)?;
        let top = |counts: &[NamedCount], what: &'static str| {
            let mut table = TextTable::new(&[what, "series"]);
            for NamedCount { name, n } in counts.iter().take(self.top) {
                table.push(vec![Cell::Text(name.clone()), Cell::Count(*n)]);
            }
            table
        };
        let (metrics, targets) = (
            top(&counts.metrics, "metric"),
            top(&counts.targets, "target"),
        );
        let text = match self.output {
            Format::Csv => sizes.print(Format::Csv),
            Format::Json => {
                let whole = json!({
                    "tables": sizes.json(), "growth": growth.json(),
                    "series_of": counts.date, "metrics": metrics.json(), "targets": targets.json(),
                });
                format!("{whole:#}\n")
            }
            Format::Table => {
                let [metrics, targets] = [metrics, targets].map(|table| table.print(Format::Table));
                let series = format!("Most series on {}:\n{metrics}\n{targets}", counts.date);
                format!(
                    "{}\n{}\n{series}",
                    sizes.print(Format::Table),
                    growth.text()
                )
            }
        };
        print(text.as_bytes())
    }
}

fn sizes(files: &[ArchiveFile]) -> TextTable {
    let mut by_table: BTreeMap<&str, Size> = BTreeMap::new();
    let mut all = Size::default();
    for file in files {
        let table = by_table.entry(file.table).or_default();
        table.resolution = named(file.resolution);
        for size in [table, &mut all] {
            size.n_files += 1;
            size.n_rows += file.n_rows.unwrap_or(0);
            size.n_bytes += file.n_bytes;
            size.plain += file.column_bytes.0;
            size.packed += file.column_bytes.1;
        }
    }
    let columns = [
        "table",
        "resolution",
        "files",
        "rows",
        "size",
        "bytes/row",
        "compression",
    ];
    let mut table = TextTable::new(&columns);
    for (name, size) in by_table.into_iter().chain([("all", all)]) {
        table.push(size.row(name));
    }
    table
}

impl Size {
    fn row(self, name: &str) -> Vec<Cell> {
        let ratio = |of: u64, to: u64| {
            if to == 0 {
                Cell::Nothing
            } else {
                Cell::Number(of as f64 / to as f64)
            }
        };
        vec![
            Cell::Text(name.to_owned()),
            Cell::Text(self.resolution),
            Cell::Count(self.n_files),
            Cell::Count(self.n_rows),
            Cell::Bytes(self.n_bytes),
            ratio(self.n_bytes, self.n_rows),
            ratio(self.plain, self.packed),
        ]
    }
}

impl Growth {
    /// By the newest whole days: the last one may still be under way.
    fn of(files: &[ArchiveFile], root: &Path) -> anyhow::Result<Self> {
        let days: BTreeSet<&str> = files.iter().map(|file| &*file.date).collect();
        let recent: Vec<&str> = days.into_iter().rev().skip(1).take(GROWTH_DAYS).collect();
        let of_recent = files
            .iter()
            .filter(|file| recent.contains(&&*file.date))
            .map(|file| file.n_bytes);
        let bytes_a_day = of_recent.sum::<u64>().checked_div(recent.len() as u64);
        let disk = rustix::fs::statvfs(root)
            .with_context(|| format!("failed to ask for the space left at {}", root.display()))?;
        let of_profiles = files.iter().filter(|file| is_of_profiles(file.table));
        let whole: u64 = files.iter().map(|file| file.n_bytes).sum();
        let profiles: u64 = of_profiles.map(|file| file.n_bytes).sum();
        Ok(Self {
            bytes_a_day,
            free_bytes: disk.f_bavail * disk.f_frsize,
            profile_share: profiles as f64 / whole.max(1) as f64,
        })
    }

    /// Days until the disk is full, if nothing is pruned meanwhile.
    fn days_left(&self) -> Option<u64> {
        self.bytes_a_day
            .and_then(|bytes| self.free_bytes.checked_div(bytes))
    }

    fn text(&self) -> String {
        let mut text = format!("Profiles take {:.0} %. ", 100.0 * self.profile_share);
        text += &match (self.bytes_a_day, self.days_left()) {
            (Some(bytes), Some(days)) => format!(
                "A day takes {} (mean of the last {GROWTH_DAYS} whole days at most): the {} left on the disk are enough for {days} days without pruning.\n",
                HumanBytes(bytes),
                HumanBytes(self.free_bytes),
            ),
            _ => "No day is over yet, so growth is not known.\n".to_owned(),
        };
        text
    }

    fn json(&self) -> Value {
        json!({
            "bytes_a_day": self.bytes_a_day, "free_bytes": self.free_bytes,
            "days_left": self.days_left(), "profile_share": self.profile_share,
        })
    }
}

fn is_of_profiles(table: &str) -> bool {
    table.starts_with("profile") || matches!(table, "stacks" | "function_trend")
}

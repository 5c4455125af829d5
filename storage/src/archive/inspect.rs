//! What is in an archive: files, rows, sizes, by table and day, from names and footers.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use arrow_array::{Array as _, StringArray, StructArray};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use super::day::Day;
use super::error::ArchiveError;
use super::files;
use super::reading::{self, Columns};
use super::table::{Resolution, Table};

/// Which files to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Only this table.
    pub table: Option<String>,
    /// Only days since this one, as `YYYY-MM-DD`.
    pub from: Option<String>,
    /// Only days before this one.
    pub until: Option<String>,
}

/// A file of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Its table.
    pub table: &'static str,
    /// How much time its rows stand for.
    pub resolution: Resolution,
    /// Its day in UTC, as `YYYY-MM-DD`.
    pub date: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its size. Bytes.
    pub n_bytes: u64,
    /// Its rows; `None` if its footer cannot be read, or is in a bucket.
    pub n_rows: Option<u64>,
    /// What its columns take before they are compressed, and after. Bytes; zero with no rows.
    pub column_bytes: (u64, u64),
}

/// Lists the archive's files by table and day. One that goes meanwhile is left out.
///
/// # Errors
/// When there is no such table, a date is none, or the file system refuses to list folders.
pub fn inspect(root: &Path, asked: &Inspection) -> Result<Vec<ArchiveFile>, ArchiveError> {
    Inspector::new(root).inspect(asked)
}

/// Lists the files of one archive again and again. Files never change, so the footer of each is read
/// once; what is gone is forgotten.
#[derive(Debug)]
pub struct Inspector {
    root: PathBuf,
    /// What the last listing found, by path.
    known: HashMap<PathBuf, ArchiveFile>,
}

impl Inspector {
    /// Of the archive in a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            known: HashMap::new(),
        }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// As [`inspect`].
    ///
    /// # Errors
    /// As [`inspect`].
    pub fn inspect(&mut self, asked: &Inspection) -> Result<Vec<ArchiveFile>, ArchiveError> {
        let root = self.root.as_path();
        let mut known = std::mem::take(&mut self.known);
        let mut found = Vec::new();
        for (table, day) in asked.partitions(root, |table| files::days(root, table))? {
            for file in files::files(root, table, day)? {
                let path = file.path(root);
                match known.remove(&path) {
                    Some(file) => found.push(file),
                    None => found.extend(describe(table, day, path)?),
                }
            }
        }
        // One without a footer may still be on its way here.
        let whole = found.iter().filter(|file| file.n_rows.is_some());
        self.known = whole
            .map(|file| (file.path.clone(), file.clone()))
            .collect();
        Ok(found)
    }
}

impl Inspection {
    /// Days of tables to look at, of those that there are. Messages call the archive `root`.
    pub(super) fn partitions(
        &self,
        root: &Path,
        days: impl Fn(Table) -> Result<Vec<Day>, ArchiveError>,
    ) -> Result<Vec<(Table, Day)>, ArchiveError> {
        let from = day(root, self.from.as_deref())?;
        let until = day(root, self.until.as_deref())?;
        if let Some(name) = &self.table
            && Table::parse(name).is_none()
        {
            let known: Vec<&str> = Table::ALL.iter().map(|table| table.name()).collect();
            let what = format!("there is no table {name}: there are {}", known.join(", "));
            return Err(ArchiveError::damaged(root, what));
        }
        let is_asked = |table: &Table| self.table.as_ref().is_none_or(|name| name == table.name());
        let mut found = Vec::new();
        for table in Table::ALL.into_iter().filter(is_asked) {
            let days = days(table)?.into_iter();
            let days = days.filter(|day| from.is_none_or(|from| *day >= from));
            let days = days.filter(|day| until.is_none_or(|until| *day < until));
            found.extend(days.map(|day| (table, day)));
        }
        Ok(found)
    }
}

fn day(root: &Path, text: Option<&str>) -> Result<Option<Day>, ArchiveError> {
    let Some(text) = text else {
        return Ok(None);
    };
    let day = Day::parse(text).ok_or_else(|| {
        ArchiveError::damaged(root, format!("{text} is no date such as 2026-11-21"))
    });
    day.map(Some)
}

fn describe(table: Table, day: Day, path: PathBuf) -> Result<Option<ArchiveFile>, ArchiveError> {
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ArchiveError::io("open", &path)(error)),
    };
    let n_bytes = file
        .metadata()
        .map_err(ArchiveError::io("inspect", &path))?
        .len();
    let footer = ParquetMetaDataReader::new().parse_and_finish(&file).ok();
    Ok(Some(ArchiveFile {
        table: table.name(),
        resolution: table.resolution(),
        date: day.to_string(),
        path,
        n_bytes,
        n_rows: footer
            .as_ref()
            .map(|footer| footer.file_metadata().num_rows().max(0) as u64),
        column_bytes: footer.as_ref().map(column_bytes).unwrap_or_default(),
    }))
}

fn column_bytes(footer: &ParquetMetaData) -> (u64, u64) {
    let columns = footer
        .row_groups()
        .iter()
        .flat_map(RowGroupMetaData::columns);
    columns.fold((0, 0), |(plain, packed), column| {
        (
            plain + column.uncompressed_size().max(0) as u64,
            packed + column.compressed_size().max(0) as u64,
        )
    })
}

/// A name, and how many there are of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCount {
    /// The name.
    pub name: String,
    /// How many.
    pub n: u64,
}

/// Series of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeriesCounts {
    /// The day in UTC, as `YYYY-MM-DD`; empty if the archive has no series.
    pub date: String,
    /// Series by metric name, the most first.
    pub metrics: Vec<NamedCount>,
    /// Series by `JOB/INSTANCE`, the most first.
    pub targets: Vec<NamedCount>,
}

/// Counts the series of the newest day. Memory is bounded by the number of names and targets.
///
/// # Errors
/// When a file of that day cannot be read.
pub fn series_counts(root: &Path) -> Result<SeriesCounts, ArchiveError> {
    let Some(day) = files::days(root, Table::MetricSeries)?.pop() else {
        return Ok(SeriesCounts::default());
    };
    let (mut metrics, mut targets) = (HashMap::new(), HashMap::new());
    for file in files::files(root, Table::MetricSeries, day)? {
        let path = file.path(root);
        for batch in reading::open(&path, &["name", "job", "instance"])? {
            let batch = StructArray::from(batch?);
            let columns = Columns::new(&batch, &path);
            let [names, jobs, instances] =
                ["name", "job", "instance"].map(|name| columns.get::<StringArray>(name));
            let (names, jobs, instances) = (names?, jobs?, instances?);
            for row in 0..names.len() {
                *metrics.entry(names.value(row).to_owned()).or_default() += 1;
                let target = format!("{}/{}", jobs.value(row), instances.value(row));
                *targets.entry(target).or_default() += 1;
            }
        }
    }
    Ok(SeriesCounts {
        date: day.to_string(),
        metrics: most_first(metrics),
        targets: most_first(targets),
    })
}

fn most_first(counts: HashMap<String, u64>) -> Vec<NamedCount> {
    let mut counts: Vec<NamedCount> = counts
        .into_iter()
        .map(|(name, n)| NamedCount { name, n })
        .collect();
    counts.sort_by(|left, right| {
        right
            .n
            .cmp(&left.n)
            .then_with(|| left.name.cmp(&right.name))
    });
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;
    use crate::archive::Archive;
    use crate::archive::testing::{NOW, layout, options, scrape, target};

    #[test]
    fn files_are_listed_by_table_and_day_with_their_rows() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let mut archive = Archive::open(options(root)).unwrap();
        let layout = layout(&target("a:1"), &["Range", "Put"]);
        for (position, time) in [(10, NOW.0), (20, NOW.0 + 86_400_000)] {
            let time = proto::UnixMillis(time);
            archive.write(Position(position), &scrape(&layout, time, &[1.0, 2.0]));
        }
        archive.flush().unwrap();
        let asked = Inspection {
            table: Some("metric_points".to_owned()),
            ..Inspection::default()
        };
        let files = inspect(root, &asked).unwrap();
        let found: Vec<_> = files
            .iter()
            .map(|file| (file.table, &*file.date, file.n_rows))
            .collect();
        assert_eq!(
            found,
            [
                ("metric_points", "2026-11-21", Some(2)),
                ("metric_points", "2026-11-22", Some(2))
            ]
        );
        assert!(
            files
                .iter()
                .all(|file| file.n_bytes > file.column_bytes.1 && file.column_bytes.1 > 0)
        );
        let later = Inspection {
            from: Some("2026-11-22".to_owned()),
            ..Inspection::default()
        };
        assert!(
            inspect(root, &later)
                .unwrap()
                .iter()
                .all(|file| file.date == "2026-11-22")
        );
        let unknown = Inspection {
            table: Some("points".to_owned()),
            ..Inspection::default()
        };
        assert!(
            inspect(root, &unknown)
                .unwrap_err()
                .to_string()
                .contains("there is no table points")
        );

        // What is known is not opened again, what is gone is not told, what is new is.
        let mut inspector = Inspector::new(root);
        assert_eq!(inspector.inspect(&asked).unwrap(), files);
        std::fs::write(&files[0].path, "not read").unwrap();
        assert_eq!(inspector.inspect(&asked).unwrap(), files);
        std::fs::copy(&files[1].path, &files[0].path).unwrap();
        std::fs::remove_file(&files[1].path).unwrap();
        assert_eq!(inspector.inspect(&asked).unwrap(), files[..1]);
        std::fs::copy(&files[0].path, &files[1].path).unwrap();
        assert_eq!(inspector.inspect(&asked).unwrap(), files);

        let counts = series_counts(root).unwrap();
        assert_eq!(counts.date, "2026-11-22");
        assert_eq!(
            (&*counts.metrics[0].name, counts.metrics[0].n),
            ("requests_total", 2)
        );
        assert_eq!(
            (&*counts.targets[0].name, counts.targets[0].n),
            ("etcd/a:1", 2)
        );
    }
}

//! What the newest files tell of the time before a start, so that a start is no change.

use std::fs::File;
use std::path::Path;

use arrow_array::{Array as _, Int64Array, StringArray, StructArray, TimestampMillisecondArray};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::statistics::Statistics;
use proto::UnixMillis;
use proto::event::kind;
use proto::target::TargetId;
use tracing::warn;

use super::Watch;
use super::facts::Facts;
use super::state::Life;
use crate::archive::day::Day;
use crate::archive::error::ArchiveError;
use crate::archive::file_name::WriterId;
use crate::archive::files::{self, TablePath};
use crate::archive::reading::{self, Columns};
use crate::archive::table::Table;

/// Days that are read. A target that was away for longer is new, one that has been down for longer
/// goes down again.
const DAYS: usize = 7;

/// Something that changes whether a target is there.
struct Turn {
    time: UnixMillis,
    id: TargetId,
    life: Life,
}

/// Reads back what `writer` knew. A file that cannot be read is skipped: what it told is then told
/// once more.
pub(in crate::archive) fn read_back(root: &Path, writer: WriterId) -> Watch {
    let mut watch = Watch::default();
    let mut turns = Vec::new();
    for file in newest(root, writer, Table::Targets, DAYS) {
        told(&file, root, read_targets(&file, root, &mut watch));
    }
    for file in newest(root, writer, Table::Events, DAYS) {
        told(
            &file,
            root,
            read_events(&file, root, &mut watch, &mut turns),
        );
    }
    turns.sort_by_key(|turn| turn.time);
    for turn in turns {
        watch.targets.entry(turn.id).or_default().life = turn.life;
    }
    for (table, per_milli) in [(Table::MetricPoints, 1), (Table::Profiles, 1000)] {
        let files = newest(root, writer, table, 1).into_iter();
        if let Some(file) = files.max_by_key(|file| file.name.to) {
            let latest = latest_time(&file, root).map(|time| {
                watch.last = watch
                    .last
                    .max(time.map(|time| UnixMillis(time / per_milli)));
            });
            told(&file, root, latest);
        }
    }
    watch
}

fn told(file: &TablePath, root: &Path, result: Result<(), ArchiveError>) {
    if let Err(error) = result {
        let path = file.path(root);
        warn!(path = %path.display(), error = %crate::ErrorChain(&error), "skipped a damaged archive file");
    }
}

/// A writer's files of the newest days of a table, in order of day and position.
fn newest(root: &Path, writer: WriterId, table: Table, n_days: usize) -> Vec<TablePath> {
    // A folder that cannot be read is told by the flush that needs it.
    let mut days = files::days(root, table).unwrap_or_default();
    let days = days.split_off(days.len().saturating_sub(n_days));
    let files = days.into_iter().flat_map(|day: Day| {
        let files = files::files(root, table, day).unwrap_or_default();
        files.into_iter().filter(|file| file.name.writer == writer)
    });
    files.collect()
}

fn read_targets(file: &TablePath, root: &Path, watch: &mut Watch) -> Result<(), ArchiveError> {
    let path = file.path(root);
    let names = [
        "target_id",
        "time",
        "scheme",
        "address",
        "version",
        "go_version",
        "started",
    ];
    for batch in reading::open(&path, &names)? {
        let batch = StructArray::from(batch?);
        let columns = Columns::new(&batch, &path);
        let ids: &Int64Array = columns.get("target_id")?;
        let times: &TimestampMillisecondArray = columns.get("time")?;
        let started: &TimestampMillisecondArray = columns.get("started")?;
        let [schemes, addresses] = [columns.get("scheme")?, columns.get("address")?];
        let [versions, go_versions] = [columns.get("version")?, columns.get("go_version")?];
        for row in 0..columns.len() {
            let time = UnixMillis(times.value(row));
            watch.last = watch.last.max(Some(time));
            let id = TargetId(ids.value(row).cast_unsigned());
            let state = watch.targets.entry(id).or_default();
            if state.seen.is_some_and(|seen| seen > time) {
                continue;
            }
            state.seen = Some(time);
            state.day = Some(file.day);
            state.life = Life::There;
            state.scheme = text(schemes, row).unwrap_or_default();
            state.address = text(addresses, row).unwrap_or_default();
            state.facts = Facts {
                version: text(versions, row),
                go_version: text(go_versions, row),
                started: started
                    .is_valid(row)
                    .then(|| UnixMillis(started.value(row))),
            };
        }
    }
    Ok(())
}

fn text(column: &StringArray, row: usize) -> Option<String> {
    column.is_valid(row).then(|| column.value(row).to_owned())
}

fn read_events(
    file: &TablePath,
    root: &Path,
    watch: &mut Watch,
    turns: &mut Vec<Turn>,
) -> Result<(), ArchiveError> {
    let path = file.path(root);
    for batch in reading::open(&path, &["time", "kind", "target_id"])? {
        let batch = StructArray::from(batch?);
        let columns = Columns::new(&batch, &path);
        let times: &TimestampMillisecondArray = columns.get("time")?;
        let kinds: &StringArray = columns.get("kind")?;
        let ids: &Int64Array = columns.get("target_id")?;
        for row in 0..columns.len() {
            let time = UnixMillis(times.value(row));
            watch.last = watch.last.max(Some(time));
            let life = match kinds.value(row) {
                kind::DOWN => Life::Down(time),
                kind::UP | kind::TARGET_NEW => Life::There,
                kind::TARGET_GONE => Life::Gone,
                _ => continue,
            };
            if ids.is_valid(row) {
                let id = TargetId(ids.value(row).cast_unsigned());
                turns.push(Turn { time, id, life });
            }
        }
    }
    Ok(())
}

/// The latest time in a file by its statistics, in the unit of its column.
fn latest_time(file: &TablePath, root: &Path) -> Result<Option<i64>, ArchiveError> {
    let path = file.path(root);
    let open = File::open(&path).map_err(ArchiveError::io("open", &path))?;
    let reader = SerializedFileReader::new(open).map_err(ArchiveError::parquet("open", &path))?;
    let groups = reader.metadata().row_groups().iter();
    let columns = groups.flat_map(RowGroupMetaData::columns);
    let times = columns.filter(|column| column.column_path().string() == "time");
    let latest = times.filter_map(|column| match column.statistics() {
        Some(Statistics::Int64(statistics)) => statistics.max_opt().copied(),
        _ => None,
    });
    Ok(latest.max())
}

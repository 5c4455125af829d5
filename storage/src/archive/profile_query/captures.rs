//! Rows of `profiles` → captures.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array as _, BooleanArray, Int32Array, Int64Array, ListArray, MapArray, StringArray, StructArray,
};
use proto::profile::Mapping;
use proto::{Labels, Target, UnixNanos};

use super::ProfileQuery;
use crate::archive::ArchiveError;
use crate::archive::reading::{self, Columns};

/// A capture without its samples.
#[derive(Debug)]
pub(super) struct Capture {
    pub(super) target: Arc<Target>,
    pub(super) kind: String,
    pub(super) is_delta: bool,
    pub(super) time_nanos: i64,
    pub(super) duration_nanos: i64,
    pub(super) period_type: [String; 2],
    pub(super) period: i64,
    pub(super) comments: Vec<String>,
    /// drop_frames, keep_frames, doc_url
    pub(super) texts: [String; 3],
    pub(super) mappings: Vec<StoredMapping>,
    /// In no particular order.
    pub(super) types: Vec<SampleType>,
}

/// A sample type of a capture.
#[derive(Debug)]
pub(super) struct SampleType {
    pub(super) profile_id: u64,
    /// Its place among the capture's types.
    pub(super) idx: i32,
    pub(super) kind: String,
    pub(super) unit: String,
    pub(super) is_default: bool,
}

/// A mapping with its texts.
#[derive(Debug)]
pub(super) struct StoredMapping {
    /// Without texts.
    pub(super) mapping: Mapping,
    pub(super) file: String,
    pub(super) build_id: String,
}

/// Captures by time and id.
pub(super) type Captures = BTreeMap<(i64, u64), Capture>;

const COLUMNS: [&str; 21] = [
    "profile_id",
    "capture_id",
    "time_nanos",
    "duration_nanos",
    "labels",
    "scheme",
    "address",
    "kind",
    "type_idx",
    "sample_type",
    "sample_unit",
    "is_default_type",
    "period_type",
    "period_unit",
    "period",
    "is_delta",
    "comments",
    "drop_frames",
    "keep_frames",
    "doc_url",
    "mappings",
];

/// Adds the captures of a file that the query asks for.
pub(super) fn read(
    query: &ProfileQuery,
    path: &Path,
    into: &mut Captures,
) -> Result<(), ArchiveError> {
    for batch in reading::open(path, &COLUMNS)? {
        let batch = StructArray::from(batch?);
        let rows = ProfileRows::new(Columns::new(&batch, path))?;
        for row in 0..batch.len() {
            rows.read(query, row, into)?;
        }
    }
    Ok(())
}

struct ProfileRows<'a> {
    columns: Columns<'a>,
    labels: &'a MapArray,
    comments: &'a ListArray,
    mappings: &'a ListArray,
}

impl<'a> ProfileRows<'a> {
    fn new(columns: Columns<'a>) -> Result<Self, ArchiveError> {
        let (labels, comments) = (columns.get("labels")?, columns.get("comments")?);
        Ok(Self {
            columns,
            labels,
            comments,
            mappings: columns.get("mappings")?,
        })
    }

    fn read(
        &self,
        query: &ProfileQuery,
        row: usize,
        into: &mut Captures,
    ) -> Result<(), ArchiveError> {
        let time_nanos = self.number("time_nanos", row)?;
        let kind = self.text("kind", row)?;
        let labels = self.labels(row)?;
        if !query.matches(&labels, kind, UnixNanos(time_nanos)) {
            return Ok(());
        }
        let sample_type = SampleType {
            profile_id: self.number("profile_id", row)?.cast_unsigned(),
            idx: self.columns.get::<Int32Array>("type_idx")?.value(row),
            kind: self.text("sample_type", row)?.to_owned(),
            unit: self.text("sample_unit", row)?.to_owned(),
            is_default: self.flag("is_default_type", row)?,
        };
        let key = (time_nanos, self.number("capture_id", row)?.cast_unsigned());
        match into.get_mut(&key) {
            Some(capture) => capture.types.push(sample_type),
            None => {
                into.insert(key, self.capture(row, labels, sample_type)?);
            }
        }
        Ok(())
    }

    fn capture(
        &self,
        row: usize,
        labels: Labels,
        sample_type: SampleType,
    ) -> Result<Capture, ArchiveError> {
        let text = |name| Ok::<_, ArchiveError>(self.text(name, row)?.to_owned());
        let target = Target {
            labels,
            scheme: text("scheme")?,
            address: text("address")?,
        };
        Ok(Capture {
            target: Arc::new(target),
            kind: text("kind")?,
            is_delta: self.flag("is_delta", row)?,
            time_nanos: self.number("time_nanos", row)?,
            duration_nanos: self.number("duration_nanos", row)?,
            period_type: [text("period_type")?, text("period_unit")?],
            period: self.number("period", row)?,
            comments: self.comments(row)?,
            texts: [text("drop_frames")?, text("keep_frames")?, text("doc_url")?],
            mappings: self.mappings(row)?,
            types: vec![sample_type],
        })
    }

    fn labels(&self, row: usize) -> Result<Labels, ArchiveError> {
        let pairs = self.labels.value(row);
        let pairs = self.columns.of(&pairs);
        let (keys, values) = (
            pairs.get::<StringArray>("key")?,
            pairs.get::<StringArray>("value")?,
        );
        let pairs = keys
            .iter()
            .zip(values)
            .filter_map(|(key, value)| Some((key?, value?)));
        Ok(Labels::from_pairs(pairs))
    }

    fn comments(&self, row: usize) -> Result<Vec<String>, ArchiveError> {
        let comments = self.comments.value(row);
        let texts: Option<&StringArray> = comments.as_any().downcast_ref();
        let texts = texts.ok_or_else(|| self.columns.wrong("comments"))?;
        Ok(texts.iter().flatten().map(ToOwned::to_owned).collect())
    }

    fn mappings(&self, row: usize) -> Result<Vec<StoredMapping>, ArchiveError> {
        let items = self.mappings.value(row);
        let items: Option<&StructArray> = items.as_any().downcast_ref();
        let items = self
            .columns
            .of(items.ok_or_else(|| self.columns.wrong("mappings"))?);
        (0..items.len()).map(|row| mapping(&items, row)).collect()
    }

    fn number(&self, name: &str, row: usize) -> Result<i64, ArchiveError> {
        Ok(self.columns.get::<Int64Array>(name)?.value(row))
    }

    fn text(&self, name: &str, row: usize) -> Result<&'a str, ArchiveError> {
        Ok(self.columns.get::<StringArray>(name)?.value(row))
    }

    fn flag(&self, name: &str, row: usize) -> Result<bool, ArchiveError> {
        Ok(self.columns.get::<BooleanArray>(name)?.value(row))
    }
}

fn mapping(items: &Columns<'_>, row: usize) -> Result<StoredMapping, ArchiveError> {
    let number =
        |name| Ok::<_, ArchiveError>(items.get::<Int64Array>(name)?.value(row).cast_unsigned());
    let flag = |name| Ok::<_, ArchiveError>(items.get::<BooleanArray>(name)?.value(row));
    let text = |name| Ok::<_, ArchiveError>(items.get::<StringArray>(name)?.value(row).to_owned());
    let mapping = Mapping {
        memory_start: number("memory_start")?,
        memory_limit: number("memory_limit")?,
        file_offset: number("file_offset")?,
        has_functions: flag("has_functions")?,
        has_filenames: flag("has_filenames")?,
        has_line_numbers: flag("has_line_numbers")?,
        has_inline_frames: flag("has_inline_frames")?,
        ..Mapping::default()
    };
    Ok(StoredMapping {
        mapping,
        file: text("file")?,
        build_id: text("build_id")?,
    })
}

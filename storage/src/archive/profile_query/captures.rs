//! Rows of `profiles` → captures.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array as _, BooleanArray, Int32Array, Int64Array, ListArray, MapArray, StringArray, StructArray,
};
use proto::profile::Mapping;
use proto::{Labels, Target, UnixNanos};

use crate::archive::ArchiveError;
use crate::archive::reading::{Columns, Rows};

/// A capture without its samples.
#[derive(Debug)]
pub(in crate::archive) struct Capture {
    pub(in crate::archive) target: Arc<Target>,
    pub(in crate::archive) kind: String,
    pub(in crate::archive) is_delta: bool,
    /// How many captures it is made of; more than one in a window.
    pub(in crate::archive) n_captures: u64,
    pub(in crate::archive) time_nanos: i64,
    pub(in crate::archive) duration_nanos: i64,
    pub(in crate::archive) period_type: [String; 2],
    pub(in crate::archive) period: i64,
    pub(in crate::archive) comments: Vec<String>,
    /// drop_frames, keep_frames, doc_url
    pub(in crate::archive) texts: [String; 3],
    pub(in crate::archive) mappings: Vec<StoredMapping>,
    /// In no particular order.
    pub(in crate::archive) types: Vec<SampleType>,
}

/// A sample type of a capture.
#[derive(Debug)]
pub(in crate::archive) struct SampleType {
    pub(in crate::archive) profile_id: u64,
    pub(in crate::archive) series_id: u64,
    /// Its place among the capture's types.
    pub(in crate::archive) idx: i32,
    pub(in crate::archive) kind: String,
    pub(in crate::archive) unit: String,
    pub(in crate::archive) is_default: bool,
}

/// A mapping with its texts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::archive) struct StoredMapping {
    /// Without texts.
    pub(in crate::archive) mapping: Mapping,
    pub(in crate::archive) file: String,
    pub(in crate::archive) build_id: String,
}

/// Captures by time and id.
pub(in crate::archive) type Captures = BTreeMap<(i64, u64), Capture>;

/// What is read of `profiles`, and of the tables of its windows.
pub(in crate::archive) const COLUMNS: [&str; 23] = [
    "series_id",
    "n_captures",
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

/// Whether captures of a target, of a kind, at a time are wanted.
pub(in crate::archive) type IsWanted<'a> = &'a dyn Fn(&Labels, &str, UnixNanos) -> bool;

/// Adds the captures among rows of [`COLUMNS`] that are wanted.
pub(in crate::archive) fn read(
    rows: Rows,
    path: &Path,
    is_wanted: IsWanted<'_>,
    into: &mut Captures,
) -> Result<(), ArchiveError> {
    for batch in rows {
        let batch = StructArray::from(batch?);
        let rows = ProfileRows::new(Columns::new(&batch, path))?;
        for row in 0..batch.len() {
            rows.read(is_wanted, row, into)?;
        }
    }
    Ok(())
}

/// The rows of a batch of `profiles`.
pub(in crate::archive) struct ProfileRows<'a> {
    columns: Columns<'a>,
    labels: &'a MapArray,
    comments: &'a ListArray,
    mappings: &'a ListArray,
}

impl<'a> ProfileRows<'a> {
    pub(in crate::archive) fn new(columns: Columns<'a>) -> Result<Self, ArchiveError> {
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
        is_wanted: IsWanted<'_>,
        row: usize,
        into: &mut Captures,
    ) -> Result<(), ArchiveError> {
        let time_nanos = self.number("time_nanos", row)?;
        let kind = self.text("kind", row)?;
        let labels = self.labels(row)?;
        if !is_wanted(&labels, kind, UnixNanos(time_nanos)) {
            return Ok(());
        }
        let sample_type = self.sample_type(row)?;
        let key = (time_nanos, self.number("capture_id", row)?.cast_unsigned());
        match into.get_mut(&key) {
            Some(capture) => capture.types.push(sample_type),
            None => {
                into.insert(key, self.capture(row, labels, sample_type)?);
            }
        }
        Ok(())
    }

    /// The sample type that a row stands for.
    pub(in crate::archive) fn sample_type(&self, row: usize) -> Result<SampleType, ArchiveError> {
        Ok(SampleType {
            profile_id: self.number("profile_id", row)?.cast_unsigned(),
            series_id: self.number("series_id", row)?.cast_unsigned(),
            idx: self.columns.get::<Int32Array>("type_idx")?.value(row),
            kind: self.text("sample_type", row)?.to_owned(),
            unit: self.text("sample_unit", row)?.to_owned(),
            is_default: self.flag("is_default_type", row)?,
        })
    }

    /// What a row says of its capture.
    pub(in crate::archive) fn capture(
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
            n_captures: match self.columns.find::<Int64Array>("n_captures") {
                Some(n_captures) => n_captures.value(row).cast_unsigned(),
                None => 1,
            },
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

    /// The labels of the target.
    pub(in crate::archive) fn labels(&self, row: usize) -> Result<Labels, ArchiveError> {
        self.columns.labels(self.labels, row)
    }

    pub(in crate::archive) fn comments(&self, row: usize) -> Result<Vec<String>, ArchiveError> {
        let comments = self.comments.value(row);
        let texts: Option<&StringArray> = comments.as_any().downcast_ref();
        let texts = texts.ok_or_else(|| self.columns.wrong("comments"))?;
        Ok(texts.iter().flatten().map(ToOwned::to_owned).collect())
    }

    pub(in crate::archive) fn mappings(
        &self,
        row: usize,
    ) -> Result<Vec<StoredMapping>, ArchiveError> {
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

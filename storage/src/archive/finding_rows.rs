//! Findings as rows of `findings`, and back.

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Float64Array, Int64Array, ListArray, MapArray, RecordBatch, StringArray,
    StructArray, TimestampMillisecondArray,
};
use arrow_schema::ArrowError;
use proto::finding::{FindingId, FindingState, Rule, Severity};
use proto::{Finding, Labels, Target, UnixMillis};

use super::columns::{LabelsColumn, ListLengths};
use super::error::ArchiveError;
use super::reading::Columns;
use super::schema::link_fields;

/// The columns of some rows.
pub(super) fn finding_columns(rows: &[&Finding]) -> Result<Vec<ArrayRef>, ArrowError> {
    let rows = Rows(rows);
    Ok(vec![
        rows.ids(|row| row.id.0),
        rows.ids(|row| row.incident),
        rows.ids(|row| row.target.id().0),
        rows.times(|row| row.time),
        rows.times(|row| row.since),
        rows.texts(|row| row.state.as_str()),
        rows.texts(|row| row.severity.as_str()),
        rows.texts(|row| row.rule.as_str()),
        rows.texts(|row| row.target.job()),
        rows.texts(|row| row.target.instance()),
        rows.labels(|row| &row.target.labels)?,
        rows.texts(|row| &row.target.scheme),
        rows.texts(|row| &row.target.address),
        rows.texts(|row| &row.signal),
        rows.labels(|row| &row.labels)?,
        rows.texts(|row| &row.unit),
        rows.numbers(|row| row.before),
        rows.numbers(|row| row.now),
        rows.numbers(|row| row.lower),
        rows.numbers(|row| row.upper),
        rows.numbers(|row| row.score),
        rows.texts(|row| &row.title),
        rows.texts(|row| &row.explanation),
        rows.texts(|row| &row.cause),
        rows.texts(|row| &row.remedy),
        rows.links()?,
        rows.captures()?,
    ])
}

/// Findings, of which each column takes one thing.
struct Rows<'a>(&'a [&'a Finding]);

impl<'a> Rows<'a> {
    fn ids(&self, id: impl Fn(&Finding) -> u64) -> ArrayRef {
        let ids = self.0.iter().map(|row| id(row).cast_signed());
        Arc::new(Int64Array::from_iter_values(ids))
    }

    fn times(&self, time: impl Fn(&Finding) -> UnixMillis) -> ArrayRef {
        let times = self.0.iter().map(|row| time(row).0);
        let times = TimestampMillisecondArray::from_iter_values(times);
        Arc::new(times.with_timezone("UTC"))
    }

    fn texts(&self, text: impl Fn(&'a Finding) -> &'a str) -> ArrayRef {
        let texts = self.0.iter().map(|row| text(row));
        Arc::new(StringArray::from_iter_values(texts))
    }

    /// What is not a number is NULL.
    fn numbers(&self, number: impl Fn(&Finding) -> f64) -> ArrayRef {
        let numbers = self.0.iter().map(|row| Some(number(row)));
        let numbers = numbers.map(|number| number.filter(|number| !number.is_nan()));
        Arc::new(Float64Array::from_iter(numbers))
    }

    fn labels(&self, labels: impl Fn(&'a Finding) -> &'a Labels) -> Result<ArrayRef, ArrowError> {
        let mut column = LabelsColumn::default();
        for row in self.0 {
            column.push(labels(row));
        }
        column.finish()
    }

    fn links(&self) -> Result<ArrayRef, ArrowError> {
        let mut lengths = ListLengths::default();
        for row in self.0 {
            lengths.push(row.links.len());
        }
        let links = || self.0.iter().flat_map(|row| &row.links);
        let names = StringArray::from_iter_values(links().map(|(name, _)| name));
        let urls = StringArray::from_iter_values(links().map(|(_, url)| url));
        lengths.finish_structs(link_fields(), vec![Arc::new(names), Arc::new(urls)])
    }

    fn captures(&self) -> Result<ArrayRef, ArrowError> {
        let mut lengths = ListLengths::default();
        for row in self.0 {
            lengths.push(row.captures.len());
        }
        let ids = self.0.iter().flat_map(|row| &row.captures);
        let ids = Int64Array::from_iter_values(ids.map(|id| id.cast_signed()));
        lengths.finish(Arc::new(ids))
    }
}

/// The findings of a batch of whole rows of the file `path`. What a newer leadsman calls by a word
/// that this one does not know is damage.
pub(super) fn findings_of(batch: RecordBatch, path: &Path) -> Result<Vec<Finding>, ArchiveError> {
    let batch = StructArray::from(batch);
    let reader = Reader {
        columns: Columns::new(&batch, path),
        path,
    };
    (0..batch.len()).map(|row| reader.finding(row)).collect()
}

struct Reader<'a> {
    columns: Columns<'a>,
    path: &'a Path,
}

impl Reader<'_> {
    fn finding(&self, row: usize) -> Result<Finding, ArchiveError> {
        let target = Target {
            labels: self.labels("labels", row)?,
            scheme: self.text("scheme", row)?.to_owned(),
            address: self.text("address", row)?.to_owned(),
        };
        let text = |name| self.text(name, row).map(str::to_owned);
        Ok(Finding {
            id: FindingId(self.id("finding_id", row)?),
            incident: self.id("incident", row)?,
            target: Arc::new(target),
            signal: text("signal")?,
            labels: self.labels("signal_labels", row)?,
            rule: self.word("rule", row, Rule::parse)?,
            state: self.word("state", row, FindingState::parse)?,
            severity: self.word("severity", row, Severity::parse)?,
            time: self.time("time", row)?,
            since: self.time("since", row)?,
            unit: text("unit")?,
            before: self.number("before", row)?,
            now: self.number("now", row)?,
            lower: self.number("lower", row)?,
            upper: self.number("upper", row)?,
            score: self.number("score", row)?,
            title: text("title")?,
            explanation: text("explanation")?,
            cause: text("cause")?,
            remedy: text("remedy")?,
            links: self.links(row)?,
            captures: self.captures(row)?,
        })
    }

    fn id(&self, name: &str, row: usize) -> Result<u64, ArchiveError> {
        let column: &Int64Array = self.columns.get(name)?;
        Ok(column.value(row).cast_unsigned())
    }

    fn time(&self, name: &str, row: usize) -> Result<UnixMillis, ArchiveError> {
        let column: &TimestampMillisecondArray = self.columns.get(name)?;
        Ok(UnixMillis(column.value(row)))
    }

    fn text(&self, name: &str, row: usize) -> Result<&str, ArchiveError> {
        Ok(self.columns.get::<StringArray>(name)?.value(row))
    }

    fn number(&self, name: &str, row: usize) -> Result<f64, ArchiveError> {
        let column: &Float64Array = self.columns.get(name)?;
        Ok(match column.is_valid(row) {
            true => column.value(row),
            false => f64::NAN,
        })
    }

    fn labels(&self, name: &str, row: usize) -> Result<Labels, ArchiveError> {
        let column: &MapArray = self.columns.get(name)?;
        self.columns.labels(column, row)
    }

    fn word<T>(
        &self,
        name: &str,
        row: usize,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T, ArchiveError> {
        let word = self.text(name, row)?;
        parse(word).ok_or_else(|| {
            ArchiveError::damaged(
                self.path,
                format!("{name} {word:?} of a finding is not known"),
            )
        })
    }

    fn links(&self, row: usize) -> Result<Vec<(String, String)>, ArchiveError> {
        let items = self.columns.get::<ListArray>("links")?.value(row);
        let items: Option<&StructArray> = items.as_any().downcast_ref();
        let items = self
            .columns
            .of(items.ok_or_else(|| self.columns.wrong("links"))?);
        let names: &StringArray = items.get("name")?;
        let urls: &StringArray = items.get("url")?;
        let pairs = names.iter().zip(urls);
        let pairs = pairs.filter_map(|(name, url)| Some((name?.to_owned(), url?.to_owned())));
        Ok(pairs.collect())
    }

    fn captures(&self, row: usize) -> Result<Vec<u64>, ArchiveError> {
        let items = self.columns.get::<ListArray>("captures")?.value(row);
        let items: Option<&Int64Array> = items.as_any().downcast_ref();
        let items = items.ok_or_else(|| self.columns.wrong("captures"))?;
        Ok(items.values().iter().map(|id| id.cast_unsigned()).collect())
    }
}

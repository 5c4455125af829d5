//! Which series match, over all days: the labels of a series are read once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::{Int64Array, MapArray, StringArray, StructArray};
use proto::selector::Matcher;

use super::{Series, SeriesQuery};
use crate::archive::error::ArchiveError;
use crate::archive::files::TablePath;
use crate::archive::reading::Columns;
use crate::archive::recall::scan::{Ids, Scan};
use crate::archive::recall::{Recall, RecallError};

/// Columns by whose values most series are told apart before their labels are read.
const QUICK: [(&str, &str); 3] = [
    ("name", "__name__"),
    ("job", "job"),
    ("instance", "instance"),
];

/// Series by id; `None` if one is known not to match.
type ById = HashMap<u64, Option<Arc<Series>>>;

/// The series that are known so far.
pub(super) struct Known<'a> {
    query: &'a SeriesQuery,
    by_id: Mutex<ById>,
}

impl<'a> Known<'a> {
    pub(super) fn new(query: &'a SeriesQuery) -> Self {
        Self {
            query,
            by_id: Mutex::default(),
        }
    }

    /// A series that matches.
    pub(super) fn get(&self, id: u64) -> Option<Arc<Series>> {
        self.by_id().get(&id).cloned().flatten()
    }

    /// Adds a series that matches.
    pub(super) fn add(&self, id: u64, series: Arc<Series>) {
        self.by_id().insert(id, Some(series));
    }

    /// All that match.
    pub(super) fn into_series(self) -> HashMap<u64, Arc<Series>> {
        let by_id = self.by_id.into_inner();
        let by_id = by_id.unwrap_or_else(PoisonError::into_inner).into_iter();
        by_id
            .filter_map(|(id, series)| Some((id, series?)))
            .collect()
    }

    /// The ids of the series that match and are described in some files of `metric_series`.
    pub(super) fn of_day(
        &self,
        recall: &Recall,
        files: &[TablePath],
        left_out: &mut Vec<ArchiveError>,
    ) -> Result<Ids, RecallError> {
        let mut all = Vec::new();
        for file in files {
            match self.of_file(recall, file) {
                Ok(ids) => all.extend(ids),
                Err(error) if error.is_gone() => return Err(error.into()),
                Err(error) => left_out.push(error),
            }
            self.check_limit()?;
        }
        Ok(Ids::new(all))
    }

    fn of_file(&self, recall: &Recall, file: &TablePath) -> Result<Vec<u64>, ArchiveError> {
        let candidates = self.candidates(recall, file)?;
        let unknown = {
            let by_id = self.by_id();
            let ids = candidates.iter().copied();
            Ids::new(ids.filter(|id| !by_id.contains_key(id)))
        };
        if !unknown.is_empty() {
            self.read_labels(recall, file, &unknown)?;
        }
        let by_id = self.by_id();
        let matches = |id: &u64| by_id.get(id).is_some_and(Option::is_some);
        Ok(candidates.into_iter().filter(matches).collect())
    }

    /// The value of the name that pages are skipped by.
    fn name(&self) -> Option<(&str, &str)> {
        let name = self.query.selector.only_value("__name__")?;
        Some(("name", name))
    }

    /// Series that match as far as the quick columns say.
    fn candidates(&self, recall: &Recall, file: &TablePath) -> Result<Vec<u64>, ArchiveError> {
        let columns = ["series_id", "name", "job", "instance"];
        let scan = Scan {
            columns: &columns,
            text: self.name(),
            ids: None,
        };
        let path = recall.files.describe(file);
        let mut quick = QUICK.map(|(column, label)| Quick::new(column, self.matchers(label)));
        let mut candidates = Vec::new();
        for batch in scan.open(&*recall.files, file)? {
            let batch = StructArray::from(batch?);
            let columns = Columns::new(&batch, &path);
            let ids: &Int64Array = columns.get("series_id")?;
            let mut keep = vec![true; ids.len()];
            for column in quick
                .iter_mut()
                .filter(|column| !column.matchers.is_empty())
            {
                column.narrow(columns.get(column.name)?, &mut keep);
            }
            let kept = ids.values().iter().zip(keep).filter(|(_, keep)| *keep);
            candidates.extend(kept.map(|(id, _)| id.cast_unsigned()));
        }
        Ok(candidates)
    }

    fn matchers(&self, label: &str) -> Vec<&Matcher> {
        let matchers = self.query.selector.matchers.iter();
        matchers.filter(|matcher| matcher.name() == label).collect()
    }

    /// Reads the labels of some series, and whether they match.
    fn read_labels(
        &self,
        recall: &Recall,
        file: &TablePath,
        unknown: &Ids,
    ) -> Result<(), ArchiveError> {
        let scan = Scan {
            columns: &["series_id", "kind", "unit", "help", "labels"],
            text: self.name(),
            ids: Some(("series_id", unknown)),
        };
        let path = recall.files.describe(file);
        let mut texts: HashMap<String, Arc<str>> = HashMap::new();
        for batch in scan.open(&*recall.files, file)? {
            let batch = StructArray::from(batch?);
            let columns = Columns::new(&batch, &path);
            let ids: &Int64Array = columns.get("series_id")?;
            let maps: &MapArray = columns.get("labels")?;
            let [kinds, units, helps] = ["kind", "unit", "help"].map(|name| columns.get(name));
            let (kinds, units, helps): (&StringArray, &StringArray, &StringArray) =
                (kinds?, units?, helps?);
            let mut shared = |text: &str| match texts.get(text) {
                Some(known) => Arc::clone(known),
                None => {
                    let new: Arc<str> = text.into();
                    texts.insert(text.to_owned(), Arc::clone(&new));
                    new
                }
            };
            for (row, id) in ids.values().iter().enumerate() {
                let labels = columns.labels(maps, row)?;
                let series = self.query.selector.matches(&labels).then(|| {
                    Arc::new(Series {
                        labels,
                        kind: shared(kinds.value(row)),
                        unit: shared(units.value(row)),
                        help: shared(helps.value(row)),
                        samples: Vec::new(),
                        windows: Vec::new(),
                    })
                });
                self.by_id().insert(id.cast_unsigned(), series);
            }
        }
        Ok(())
    }

    fn check_limit(&self) -> Result<(), RecallError> {
        let limit = self.query.limits.n_series;
        let n_series = self.by_id().values().flatten().count();
        if n_series > limit {
            return Err(RecallError::TooManySeries { limit });
        }
        Ok(())
    }

    fn by_id(&self) -> MutexGuard<'_, ById> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A column of texts of which many that follow each other are equal.
struct Quick<'a> {
    name: &'static str,
    matchers: Vec<&'a Matcher>,
    last: Option<(String, bool)>,
}

impl<'a> Quick<'a> {
    fn new(name: &'static str, matchers: Vec<&'a Matcher>) -> Self {
        Self {
            name,
            matchers,
            last: None,
        }
    }

    /// Leaves out the rows that do not match.
    fn narrow(&mut self, values: &StringArray, keep: &mut [bool]) {
        for (row, keep) in keep.iter_mut().enumerate().filter(|(_, keep)| **keep) {
            let value = values.value(row);
            let known = self.last.as_ref().filter(|(last, _)| last == value);
            *keep = known.map_or_else(
                || {
                    self.matchers
                        .iter()
                        .all(|matcher| matcher.matches_value(value))
                },
                |(_, is_match)| *is_match,
            );
            if known.is_none() {
                self.last = Some((value.to_owned(), *keep));
            }
        }
    }
}

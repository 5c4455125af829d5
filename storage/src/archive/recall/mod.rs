//! Fast answers from the archive, in bounded memory and without a query engine.
//!
//! [`Recall::series`] reads series by matchers and time at the right resolution, [`Recall::profile`]
//! merges profiles, [`Recall::profile_series`] and [`Recall::profile_totals`] tell what there is of them
//! without reading samples, [`Recall::findings`] tells what was found. What is in the log and in no file yet is part of every answer.
//!
//! Recall knows the tables and how to read little of them. It does not know who asks, nor where the
//! files are: that is behind [`source::Files`].

#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod allowance;
mod error;
mod findings;
#[doc(hidden)]
pub mod generate;
mod open_findings;
mod parallel;
mod profiles;
mod scan;
mod series;
mod snapshot;
pub(in crate::archive) mod source;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::source::{Files, LocalFiles};

pub use self::allowance::Allowance;
pub use self::error::RecallError;
pub use self::findings::{FindingAnswer, FindingQuery};
pub use self::profiles::{
    MergedProfile, ProfileCatalog, ProfileSelection, ProfileSeries, ProfileTotals, SeriesTotals,
    TotalsQuery,
};
pub use self::series::{
    Asked, Sample, Series, SeriesAnswer, SeriesLimits, SeriesQuery, Window, WindowValues,
};

/// An archive to be asked. Cheap to clone; nothing is kept open between answers.
#[derive(Clone, Debug)]
pub struct Recall {
    files: Arc<dyn Files>,
    /// Folder of the log with what is not in files yet.
    log: Option<PathBuf>,
    /// What a question may take.
    allowance: Allowance,
}

impl Recall {
    /// The archive in a folder: that of the tables, or leadsman's data folder, which holds it as
    /// `archive`. The log is the folder `log` beside the tables, if there is one. A leadsman may be
    /// running on both.
    pub fn open(folder: &Path) -> Self {
        let inner = folder.join("archive");
        let tables = if inner.is_dir() { &inner } else { folder };
        let log = tables.parent().map(|data| data.join("log"));
        Self {
            files: Arc::new(LocalFiles::new(tables)),
            log: log.filter(|log| log.is_dir()),
            allowance: Allowance::default(),
        }
    }

    /// An archive whose files are elsewhere; no log is beside them.
    pub(in crate::archive) fn over(files: Arc<dyn Files>) -> Self {
        Self {
            files,
            log: None,
            allowance: Allowance::default(),
        }
    }

    /// The same archive for a question that may take so much, and may be taken back.
    #[must_use]
    pub fn within(&self, allowance: &Allowance) -> Self {
        Self {
            allowance: allowance.clone(),
            ..self.clone()
        }
    }
}

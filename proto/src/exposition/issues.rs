//! Samples that were left out of a page that was otherwise good.

/// Why something was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueReason {
    /// The page has the series more than once; the first one was kept.
    DuplicateSeries,
    /// An explicit timestamp more than ten minutes ahead of the scrape.
    TimestampOutOfRange,
}

impl IssueReason {
    /// Every reason, for registering metrics.
    pub const ALL: [Self; 2] = [Self::DuplicateSeries, Self::TimestampOutOfRange];

    /// A short, stable word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DuplicateSeries => "duplicate_series",
            Self::TimestampOutOfRange => "timestamp_out_of_range",
        }
    }
}

/// What was left out of a page: counts by reason, each with its first example.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issues {
    counted: Vec<(IssueReason, usize, String)>,
}

impl Issues {
    /// Whether nothing was left out.
    pub fn is_empty(&self) -> bool {
        self.counted.is_empty()
    }

    /// Reasons with their counts and first examples.
    pub fn iter(&self) -> impl Iterator<Item = (IssueReason, usize, &str)> {
        self.counted
            .iter()
            .map(|(reason, count, example)| (*reason, *count, example.as_str()))
    }

    /// How often `reason` occurred.
    pub fn count(&self, reason: IssueReason) -> usize {
        self.iter()
            .find(|(candidate, ..)| *candidate == reason)
            .map_or(0, |(_, count, _)| count)
    }

    pub(super) fn add(&mut self, reason: IssueReason, example: impl FnOnce() -> String) {
        match self
            .counted
            .iter_mut()
            .find(|(candidate, ..)| *candidate == reason)
        {
            Some((_, count, _)) => *count += 1,
            None => self.counted.push((reason, 1, example())),
        }
    }
}

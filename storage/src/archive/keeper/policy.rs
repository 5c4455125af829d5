//! How long rows are kept, and how much of the disk they may take.

use std::time::Duration;

use crate::archive::table::{Resolution, Table};

const DAY: Duration = Duration::from_secs(86_400);

/// How long rows are kept. Whole days go, the oldest first, when all of their rows are too old, or
/// when the tables take too much of the disk. Rows wait for their windows to be made, unless the disk
/// does not; windows stay at least as long as the rows they are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// Rows as they were sounded.
    pub raw: Duration,
    /// Windows of five minutes.
    pub five_minutes: Duration,
    /// Windows of an hour, function trends, and the tables of targets, events and findings.
    pub one_hour: Duration,
    /// Tables that are kept for another time, by name. Names that are no tables are left out.
    pub tables: Vec<(String, Duration)>,
    /// Size of all tables above which days are dropped. Bytes.
    pub max_bytes: Option<u64>,
    /// Free space on the disk below which days are dropped. Bytes; of a small disk a tenth.
    pub min_free_bytes: u64,
    /// How long the clock must have said that rows are too old before they go: a clock that is
    /// wrong for a while costs nothing.
    pub grace: Duration,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self {
            raw: 15 * DAY,
            five_minutes: 90 * DAY,
            one_hour: 1825 * DAY,
            tables: Vec::new(),
            max_bytes: None,
            min_free_bytes: 1 << 30,
            grace: Duration::from_secs(3600),
        }
    }
}

impl RetentionPolicy {
    /// Names of the tables, for whoever reads a configuration.
    pub fn table_names() -> impl Iterator<Item = &'static str> {
        Table::ALL.into_iter().map(Table::name)
    }

    /// How long rows of a table are kept, what refers to them apart.
    pub(super) fn age(&self, table: Table) -> Duration {
        let own = self.tables.iter().rev();
        let own = own
            .filter(|(name, _)| name == table.name())
            .map(|(_, age)| *age)
            .next();
        own.unwrap_or(match class(table) {
            Resolution::Raw => self.raw,
            Resolution::FiveMinutes => self.five_minutes,
            Resolution::OneHour => self.one_hour,
        })
    }
}

/// In which order days go: as long as what tables of this resolution hold.
pub(super) fn class(table: Table) -> Resolution {
    match table {
        // Small, and what explains the rest.
        Table::Targets | Table::Events | Table::Findings => Resolution::OneHour,
        other => other.resolution(),
    }
}

/// Tables whose rows name rows of this one, on the same day; of windows the rows they are made of,
/// without which they would be taken for missing and made again.
pub(in crate::archive) fn referrers(table: Table) -> &'static [Table] {
    match table {
        Table::MetricSeries => &[
            Table::MetricPoints,
            Table::MetricHistograms,
            Table::MetricExemplars,
            Table::MetricRollups5m,
            Table::MetricRollups1h,
            Table::MetricHistograms5m,
            Table::MetricHistograms1h,
        ],
        Table::Stacks => &[
            Table::ProfileSamples,
            Table::ProfileSamples5m,
            Table::ProfileSamples1h,
        ],
        // A profile says how many samples it has.
        Table::ProfileSamples => &[Table::Profiles],
        Table::ProfileSamples5m => &[Table::Profiles5m],
        Table::ProfileSamples1h => &[Table::Profiles1h],
        Table::Targets => &[Table::Events, Table::Findings],
        Table::MetricRollups5m | Table::MetricRollups1h => &[Table::MetricPoints],
        Table::MetricHistograms5m | Table::MetricHistograms1h => &[Table::MetricHistograms],
        Table::Profiles5m | Table::Profiles1h | Table::FunctionTrend => &[Table::Profiles],
        _ => &[],
    }
}

//! The tables: their names, what they hold, and how their columns are laid out in files.
//!
//! `storage/SCHEMA.md` describes them for whoever queries them. Encodings were chosen by
//! measuring repeated scrapes; see [`Table::writer_properties`].

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Version of all schemas together, in every file's footer. Columns may be added under the
/// same version; a changed meaning, and new tables, get a new one.
pub(super) const SCHEMA_VERSION: u32 = 4;

/// A table of the archive.
///
/// The order is the order in which a flush makes files visible: what is referred to comes
/// before what refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    MetricSeries,
    MetricPoints,
    MetricHistograms,
    MetricExemplars,
    Stacks,
    ProfileSamples,
    Profiles,
    Targets,
    Events,
    MetricRollups5m,
    MetricRollups1h,
    MetricHistograms5m,
    MetricHistograms1h,
    ProfileSamples5m,
    ProfileSamples1h,
    Profiles5m,
    Profiles1h,
    FunctionTrend,
    Findings,
    Spans,
}

/// What a file is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// Some minutes of rows that were buffered, or windows of them.
    Flush,
    /// Other files.
    Merge,
}

/// How much time one row of a table stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// As it was sounded.
    #[default]
    Raw,
    /// Windows of five minutes.
    FiveMinutes,
    /// Windows of an hour.
    OneHour,
}

impl Table {
    pub(super) const ALL: [Self; 20] = [
        Self::MetricSeries,
        Self::MetricPoints,
        Self::MetricHistograms,
        Self::MetricExemplars,
        Self::Stacks,
        Self::ProfileSamples,
        Self::Profiles,
        Self::Targets,
        Self::Events,
        Self::MetricRollups5m,
        Self::MetricRollups1h,
        Self::MetricHistograms5m,
        Self::MetricHistograms1h,
        Self::ProfileSamples5m,
        Self::ProfileSamples1h,
        Self::Profiles5m,
        Self::Profiles1h,
        Self::FunctionTrend,
        Self::Findings,
        Self::Spans,
    ];

    /// Its name, which is also its folder's.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::MetricSeries => "metric_series",
            Self::MetricPoints => "metric_points",
            Self::MetricHistograms => "metric_histograms",
            Self::MetricExemplars => "metric_exemplars",
            Self::Stacks => "stacks",
            Self::ProfileSamples => "profile_samples",
            Self::Profiles => "profiles",
            Self::Targets => "targets",
            Self::Events => "events",
            Self::MetricRollups5m => "metric_rollups_5m",
            Self::MetricRollups1h => "metric_rollups_1h",
            Self::MetricHistograms5m => "metric_histograms_5m",
            Self::MetricHistograms1h => "metric_histograms_1h",
            Self::ProfileSamples5m => "profile_samples_5m",
            Self::ProfileSamples1h => "profile_samples_1h",
            Self::Profiles5m => "profiles_5m",
            Self::Profiles1h => "profiles_1h",
            Self::FunctionTrend => "function_trend",
            Self::Findings => "findings",
            Self::Spans => "spans",
        }
    }

    /// The table of a name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// How much time one row stands for.
    pub(super) fn resolution(self) -> Resolution {
        match self {
            Self::MetricRollups5m
            | Self::MetricHistograms5m
            | Self::ProfileSamples5m
            | Self::Profiles5m => Resolution::FiveMinutes,
            Self::MetricRollups1h
            | Self::MetricHistograms1h
            | Self::ProfileSamples1h
            | Self::Profiles1h
            | Self::FunctionTrend => Resolution::OneHour,
            _ => Resolution::Raw,
        }
    }

    /// The columns that every file is sorted by. Ids are ordered as the unsigned hashes they are.
    /// Where a file has several rows of one key they are in the order in which they were logged.
    ///
    /// `stacks` are in an order that only one writing has (same callers side by side).
    pub(super) fn sort_key(self) -> &'static [&'static str] {
        match self {
            Self::MetricSeries => &["name", "job", "instance", "series_id"],
            Self::MetricPoints
            | Self::MetricHistograms
            | Self::MetricHistograms5m
            | Self::MetricHistograms1h
            | Self::MetricExemplars
            | Self::Profiles
            | Self::Profiles5m
            | Self::Profiles1h => &["series_id", "time"],
            Self::Stacks => &[],
            Self::ProfileSamples | Self::ProfileSamples5m | Self::ProfileSamples1h => {
                &["series_id", "stack_id"]
            }
            Self::Targets => &["job", "instance", "time"],
            Self::Events | Self::Findings => &["time"],
            Self::Spans => &["service", "time", "trace_id", "span_id"],
            Self::MetricRollups5m | Self::MetricRollups1h => {
                &["name", "job", "instance", "series_id", "time"]
            }
            Self::FunctionTrend => &["series_id", "function", "time"],
        }
    }

    /// Whether rows with equal sort keys are one row that was written again.
    pub(super) fn is_unique(self) -> bool {
        matches!(
            self,
            Self::MetricSeries
                | Self::MetricPoints
                | Self::MetricHistograms
                | Self::MetricExemplars
                | Self::Spans
        )
    }

    /// How files of this table are written.
    ///
    /// Measured with recorded pages of etcd and a node exporter, as `tests/benches/archive_bytes`
    /// writes them:
    /// - `metric_points` takes 0.2 (hours in a file) to 0.75 bytes a row (20 samples of a series in
    ///   a file, of which 0.5 are ids).
    /// - A dictionary of `time` takes 0.1 bytes a row where scrapes are some milliseconds late,
    ///   `DELTA_BINARY_PACKED` 0.5: all series of a target have the same times, and zstd finds
    ///   equal stretches of indices. Where there are too many times, deltas are the fallback.
    /// - In a merged file that dictionary is too large: indices are no whole bytes, and zstd finds
    ///   nothing equal in them (0.6 bytes a row). There `time` is plain, and pages are large, as zstd
    ///   looks no further than a page: of 10 and of 80 targets whose scrapes are up to 30 ms late it
    ///   takes 0.05 and 0.17 bytes a row in pages of 512 Ki rows, 0.18 and 0.63 in pages of 128 Ki.
    /// - Ids of a flush are plain: each is there a few times in a row, zstd makes no more of them than
    ///   of a dictionary and its indices (8 samples of a million series in a file: 2.0 bytes a row
    ///   instead of 3.0, 20 of ten thousand: 0.70 instead of 0.76), and nothing is looked up.
    /// - A dictionary of `value` halves it where little happens, and costs 10 to 30 % where much
    ///   does: plain.
    /// - Statistics and page indices of all columns made up half of a small file.
    /// - Whoever wants a few rows needs the whole dictionary of each column, too. Ids, which stand
    ///   together or are there once, have none. (Other columns of rollups with at most 32 KiB of it
    ///   took a quarter less time, but 1.6 times the bytes.)
    pub(super) fn writer_properties(self, level: ZstdLevel, origin: Origin) -> WriterProperties {
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("leadsman ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(self.page_statistics().is_empty())
            .set_data_page_row_count_limit(self.page_rows(origin))
            .set_max_row_group_row_count(Some(self.row_group_rows()));
        for name in self.statistics() {
            properties =
                properties.set_column_statistics_enabled(column(name), EnabledStatistics::Chunk);
        }
        for name in self.page_statistics() {
            properties =
                properties.set_column_statistics_enabled(column(name), EnabledStatistics::Page);
        }
        if self.is_read_by_few_rows() {
            properties = properties.set_column_dictionary_enabled(column("series_id"), false);
        }
        if self == Self::MetricPoints {
            let time = match origin {
                Origin::Flush => Encoding::DELTA_BINARY_PACKED,
                Origin::Merge => Encoding::PLAIN,
            };
            properties = properties
                .set_data_page_size_limit(8 * self.page_rows(origin))
                .set_column_encoding(column("series_id"), Encoding::PLAIN)
                .set_column_dictionary_enabled(column("series_id"), origin == Origin::Merge)
                .set_column_encoding(column("time"), time)
                .set_column_dictionary_enabled(column("time"), origin == Origin::Flush)
                .set_column_encoding(column("value"), Encoding::PLAIN)
                .set_column_dictionary_enabled(column("value"), false);
        }
        properties.build()
    }

    /// Whether of a file only few rows are wanted: those of a series or a name.
    fn is_read_by_few_rows(self) -> bool {
        matches!(
            self,
            Self::MetricSeries
                | Self::MetricRollups5m
                | Self::MetricRollups1h
                | Self::FunctionTrend
        )
    }

    /// Rows a page at most.
    fn page_rows(self, origin: Origin) -> usize {
        match self {
            _ if self.is_read_by_few_rows() => 4 * 1024,
            Self::MetricPoints if origin == Origin::Merge => 512 * 1024,
            _ => 128 * 1024,
        }
    }

    /// Rows a row group at most. A writer holds one in memory, encoded.
    fn row_group_rows(self) -> usize {
        match self {
            Self::MetricRollups5m | Self::MetricRollups1h => 256 * 1024,
            _ => 1024 * 1024,
        }
    }

    /// Columns by whose least and greatest value a reader may skip a row group.
    fn statistics(self) -> &'static [&'static str] {
        match self {
            Self::MetricSeries => &["name", "job", "instance", "series_id"],
            Self::MetricPoints
            | Self::MetricHistograms
            | Self::MetricHistograms5m
            | Self::MetricHistograms1h
            | Self::MetricExemplars => &["series_id", "time"],
            Self::MetricRollups5m | Self::MetricRollups1h => {
                &["name", "job", "instance", "series_id", "time"]
            }
            Self::Stacks => &["stack_id", "leaf"],
            Self::ProfileSamples | Self::ProfileSamples5m | Self::ProfileSamples1h => {
                &["series_id", "profile_id", "stack_id"]
            }
            Self::Targets => &["job", "instance", "time"],
            Self::Events => &["time", "kind"],
            Self::Findings => &["time", "finding_id", "incident", "target_id", "signal"],
            Self::FunctionTrend => &["series_id", "job", "kind", "function", "time"],
            Self::Spans => &["service", "time"],
            Self::Profiles | Self::Profiles5m | Self::Profiles1h => &[
                "time",
                "time_nanos",
                "series_id",
                "job",
                "instance",
                "kind",
                "sample_type",
            ],
        }
    }

    /// The columns of large files by which a reader may skip pages.
    fn page_statistics(self) -> &'static [&'static str] {
        match self {
            Self::MetricPoints
            | Self::MetricHistograms
            | Self::MetricHistograms5m
            | Self::MetricHistograms1h
            | Self::ProfileSamples
            | Self::ProfileSamples5m
            | Self::ProfileSamples1h => &["series_id"],
            Self::FunctionTrend => &["series_id", "function"],
            Self::MetricSeries => &["name"],
            Self::MetricRollups5m | Self::MetricRollups1h => {
                &["name", "job", "instance", "series_id"]
            }
            _ => &[],
        }
    }
}

fn column(name: &str) -> ColumnPath {
    ColumnPath::new(vec![name.to_owned()])
}

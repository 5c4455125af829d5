//! The tables: their names, and how their columns are laid out in files.
//!
//! `storage/SCHEMA.md` describes them for whoever queries them. Encodings were chosen by
//! measuring repeated scrapes; see [`Table::writer_properties`].

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

/// Version of all schemas together, in every file's footer. Columns may be added under the
/// same version; a changed meaning gets a new one.
pub(super) const SCHEMA_VERSION: u32 = 1;

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
}

impl Table {
    pub(super) const ALL: [Self; 7] = [
        Self::MetricSeries,
        Self::MetricPoints,
        Self::MetricHistograms,
        Self::MetricExemplars,
        Self::Stacks,
        Self::ProfileSamples,
        Self::Profiles,
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
        }
    }

    /// The table of a name.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// How files of this table are written.
    ///
    /// Measured with `storage/examples/archive_size.rs`:
    /// - `metric_points` takes 0.2 (hours in a file) to 0.75 bytes a row (20 samples of a series in
    ///   a file, of which 0.5 are ids).
    /// - A dictionary of `time` takes 0.1 bytes a row where scrapes are some milliseconds late,
    ///   `DELTA_BINARY_PACKED` 0.5: all series of a target have the same times, and zstd finds
    ///   equal stretches of indices. Where there are too many times, deltas are the fallback.
    /// - A dictionary of `value` halves it where little happens, and costs 10 to 30 % where much
    ///   does: plain.
    /// - Statistics and page indices of all columns made up half of a small file.
    pub(super) fn writer_properties(self, level: ZstdLevel) -> WriterProperties {
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("leadsman ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(self.page_statistics().is_none())
            .set_data_page_row_count_limit(PAGE_ROWS);
        for name in self.statistics() {
            properties =
                properties.set_column_statistics_enabled(column(name), EnabledStatistics::Chunk);
        }
        if let Some(name) = self.page_statistics() {
            properties =
                properties.set_column_statistics_enabled(column(name), EnabledStatistics::Page);
        }
        if self == Self::MetricPoints {
            properties = properties
                .set_column_encoding(column("time"), Encoding::DELTA_BINARY_PACKED)
                .set_column_encoding(column("value"), Encoding::PLAIN)
                .set_column_dictionary_enabled(column("value"), false);
        }
        properties.build()
    }

    /// Columns by whose least and greatest value a reader may skip a row group.
    fn statistics(self) -> &'static [&'static str] {
        match self {
            Self::MetricSeries => &["name", "job", "instance", "series_id"],
            Self::MetricPoints | Self::MetricHistograms | Self::MetricExemplars => {
                &["series_id", "time"]
            }
            Self::Stacks => &["stack_id", "leaf"],
            Self::ProfileSamples => &["series_id", "profile_id", "stack_id"],
            Self::Profiles => &[
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

    /// The column that large files are sorted by: a reader may skip pages.
    fn page_statistics(self) -> Option<&'static str> {
        match self {
            Self::MetricPoints | Self::MetricHistograms | Self::ProfileSamples => Some("series_id"),
            _ => None,
        }
    }
}

/// Rows a page at most.
const PAGE_ROWS: usize = 128 * 1024;

fn column(name: &str) -> ColumnPath {
    ColumnPath::new(vec![name.to_owned()])
}

//! The tables: their names, and how their columns are laid out in files.
//!
//! `storage/SCHEMA.md` describes them for whoever queries them. Encodings were chosen by
//! measuring repeated scrapes; see `storage/benches/archive_size.rs`.

use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
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
    pub(super) fn writer_properties(self, level: ZstdLevel) -> WriterProperties {
        let common = WriterProperties::builder()
            .set_created_by(concat!("leadsman ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(level))
            .set_statistics_enabled(EnabledStatistics::Chunk);
        match self {
            Self::MetricPoints => points_properties(common),
            Self::ProfileSamples => common.set_column_dictionary_enabled(column("value"), false),
            _ => common,
        }
        .build()
    }
}

/// Rows a page: readers that want one series skip the other pages by the column index.
const POINTS_PAGE_ROWS: usize = 128 * 1024;

fn points_properties(common: WriterPropertiesBuilder) -> WriterPropertiesBuilder {
    common
        .set_data_page_row_count_limit(POINTS_PAGE_ROWS)
        .set_column_statistics_enabled(column("series_id"), EnabledStatistics::Page)
        .set_column_dictionary_enabled(column("time"), false)
        .set_column_encoding(column("time"), Encoding::DELTA_BINARY_PACKED)
        .set_column_dictionary_enabled(column("value"), false)
        .set_column_encoding(column("value"), Encoding::PLAIN)
}

fn column(name: &str) -> ColumnPath {
    ColumnPath::new(vec![name.to_owned()])
}

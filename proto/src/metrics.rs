//! Metric samples: one scrape is a column of values over a shared, immutable layout.
//!
//! A target's page hardly ever changes its series from one scrape to the next, so what does not
//! change (families, series, labels) is one [`Layout`], shared by reference, and what does is a
//! plain `Vec<f64>`. Everything derived from the series alone (OTLP's grouping of histogram
//! buckets, the archive's series rows, the log's definition of the layout) is worked out once a
//! layout and not once a scrape.

use std::sync::Arc;

use crate::{Labels, Target, UnixMillis};

/// Bits of the NaN that marks a series as gone (Prometheus' `StaleNaN`, model/value/value.go).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Bits of the NaN of a series that is in the layout but has no sample in this scrape and was
/// not in the one before either. It never leaves leadsman: readers skip it.
pub const ABSENT_NAN_BITS: u64 = 0x7ff0_0000_0000_0003;

/// How the names of metrics begin that leadsman works out from a target's page: its signals.
pub const SIGNAL_PREFIX: &str = "leadsman_signal_";
/// How the names of signals begin that are worked out from profiles, after [`SIGNAL_PREFIX`].
pub const PROFILE_SIGNALS: &str = "profile_";
/// The label of signals that are worked out from profiles: the kind of the profile.
pub const PROFILE_LABEL: &str = "profile";
/// How the names of metrics begin that say what was expected of signals.
pub const BASELINE_PREFIX: &str = "leadsman_baseline_";

/// Where the samples of a batch come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// They were scraped.
    Page,
    /// They are signals, worked out from pages or from profiles: see [`Layout::part`].
    Signals,
    /// They are what was expected of signals.
    Baselines,
}

/// The stale marker.
pub fn stale_marker() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// The marker of a series without a sample in this scrape.
pub fn absent() -> f64 {
    f64::from_bits(ABSENT_NAN_BITS)
}

/// Whether `value` is the stale marker (an ordinary NaN is not).
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// Whether `value` means "no sample".
pub fn is_absent(value: f64) -> bool {
    value.to_bits() == ABSENT_NAN_BITS
}

/// Identity of a series over restarts and machines: [`Labels::hash64`] of all its labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesId(pub u64);

/// Identity of a [`Layout`]: a hash of its target and of its series in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayoutId(pub u64);

/// What a metric is (the union of the three exposition formats).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// `untyped` in text 0.0.4, `unknown` in OpenMetrics, or no TYPE at all.
    #[default]
    Unknown,
    /// Only goes up, or starts again from zero.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Classic (`_bucket`, `_sum`, `_count`) or native.
    Histogram,
    /// A histogram of gauges (OpenMetrics).
    GaugeHistogram,
    /// Quantiles worked out by the target.
    Summary,
    /// Labels as the payload (OpenMetrics).
    Info,
    /// One of several states (OpenMetrics).
    StateSet,
}

impl MetricKind {
    /// Its name in OpenMetrics (specification 1.0, "Metric Types").
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }
}

/// Metadata of a metric family: the lines `# TYPE`, `# HELP`, `# UNIT`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Family {
    /// The family's name, as in its TYPE line (without `_bucket`, `_total` in OpenMetrics, …).
    pub name: String,
    /// Its type.
    pub kind: MetricKind,
    /// Its help text, unescaped.
    pub help: String,
    /// Its unit, as exposed (`seconds`, `bytes`), or empty.
    pub unit: String,
}

/// One series of a layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Identity: the hash of `labels`.
    pub id: SeriesId,
    /// All labels: `__name__`, the metric's own and the target's.
    pub labels: Labels,
    /// Index into [`Layout::families`].
    pub family_idx: u32,
}

/// The series of one target's page, in the order of the page, with their metadata. Immutable and
/// shared by all scrapes that have the same series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Identity, derived from the rest by [`Layout::new`].
    pub id: LayoutId,
    /// Whose page this is.
    pub target: Arc<Target>,
    /// Families in the order of the page.
    pub families: Vec<Family>,
    /// Series in the order of the page; no series twice.
    pub series: Vec<Series>,
}

impl Layout {
    /// Puts a layout together and derives its identity.
    pub fn new(target: Arc<Target>, families: Vec<Family>, series: Vec<Series>) -> Self {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(&target.id().0.to_le_bytes());
        for family in &families {
            for text in [&family.name, &family.help, &family.unit] {
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            hasher.update(&[family.kind as u8]);
        }
        for series in &series {
            hasher.update(&series.id.0.to_le_bytes());
            hasher.update(&series.family_idx.to_le_bytes());
        }
        Self {
            id: LayoutId(hasher.digest()),
            target,
            families,
            series,
        }
    }

    /// Where samples with this layout come from. Our own page may have metrics of all kinds, but
    /// it begins with none of those that are worked out.
    pub fn origin(&self) -> Origin {
        let first = self.families.first().map_or("", |family| &family.name);
        if first.starts_with(SIGNAL_PREFIX) {
            Origin::Signals
        } else if first.starts_with(BASELINE_PREFIX) {
            Origin::Baselines
        } else {
            Origin::Page
        }
    }

    /// What is worked out for a target comes in parts: from its pages, and from each kind of its
    /// profiles. The kind of profile, or nothing for what comes from pages. A batch of one part says
    /// nothing of the others.
    pub fn part(&self) -> &str {
        let Some(first) = self.series.first() else {
            return "";
        };
        let labels = &first.labels;
        let signal = match self.origin() {
            Origin::Page => None,
            Origin::Signals => labels.metric_name().strip_prefix(SIGNAL_PREFIX),
            Origin::Baselines => labels.get("signal"),
        };
        let is_of_profile = signal.is_some_and(|name| name.starts_with(PROFILE_SIGNALS));
        let kind = is_of_profile.then(|| labels.get(PROFILE_LABEL));
        kind.flatten().unwrap_or("")
    }

    /// The family of a series.
    pub fn family(&self, series: &Series) -> Option<&Family> {
        self.families.get(series.family_idx as usize)
    }
}

/// The samples of one scrape of one target.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricBatch {
    /// The series; shared with the scrapes before and after.
    pub layout: Arc<Layout>,
    /// When the scrape started.
    pub time: UnixMillis,
    /// One value for each series of the layout; see [`is_stale`] and [`is_absent`].
    /// A series with a native histogram in `histograms` has its count here.
    pub values: Vec<f64>,
    /// Explicit timestamps: one for each series, equal to `time` where the page gave none.
    /// Empty if the page gave none at all.
    pub timestamps: Vec<UnixMillis>,
    /// `_created` times, where exposed and known: (series index, time), sorted by index.
    pub created: Vec<(u32, UnixMillis)>,
    /// Native histograms, sorted by `series_idx`.
    pub histograms: Vec<NativeHistogram>,
    /// Exemplars, sorted by `series_idx`.
    pub exemplars: Vec<Exemplar>,
}

impl MetricBatch {
    /// A batch without timestamps, histograms and exemplars.
    pub fn new(layout: Arc<Layout>, time: UnixMillis, values: Vec<f64>) -> Self {
        Self {
            layout,
            time,
            values,
            timestamps: Vec::new(),
            created: Vec::new(),
            histograms: Vec::new(),
            exemplars: Vec::new(),
        }
    }

    /// Time of the sample at `idx`.
    pub fn time_of(&self, idx: usize) -> UnixMillis {
        self.timestamps.get(idx).copied().unwrap_or(self.time)
    }

    /// Whether all its series have ended: nothing but stale markers, and what is absent.
    pub fn is_end(&self) -> bool {
        self.values
            .iter()
            .all(|value| is_stale(*value) || is_absent(*value))
    }

    /// Series with their samples and times, absent ones left out, stale markers included.
    pub fn samples(&self) -> impl Iterator<Item = (&Series, UnixMillis, f64)> {
        self.layout
            .series
            .iter()
            .zip(&self.values)
            .enumerate()
            .filter(|(_, (_, value))| !is_absent(**value))
            .map(|(idx, (series, value))| (series, self.time_of(idx), *value))
    }
}

/// A sample picked out by the target, usually with a trace.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// Index into the layout's series.
    pub series_idx: u32,
    /// Its labels (`trace_id`, `span_id`, …).
    pub labels: Labels,
    /// Its value, in the unit of the metric.
    pub value: f64,
    /// Its time, where exposed.
    pub time: Option<UnixMillis>,
}

/// A run of consecutive buckets of a native histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketSpan {
    /// Gap to the end of the span before (to index 0 for the first one).
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// A native histogram (io.prometheus.client.Histogram with a schema), counts made absolute.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeHistogram {
    /// Index into the layout's series.
    pub series_idx: u32,
    /// Resolution: −4…8 exponential, −53 custom bounds.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// Observations.
    pub count: f64,
    /// Sum of the observations.
    pub sum: f64,
    /// Whether the counts are floats by the target's own choice (float histograms).
    pub is_float: bool,
    /// Whether this is a gauge histogram.
    pub is_gauge: bool,
    /// Spans of the positive buckets.
    pub positive_spans: Vec<BucketSpan>,
    /// Absolute counts of the positive buckets.
    pub positive_counts: Vec<f64>,
    /// Spans of the negative buckets.
    pub negative_spans: Vec<BucketSpan>,
    /// Absolute counts of the negative buckets.
    pub negative_counts: Vec<f64>,
    /// Upper bounds when `schema` is −53.
    pub custom_bounds: Vec<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(labels: &[(&str, &str)], origin: Origin, part: &str) {
        let target = Target {
            labels: Labels::from_pairs([("job", "a")]),
            scheme: String::new(),
            address: String::new(),
        };
        let labels = Labels::from_pairs(labels.iter().copied());
        let family = Family {
            name: labels.metric_name().to_owned(),
            ..Family::default()
        };
        let series = Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: 0,
        };
        let layout = Layout::new(Arc::new(target), vec![family], vec![series]);
        assert_eq!((layout.origin(), layout.part()), (origin, part));
    }

    #[test]
    fn parts_are_the_kinds_of_profiles_and_the_page() {
        let of_memory = ("profile", "memory");
        let name = |name| ("__name__", name);
        check(&[name("up"), of_memory], Origin::Page, "");
        check(
            &[name("leadsman_signal_go_gcs"), of_memory],
            Origin::Signals,
            "",
        );
        let signal = name("leadsman_signal_profile_heap_in_use_bytes");
        check(&[signal, of_memory], Origin::Signals, "memory");
        let band = name("leadsman_baseline_upper");
        let of_heap = ("signal", "profile_heap_in_use");
        check(&[band, of_memory, of_heap], Origin::Baselines, "memory");
        check(
            &[band, of_memory, ("signal", "go_gcs")],
            Origin::Baselines,
            "",
        );
    }
}

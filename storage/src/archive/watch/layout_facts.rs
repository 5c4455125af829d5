//! Which series of a page tell something of the target.

use proto::UnixMillis;
use proto::metrics::{Layout, MetricBatch, Series, is_absent, is_stale};

use super::facts::{Health, Told};

/// Metrics whose label is the version of the program itself, beside `*_build_info{version}`.
const VERSION_METRICS: &[(&str, &str)] = &[
    ("etcd_server_version", "server_version"),
    ("kubernetes_build_info", "git_version"),
];
const BUILD_INFO: &str = "_build_info";
/// Version of the module that the program was built of: `(devel)` as a rule.
const GO_BUILD_INFO: &str = "go_build_info";

/// Places in a layout of what tells something.
#[derive(Debug, Default)]
pub(super) struct LayoutFacts {
    up: Option<usize>,
    started: Option<usize>,
    cpu_seconds: Option<usize>,
    /// Those that count most first. Of two versions one has no sample.
    versions: Vec<Labelled>,
    go_versions: Vec<Labelled>,
}

/// A series and the label of it that tells.
#[derive(Debug)]
struct Labelled {
    idx: usize,
    label: &'static str,
    /// Less counts more.
    rank: u8,
}

impl LayoutFacts {
    /// Looks through a page.
    pub(super) fn of(layout: &Layout) -> Self {
        let may_tell: Vec<bool> = layout
            .families
            .iter()
            .map(|family| may_tell(&family.name))
            .collect();
        let mut facts = Self::default();
        for (idx, series) in layout.series.iter().enumerate() {
            let family = may_tell.get(series.family_idx as usize);
            if family.copied().unwrap_or(false) {
                facts.add(idx, series, layout.target.job());
            }
        }
        facts.versions.sort_by_key(|version| version.rank);
        facts
    }

    fn add(&mut self, idx: usize, series: &Series, job: &str) {
        let name = series.labels.metric_name();
        let has = |label| {
            series
                .labels
                .get(label)
                .is_some_and(|text| !text.is_empty())
        };
        match name {
            "up" => self.up = Some(idx),
            "process_start_time_seconds" => self.started = self.started.or(Some(idx)),
            "process_cpu_seconds_total" => self.cpu_seconds = self.cpu_seconds.or(Some(idx)),
            "go_info" if has("version") => self.go_versions.push(Labelled {
                idx,
                label: "version",
                rank: 0,
            }),
            _ => {
                if let Some((label, rank)) =
                    version_label(name, job).filter(|(label, _)| has(label))
                {
                    self.versions.push(Labelled { idx, label, rank });
                }
            }
        }
    }

    /// What a scrape with this layout tells.
    pub(super) fn told_by<'a>(&self, batch: &'a MetricBatch) -> Told<'a> {
        let value = |idx: Option<usize>| {
            let value = batch.values.get(idx?).copied();
            value.filter(|value| !is_stale(*value) && !is_absent(*value))
        };
        let text = |found: &[Labelled]| {
            let live = found
                .iter()
                .find(|found| value(Some(found.idx)).is_some())?;
            batch.layout.series.get(live.idx)?.labels.get(live.label)
        };
        let up = self.up.and_then(|idx| batch.values.get(idx));
        Told {
            health: up.map_or(Health::Unknown, |up| health(*up)),
            version: text(&self.versions),
            go_version: text(&self.go_versions),
            started: value(self.started).and_then(millis),
            cpu_seconds: value(self.cpu_seconds),
        }
    }
}

fn health(up: f64) -> Health {
    if is_stale(up) {
        Health::Gone
    } else if is_absent(up) {
        Health::Unknown
    } else if up > 0.0 {
        Health::Up
    } else {
        Health::Down
    }
}

/// A time in seconds; none that is zero, or not a time.
fn millis(seconds: f64) -> Option<UnixMillis> {
    // Up to the year 9999.
    let is_time = seconds > 0.0 && seconds < 253_402_300_800.0;
    is_time.then(|| UnixMillis((seconds * 1000.0).round() as i64))
}

/// Whether series of this family may be of interest: a look at the name, not at all its series.
fn may_tell(family: &str) -> bool {
    matches!(family, "up" | "go" | "go_info" | "process_start_time_seconds")
        || family.starts_with("process_cpu_seconds")
        || family.contains(BUILD_INFO)
        || VERSION_METRICS.iter().any(|(name, _)| *name == family)
        // OpenMetrics' families of the type "info" are without their suffix.
        || family.ends_with("_build")
}

/// The label of a metric that tells the program's version, and how much it counts.
fn version_label(name: &str, job: &str) -> Option<(&'static str, u8)> {
    if let Some((_, label)) = VERSION_METRICS.iter().find(|(known, _)| *known == name) {
        return Some((*label, 0));
    }
    let program = name.strip_suffix("_total").unwrap_or(name);
    let program = program.strip_suffix(BUILD_INFO)?;
    let is_job = program.len() == job.len()
        && program
            .bytes()
            .zip(job.bytes())
            .all(|(left, right)| left == right || right == b'-');
    let rank = match program {
        _ if is_job => 1,
        _ if name == GO_BUILD_INFO => 3,
        _ => 2,
    };
    Some(("version", rank))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
    use proto::{Labels, Target};

    use super::*;

    fn batch(job: &str, page: &str) -> MetricBatch {
        let target = Arc::new(Target {
            labels: Labels::from_pairs([("job", job), ("instance", "a:1")]),
            scheme: "http".to_owned(),
            address: "a:1".to_owned(),
        });
        let facts = ScrapeFacts {
            time: UnixMillis(1_795_300_000_000),
            duration_seconds: 0.1,
        };
        let mut decoder = PageDecoder::new(target, PageRules::default());
        decoder
            .decode(Format::Text, page.as_bytes(), facts)
            .unwrap()
            .batch
    }

    fn check_version(job: &str, page: &str, expected: Option<&str>) {
        let batch = batch(job, page);
        let told = LayoutFacts::of(&batch.layout).told_by(&batch);
        assert_eq!(told.version, expected, "{page}");
        assert_eq!(told.health, Health::Up);
    }

    #[test]
    fn each_program_tells_its_version_in_its_own_way() {
        check_version(
            "a",
            "etcd_server_version{server_version=\"3.6.14\"} 1\n",
            Some("3.6.14"),
        );
        check_version(
            "a",
            "kubernetes_build_info{git_version=\"v1.34.2\",major=\"1\"} 1\n",
            Some("v1.34.2"),
        );
        check_version(
            "a",
            "containerd_build_info_total{version=\"2.1.0\"} 1\n",
            Some("2.1.0"),
        );
        check_version(
            "a",
            "containerd_build_info{version=\"2.1.0\"} 1\n",
            Some("2.1.0"),
        );
        check_version(
            "a",
            "leadsman_build_info{version=\"0.1.0\"} 1\n",
            Some("0.1.0"),
        );
        check_version("a", "up_and_running 1\n", None);
        check_version("a", "b_build_info{revision=\"x\"} 1\n", None);
    }

    #[test]
    fn the_programs_own_version_counts_more_than_those_of_its_parts() {
        let parts = "go_build_info{version=\"(devel)\"} 1\nlib_build_info{version=\"1\"} 1\n";
        check_version("a", parts, Some("1"));
        let own = format!("{parts}node_exporter_build_info{{version=\"2\"}} 1\n");
        check_version("node-exporter", &own, Some("2"));
        let known = format!("{own}etcd_server_version{{server_version=\"3\"}} 1\n");
        check_version("node-exporter", &known, Some("3"));
    }

    #[test]
    fn recorded_pages_tell_what_they_should() {
        let etcd = include_str!("../../../../proto/testdata/etcd-3.4.txt");
        let batch = batch("etcd", etcd);
        let told = LayoutFacts::of(&batch.layout).told_by(&batch);
        assert_eq!(told.version, Some("3.4.23"));
        assert_eq!(told.go_version, Some("go1.19.8"));
        assert_eq!(told.started, Some(UnixMillis(1_795_300_130_750)));
        assert!(told.cpu_seconds.unwrap() > 0.0);
    }

    #[test]
    fn what_is_not_a_time_is_none() {
        for seconds in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
            assert_eq!(millis(seconds), None, "{seconds}");
        }
    }
}

//! What the system says of this process, under the names every Prometheus client uses
//! (prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics).

use prometheus::Registry;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{Counter, Gauge, Metric, MetricFamily, MetricType};

/// Ticks of the times in `/proc/PID/stat` a second: `USER_HZ`, 100 on every architecture that
/// Rust's standard library runs on (proc(5), time(7)).
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads `/proc/self` at each scrape of `/metrics`.
#[derive(Debug)]
struct Process {
    descs: Vec<Desc>,
}

/// One figure: its name, help, type, and how it is read. What cannot be read is left out.
struct Figure {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    read: fn() -> Option<f64>,
}

const FIGURES: [Figure; 11] = [
    Figure {
        name: "process_cpu_seconds_total",
        help: "Total user and system CPU time spent in seconds.",
        kind: MetricType::COUNTER,
        read: || Some((stat_field(14)? + stat_field(15)?) / TICKS_PER_SECOND),
    },
    Figure {
        name: "process_resident_memory_bytes",
        help: "Resident memory size in bytes.",
        kind: MetricType::GAUGE,
        read: || status_kilobytes("VmRSS:"),
    },
    Figure {
        name: "process_virtual_memory_bytes",
        help: "Virtual memory size in bytes.",
        kind: MetricType::GAUGE,
        read: || status_kilobytes("VmSize:"),
    },
    Figure {
        name: "process_open_fds",
        help: "Number of open file descriptors.",
        kind: MetricType::GAUGE,
        // The folder that is being listed is open too.
        read: || {
            Some(
                std::fs::read_dir("/proc/self/fd")
                    .ok()?
                    .count()
                    .saturating_sub(1) as f64,
            )
        },
    },
    Figure {
        name: "process_max_fds",
        help: "Maximum number of open file descriptors.",
        kind: MetricType::GAUGE,
        read: max_fds,
    },
    Figure {
        name: "process_start_time_seconds",
        help: "Start time of the process since unix epoch in seconds.",
        kind: MetricType::GAUGE,
        read: || Some(boot_time()? + stat_field(22)? / TICKS_PER_SECOND),
    },
    Figure {
        name: "process_threads",
        help: "Number of threads.",
        kind: MetricType::GAUGE,
        read: || stat_field(20),
    },
    Figure {
        name: "leadsman_allocator_allocated_bytes",
        help: "Bytes that the program has allocated and not freed (jemalloc).",
        kind: MetricType::GAUGE,
        read: || Some(tikv_jemalloc_ctl::stats::allocated::read().ok()? as f64),
    },
    Figure {
        name: "leadsman_allocator_active_bytes",
        help: "Bytes in pages that hold allocations (jemalloc).",
        kind: MetricType::GAUGE,
        read: || Some(tikv_jemalloc_ctl::stats::active::read().ok()? as f64),
    },
    Figure {
        name: "leadsman_allocator_resident_bytes",
        help: "Bytes the allocator holds in memory, its own tables included (jemalloc).",
        kind: MetricType::GAUGE,
        read: || Some(tikv_jemalloc_ctl::stats::resident::read().ok()? as f64),
    },
    Figure {
        name: "leadsman_allocator_retained_bytes",
        help: "Bytes of addresses the allocator keeps without memory behind them (jemalloc).",
        kind: MetricType::GAUGE,
        read: || Some(tikv_jemalloc_ctl::stats::retained::read().ok()? as f64),
    },
];

/// Registers the metrics of this process, and `leadsman_build_info`.
///
/// # Errors
/// The registry has them already.
pub(super) fn register(registry: &Registry) -> prometheus::Result<()> {
    let desc = |figure: &Figure| {
        Desc::new(
            figure.name.to_owned(),
            figure.help.to_owned(),
            Vec::new(),
            Default::default(),
        )
    };
    let descs = FIGURES
        .iter()
        .map(desc)
        .collect::<prometheus::Result<_>>()?;
    registry.register(Box::new(Process { descs }))?;
    let options = prometheus::Opts::new("leadsman_build_info", "Which leadsman this is; always 1.");
    let build_info = prometheus::IntGaugeVec::new(options, &["version"])?;
    build_info
        .with_label_values(&[env!("CARGO_PKG_VERSION")])
        .set(1);
    registry.register(Box::new(build_info))
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // jemalloc's figures are those of the last time its epoch was advanced.
        let _ = tikv_jemalloc_ctl::epoch::advance();
        FIGURES.iter().filter_map(family).collect()
    }
}

fn family(figure: &Figure) -> Option<MetricFamily> {
    let value = (figure.read)()?;
    let mut metric = Metric::default();
    if figure.kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    let mut family = MetricFamily::default();
    family.set_name(figure.name.to_owned());
    family.set_help(figure.help.to_owned());
    family.set_field_type(figure.kind);
    family.set_metric(vec![metric]);
    Some(family)
}

/// Field `number` of `/proc/self/stat` as proc(5) numbers them, from 3 on. The second field is
/// the name in parentheses, which may hold anything.
fn stat_field(number: usize) -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace()
        .nth(number.checked_sub(3)?)?
        .parse()
        .ok()
}

fn status_kilobytes(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// The soft limit; without one, the largest number there is (as in Go's client).
fn max_fds() -> Option<f64> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX as f64),
        soft => soft.parse().ok(),
    }
}

/// Seconds since the Unix epoch.
fn boot_time() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/stat").ok()?;
    stat.lines()
        .find_map(|line| line.strip_prefix("btime "))?
        .trim()
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::*;

    #[test]
    fn the_figures_of_this_process_are_plausible() {
        let registry = Registry::new();
        register(&registry).unwrap();
        let families = registry.gather();
        let value = |name: &str| {
            let family = families
                .iter()
                .find(|family| family.name() == name)
                .unwrap();
            let metric = &family.get_metric()[0];
            metric.get_gauge().get_value() + metric.get_counter().get_value()
        };
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs_f64();
        let age = now - value("process_start_time_seconds");
        assert!((-2.0..86_400.0).contains(&age), "{age}");
        assert!(value("process_resident_memory_bytes") > 1e6);
        assert!(value("process_virtual_memory_bytes") > value("process_resident_memory_bytes"));
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_max_fds") > value("process_open_fds"));
        assert!(value("process_threads") >= 1.0);
        assert!((0.0..3600.0).contains(&value("process_cpu_seconds_total")));
        assert_eq!(value("leadsman_build_info"), 1.0);
    }
}

//! What being watched costs etcd: a real one under a steady load, with leadsman at its defaults
//! and without, in turns.
//!
//! CPU is the kernel's count of both processes. Latency is etcd's own: the quantiles of its
//! histogram of whole gRPC calls, from what a turn added to the buckets. It prints a Markdown
//! table; run it by `make bench`.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use leadsman_tests::etcd::Etcd;
use leadsman_tests::http;
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::setting::setting;
use leadsman_tests::tools;
use leadsman_tests::usage::cpu_time;

/// One CPU profile of ten seconds is taken each minute: a turn has one.
const DEFAULT_SECONDS: u64 = 60;
const TURNS: [Watched; 4] = [Watched::No, Watched::Yes, Watched::No, Watched::Yes];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    No,
    Yes,
}

/// Upper bounds in seconds, with the calls that took no longer.
type Buckets = Vec<(f64, f64)>;

/// What a turn took.
struct Turn {
    watched: Watched,
    n_puts: f64,
    /// Of a core.
    etcd_share: f64,
    leadsman_share: Option<f64>,
    p50: f64,
    p99: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let time = Duration::from_secs(setting("LEADSMAN_BENCH_SECONDS", DEFAULT_SECONDS)?);
    let folder = tempfile::tempdir()?;
    let etcd = Etcd::start(folder.path(), None).await?;
    println!("\netcd under `etcdctl check perf --load=m`, {time:?} a turn\n");
    println!(
        "| leadsman | puts/s | etcd, share of a core | leadsman, share of a core | put p50 ms | put p99 ms |"
    );
    println!("|---|--:|--:|--:|--:|--:|");
    for watched in TURNS {
        let turn = turn(&etcd, folder.path(), watched, time).await?;
        println!(
            "| {} | {:.0} | {:.2} % | {} | {:.3} | {:.3} |",
            if turn.watched == Watched::Yes {
                "watches"
            } else {
                "is away"
            },
            turn.n_puts / time.as_secs_f64(),
            100.0 * turn.etcd_share,
            turn.leadsman_share
                .map_or("–".to_owned(), |share| format!("{:.2} %", 100.0 * share)),
            1000.0 * turn.p50,
            1000.0 * turn.p99,
        );
    }
    Ok(())
}

async fn turn(etcd: &Etcd, folder: &Path, watched: Watched, time: Duration) -> Result<Turn> {
    let leadsman = match watched {
        Watched::No => None,
        Watched::Yes => Some(Leadsman::start(folder, &scrape_configs(&etcd.address)).await?),
    };
    // It refuses to start on what an earlier turn left.
    tools::run(&mut etcd.ctl(["del", "--prefix", "/etcdctl-check-perf/"]))?;
    let _load = etcd.load(folder)?;
    // The load starts up, and so does leadsman.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let cpu_of = |leadsman: &Leadsman| cpu_time(leadsman.process.id());
    let (start, before) = (Instant::now(), puts(&etcd.address).await?);
    let etcd_cpu = cpu_time(etcd.process.id())?;
    let leadsman_cpu = leadsman.as_ref().map(cpu_of).transpose()?;
    // `check perf` runs for a minute: what is left of it.
    tokio::time::sleep(time.saturating_sub(Duration::from_secs(8))).await;
    let took = start.elapsed().as_secs_f64();
    let etcd_share = (cpu_time(etcd.process.id())? - etcd_cpu).as_secs_f64() / took;
    let leadsman_share = match (&leadsman, leadsman_cpu) {
        (Some(leadsman), Some(cpu)) => Some((cpu_of(leadsman)? - cpu).as_secs_f64() / took),
        _ => None,
    };
    let added = difference(&puts(&etcd.address).await?, &before);
    let n_puts = added.last().map_or(0.0, |(_, count)| *count);
    Ok(Turn {
        watched,
        n_puts: n_puts * time.as_secs_f64() / took,
        etcd_share,
        leadsman_share,
        p50: quantile(&added, 0.5).context("no puts")?,
        p99: quantile(&added, 0.99).context("no puts")?,
    })
}

/// All that is on by default.
fn scrape_configs(address: &str) -> String {
    format!(
        "scrape_configs:\n  - job_name: etcd\n    static_configs: [{{targets: ['{address}']}}]\n    \
         profiling_config: {{pprof_config: {{process_cpu: {{enabled: true}}, memory: {{enabled: true}}, \
         goroutine: {{enabled: true}}}}}}\n"
    )
}

/// etcd's histogram of handled puts.
async fn puts(address: &str) -> Result<Buckets> {
    let url = format!("http://{address}/metrics");
    let page = http::client().get(url).send().await?.text().await?;
    let buckets = page.lines().filter(|line| {
        line.starts_with("grpc_server_handling_seconds_bucket{")
            && line.contains("grpc_method=\"Put\"")
    });
    let parse = |line: &str| {
        let (series, count) = line.rsplit_once(' ')?;
        let (_, bound) = series.rsplit_once("le=\"")?;
        let bound = bound.split('"').next()?.replace("+Inf", "inf");
        Some((bound.parse().ok()?, count.parse().ok()?))
    };
    Ok(buckets.filter_map(parse).collect())
}

fn difference(now: &Buckets, before: &Buckets) -> Buckets {
    let earlier = |bound: f64| before.iter().find(|(other, _)| *other == bound);
    let added = now
        .iter()
        .map(|(bound, count)| (*bound, count - earlier(*bound).map_or(0.0, |(_, n)| *n)));
    added.collect()
}

/// As Prometheus' `histogram_quantile`: linear within a bucket.
fn quantile(buckets: &Buckets, q: f64) -> Option<f64> {
    let (_, all) = buckets.last().filter(|(_, all)| *all > 0.0)?;
    let wanted = q * all;
    let idx = buckets.iter().position(|(_, count)| *count >= wanted)?;
    let (upper, count) = *buckets.get(idx)?;
    let (lower, below) = match idx {
        0 => (0.0, 0.0),
        _ => *buckets.get(idx - 1)?,
    };
    match upper.is_finite() && count > below {
        true => Some(lower + (upper - lower) * (wanted - below) / (count - below)),
        false => Some(lower),
    }
}

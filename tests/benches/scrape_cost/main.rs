//! What a scraped sample costs: leadsman beside vmagent, Prometheus and VictoriaMetrics.
//!
//! The same targets replay the same captured pages to one peer after the other, and each is asked
//! what the kernel has counted for it. It prints a Markdown table. Run it by `make bench`, which
//! builds leadsman as it is released; the replaying side hands out bytes made beforehand.
//!
//! With other settings it shows how far one goes: `make bench` has a thousand targets with a
//! million series, too. Settings are environment variables that start with `LEADSMAN_BENCH_`:
//! `TARGETS`, `SAMPLES` (of a page, at most), `INTERVAL` and `SECONDS`, and `PEERS` (names with
//! commas).
//!
//! The peers do not do the same: vmagent only forwards, Prometheus and VictoriaMetrics only store,
//! leadsman does both. Pages go out uncompressed, so that nobody pays for gzip.

mod measure;
mod pages;
mod peer;
mod replay;
mod sink;

use std::time::Duration;

use anyhow::Result;
use leadsman_tests::setting::setting;

use measure::{Cost, Plan};
use peer::Peer;
use replay::Replay;
use sink::Sink;

const DEFAULT_TARGETS: usize = 50;
/// 50 targets give 25,000 samples a second.
const DEFAULT_SAMPLES: usize = 500;
const DEFAULT_INTERVAL: u64 = 1;
const DEFAULT_SECONDS: u64 = 30;

fn main() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(run())
}

async fn run() -> Result<()> {
    let n_targets = setting("LEADSMAN_BENCH_TARGETS", DEFAULT_TARGETS)?;
    let n_samples = setting("LEADSMAN_BENCH_SAMPLES", DEFAULT_SAMPLES)?;
    let interval = setting("LEADSMAN_BENCH_INTERVAL", DEFAULT_INTERVAL)?;
    let seconds = setting("LEADSMAN_BENCH_SECONDS", DEFAULT_SECONDS)?;
    let peers = setting("LEADSMAN_BENCH_PEERS", String::new())?;
    let replay = Replay::start(n_targets, n_samples).await?;
    let sink = Sink::start().await?;
    let what = format!(
        "{n_targets} targets at {interval} s, {:.0} samples each, {seconds} s",
        replay.samples_per_page()
    );
    let plan = Plan {
        replay: &replay,
        sink: &sink,
        interval: Duration::from_secs(interval),
        time: Duration::from_secs(seconds),
    };
    let mut costs = Vec::new();
    for peer in Peer::ALL {
        let is_wanted = peers.is_empty() || peers.split(',').any(|name| name == peer.to_string());
        if is_wanted {
            eprintln!("{peer}: {what}");
            costs.push(plan.measure(peer).await?);
        }
    }
    println!("\n{what}\n");
    print_table(&costs);
    Ok(())
}

fn print_table(costs: &[Cost]) {
    let base = costs.first().map_or(f64::NAN, |cost| cost.scraping_micros);
    println!(
        "| | samples/s | CPU µs/sample | × leadsman | CPU µs/sample until all is on disk \
         | RSS MiB | peak RSS MiB | RSS B/series | kept B/sample | log or WAL B/sample | sent B/sample |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for cost in costs {
        println!(
            "| {} | {:.0} | {:.2} | {:.1} | {:.2} | {:.0} | {:.0} | {:.0} | {} | {} | {} |",
            cost.peer,
            cost.samples_per_second,
            cost.scraping_micros,
            cost.scraping_micros / base,
            cost.whole_micros,
            mebibytes(cost.memory),
            mebibytes(cost.peak_memory),
            cost.memory as f64 / cost.n_series as f64,
            figure(cost.kept),
            figure(cost.log),
            figure(cost.sent),
        );
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

fn figure(bytes: Option<f64>) -> String {
    bytes.map_or("–".to_owned(), |bytes| format!("{bytes:.2}"))
}

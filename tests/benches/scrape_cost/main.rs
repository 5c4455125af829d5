//! What a scraped sample costs: leadsman beside vmagent, Prometheus and VictoriaMetrics.
//!
//! The same targets replay the same captured pages to one peer after the other, and each is asked
//! what the kernel has counted for it. It prints a Markdown table. Run it by `make bench`, which
//! builds leadsman as it is released; the replaying side hands out bytes made beforehand.
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

use measure::{Cost, measure};
use peer::Peer;
use replay::Replay;
use sink::Sink;

const DEFAULT_TARGETS: usize = 50;
const DEFAULT_SECONDS: u64 = 30;

fn main() -> Result<()> {
    tokio::runtime::Runtime::new()?.block_on(run())
}

async fn run() -> Result<()> {
    let n_targets = setting("LEADSMAN_BENCH_TARGETS", DEFAULT_TARGETS)?;
    let seconds = setting("LEADSMAN_BENCH_SECONDS", DEFAULT_SECONDS)?;
    let replay = Replay::start(n_targets).await?;
    let sink = Sink::start().await?;
    let mut costs = Vec::new();
    for peer in Peer::ALL {
        eprintln!("{peer}: {n_targets} targets at 1 s, {seconds} s");
        costs.push(measure(peer, &replay, &sink, Duration::from_secs(seconds)).await?);
    }
    println!(
        "\n{n_targets} targets at 1 s, {:.0} samples each, {seconds} s\n",
        replay.samples_per_page()
    );
    print_table(&costs);
    Ok(())
}

fn print_table(costs: &[Cost]) {
    let base = costs.first().map_or(f64::NAN, |cost| cost.scraping_micros);
    println!(
        "| | samples/s | CPU µs/sample | × leadsman | CPU µs/sample until all is on disk \
         | peak RSS MiB | kept B/sample | log or WAL B/sample | sent B/sample |"
    );
    println!("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for cost in costs {
        println!(
            "| {} | {:.0} | {:.2} | {:.1} | {:.2} | {:.0} | {} | {} | {} |",
            cost.peer,
            cost.samples_per_second,
            cost.scraping_micros,
            cost.scraping_micros / base,
            cost.whole_micros,
            cost.peak_memory as f64 / f64::from(1 << 20),
            figure(cost.kept),
            figure(cost.log),
            figure(cost.sent),
        );
    }
}

fn figure(bytes: Option<f64>) -> String {
    bytes.map_or("–".to_owned(), |bytes| format!("{bytes:.2}"))
}

//! How many bytes an archived sample and profile take: leadsman's archive beside the blocks of
//! Prometheus and the parts of VictoriaMetrics.
//!
//! The same recorded pages, with the same times 15 s apart, go to each; profiles are compared with
//! their own gzip'd pprof files. leadsman's archive is written as a running one does, then merged
//! by `leadsman archive compact`, of which the CPU time is told. It prints Markdown tables; run it
//! by `make bench`.
//!
//! Pages are recorded from a real etcd under load and a node exporter, one a second for five
//! minutes; `LEADSMAN_BENCH_SCRAPES` for another number. `LEADSMAN_BENCH_PAGES` names a folder: what
//! was recorded there before is taken, and else stays there.

mod ours;
mod pages;
mod peers;
mod record;

use std::path::PathBuf;

use anyhow::Result;
use leadsman_tests::setting::setting;

use ours::Archived;
use pages::Pages;

const DEFAULT_SCRAPES: usize = 300;

/// What a store keeps of the pages.
struct Stored {
    who: &'static str,
    n_samples: u64,
    /// Of samples alone.
    bytes: u64,
    /// Of what names them besides: series and labels, or an index.
    names: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let recorded = match std::env::var_os("LEADSMAN_BENCH_PAGES") {
        Some(path) => PathBuf::from(path),
        None => folder.path().join("pages"),
    };
    if !recorded.is_dir() {
        let n_scrapes = setting("LEADSMAN_BENCH_SCRAPES", DEFAULT_SCRAPES)?;
        record::record(folder.path(), &recorded, n_scrapes).await?;
    }
    let pages = Pages::read(&recorded)?;
    let archived = Archived::write(folder.path(), &pages)?;
    let [prometheus, victoria] = [
        peers::prometheus(folder.path(), &pages)?,
        peers::victoria_metrics(folder.path(), &pages).await?,
    ];
    println!(
        "\n{} scrapes of {}, 15 s apart\n",
        pages.n_scrapes(),
        pages.names().join(" and ")
    );
    println!("| | samples | B/sample | with series and labels |");
    println!("|---|--:|--:|--:|");
    for stored in archived.stored.iter().chain([&prometheus, &victoria]) {
        let each = |bytes| bytes as f64 / stored.n_samples as f64;
        println!(
            "| {} | {} | {:.2} | {:.2} |",
            stored.who,
            stored.n_samples,
            each(stored.bytes),
            each(stored.bytes + stored.names)
        );
    }
    archived.print_rest();
    Ok(())
}

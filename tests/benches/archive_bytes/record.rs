//! Records pages and profiles of a real etcd under load and a node exporter.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Result;
use leadsman_tests::etcd::Etcd;
use leadsman_tests::process::{Process, free_port};
use leadsman_tests::wait::{PATIENCE, until};
use leadsman_tests::{http, tools};

/// Between two scrapes.
const INTERVAL: Duration = Duration::from_secs(1);
/// Profiles are captured with each so many scrapes: as often as by default, once a minute.
const PROFILES_EVERY: usize = 4;
/// Kinds, and the paths of their pprof files. A profile of a second of CPU time is taken, as long
/// as a scrape's interval allows.
const PROFILES: [(&str, &str); 3] = [
    ("goroutine", "goroutine"),
    ("memory", "heap"),
    ("process_cpu", "profile?seconds=1"),
];

/// Scrapes both `n_scrapes` times into files of `pages`.
pub(crate) async fn record(folder: &Path, pages: &Path, n_scrapes: usize) -> Result<()> {
    eprintln!("recording {n_scrapes} scrapes, one a second");
    std::fs::create_dir_all(pages)?;
    let etcd = Etcd::start(folder, None).await?;
    let (_exporter, exporter) = node_exporter(folder).await?;
    let targets = [("etcd", &etcd.address), ("node", &exporter)];
    let mut load = etcd.load(folder)?;
    let start = Instant::now();
    for number in 0..n_scrapes {
        if load.check_alive().is_err() {
            // It ends after a minute, and refuses to start on what it left.
            tools::run(&mut etcd.ctl(["del", "--prefix", "/etcdctl-check-perf/"]))?;
            load = etcd.load(folder)?;
        }
        for (name, address) in targets {
            let page = http::get(&format!("http://{address}/metrics")).await?;
            std::fs::write(pages.join(format!("{name}-{number:05}.txt")), page)?;
        }
        if number % PROFILES_EVERY == 0 {
            capture(&etcd.address, pages, number).await?;
        }
        let next = start + INTERVAL * (number as u32 + 1);
        tokio::time::sleep(next.saturating_duration_since(Instant::now())).await;
    }
    Ok(())
}

async fn capture(address: &str, pages: &Path, number: usize) -> Result<()> {
    for (kind, path) in PROFILES {
        let url = format!("http://{address}/debug/pprof/{path}");
        let answer = http::client().get(url).send().await?.error_for_status()?;
        let file = pages.join(format!("prof-{kind}-{number:05}.pb.gz"));
        std::fs::write(file, answer.bytes().await?)?;
    }
    Ok(())
}

async fn node_exporter(folder: &Path) -> Result<(Process, String)> {
    let address = format!("127.0.0.1:{}", free_port()?);
    let mut command = Command::new("prometheus-node-exporter");
    command.arg(format!("--web.listen-address={address}"));
    let process = Process::spawn("node-exporter", folder, command)?;
    let url = format!("http://{address}/metrics");
    until("the node exporter to answer", PATIENCE, || http::get(&url)).await?;
    Ok((process, address))
}

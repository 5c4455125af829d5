//! A leadsman with one target that serves given bodies.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::page_server::{Page, PageServer};
use leadsman_tests::usage;
use leadsman_tests::wait::{PATIENCE, until};
use serde_json::Value;

/// A leadsman with one target, whose `/0`, `/1` and so on are the pages.
pub(super) struct Served {
    pub(super) leadsman: Leadsman,
    _server: PageServer,
    /// Memory at the start. Bytes.
    at_start: u64,
}

impl Served {
    /// `rest` are more keys of the job.
    pub(super) async fn start(folder: &Path, bodies: Vec<Vec<u8>>, rest: &str) -> Result<Self> {
        let page = |body| Page {
            content_type: "text/plain; version=0.0.4",
            body,
        };
        let server = PageServer::start(bodies.into_iter().map(page).collect()).await?;
        let yaml = format!(
            "telemetry: {{scrape_self: false}}\n\
             scrape_configs: [{{job_name: served, metrics_path: /0, scrape_interval: 10s, \
             static_configs: [{{targets: [\"{}\"], labels: {{instance: it}}}}], {rest}}}]\n",
            server.address
        );
        let leadsman = Leadsman::start(folder, &yaml).await?;
        let at_start = usage::peak_memory(leadsman.process.id())?;
        Ok(Self {
            leadsman,
            _server: server,
            at_start,
        })
    }

    /// Waits until the target is as `holds` says.
    pub(super) async fn wait(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<()> {
        until(what, PATIENCE * 4, || async {
            let targets = self.leadsman.targets().await?;
            let target = targets.first().context("no target")?;
            ensure!(holds(target), "{target:#}");
            Ok(())
        })
        .await
    }

    /// Waits until so many rows of a table are in files.
    pub(super) async fn wait_for_rows(&self, table: &str, n_rows: usize) -> Result<()> {
        let counter = format!("leadsman_archive_rows_total{{table=\"{table}\"}} ");
        until("the archive to have it", PATIENCE * 2, || async {
            let metrics = self.leadsman.get("/metrics").await?;
            let count = metrics.lines().find_map(|line| line.strip_prefix(&counter));
            let count: usize = count.context("no rows")?.parse()?;
            ensure!(count >= n_rows, "{count} rows");
            Ok(())
        })
        .await
    }

    /// What its memory has grown by, at its peak. Bytes.
    pub(super) fn grown(&self) -> Result<u64> {
        Ok(usage::peak_memory(self.leadsman.process.id())? - self.at_start)
    }
}

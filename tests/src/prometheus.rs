//! Real Prometheus servers: Debian's as a scraper, a newer one as a target.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http;
use crate::process::{Process, free_port};
use crate::tools;
use crate::wait::{PATIENCE, until};

/// A running Prometheus.
pub struct Prometheus {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:port`.
    pub address: String,
}

impl Prometheus {
    /// Debian 12's Prometheus 2.42 with this `scrape_configs` YAML.
    pub async fn scraping(folder: &Path, scrape_configs: &str) -> Result<Self> {
        Self::start(
            "prometheus",
            Command::new("prometheus"),
            folder,
            scrape_configs,
        )
        .await
    }

    /// A Prometheus 3, which exposes native histograms of itself.
    pub async fn newer(folder: &Path) -> Result<Self> {
        Self::newer_scraping(folder, "[]").await
    }

    /// A Prometheus 3 with this `scrape_configs` YAML.
    pub async fn newer_scraping(folder: &Path, scrape_configs: &str) -> Result<Self> {
        let command = Command::new(tools::folder().join("prometheus/usr/bin/prometheus"));
        Self::start("prometheus3", command, folder, scrape_configs).await
    }

    async fn start(
        name: &str,
        mut command: Command,
        folder: &Path,
        scrape_configs: &str,
    ) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let config = folder.join(format!("{name}.yml"));
        std::fs::write(
            &config,
            format!("global: {{scrape_interval: 1s}}\nscrape_configs: {scrape_configs}\n"),
        )?;
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join(format!("{name}-data")).display()
            ))
            .arg(format!("--web.listen-address={address}"));
        let process = Process::spawn(name, folder, command)?;
        let mut prometheus = Self { process, address };
        until("Prometheus to be ready", PATIENCE, || {
            let alive = prometheus.process.check_alive();
            let url = format!("http://{}/-/ready", prometheus.address);
            async move {
                alive?;
                http::get(&url).await
            }
        })
        .await?;
        Ok(prometheus)
    }

    /// Result of an instant query: the array `data.result`.
    pub async fn query(&self, promql: &str) -> Result<Vec<Value>> {
        let url = format!("http://{}/api/v1/query", self.address);
        let client = http::client();
        let body = client
            .get(url)
            .query(&[("query", promql)])
            .send()
            .await?
            .bytes()
            .await?;
        let answer: Value = serde_json::from_slice(&body)?;
        ensure!(answer["status"] == "success", "{promql}: {answer}");
        Ok(answer["data"]["result"]
            .as_array()
            .context("no result")?
            .clone())
    }
}

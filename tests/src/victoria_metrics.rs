//! A real OTLP metrics receiver: VictoriaMetrics.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http;
use crate::process::{Process, free_port};
use crate::tools;
use crate::wait::{PATIENCE, until};

/// A running VictoriaMetrics.
pub struct VictoriaMetrics {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:port`.
    pub address: String,
}

impl VictoriaMetrics {
    /// Starts it and waits until it answers.
    pub async fn start(folder: &Path) -> Result<Self> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let program = tools::folder().join("victoria-metrics/usr/bin/victoria-metrics");
        let mut command = Command::new(program);
        command
            .arg(format!("-httpListenAddr={address}"))
            .arg("-storageDataPath")
            .arg(folder.join("victoria-data"));
        let process = Process::spawn("victoria-metrics", folder, command)?;
        let mut victoria = Self { process, address };
        until("VictoriaMetrics to be ready", PATIENCE, || {
            let alive = victoria.process.check_alive();
            let url = victoria.url("/health");
            async move {
                alive?;
                http::get(&url).await
            }
        })
        .await?;
        Ok(victoria)
    }

    /// Where OTLP goes: the endpoint of a receiver in leadsman's configuration.
    pub fn otlp_endpoint(&self) -> String {
        self.url("/opentelemetry")
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Takes samples in Prometheus' text format, with times in ms.
    pub async fn import(&self, text: String) -> Result<()> {
        let import = self.url("/api/v1/import/prometheus");
        let request = http::client().post(import).body(text);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    /// Writes everything out, and merges it as far as it will ever be.
    pub async fn merge(&self) -> Result<()> {
        http::get(&self.url("/internal/force_flush")).await?;
        http::get(&self.url("/internal/force_merge")).await?;
        // The answer comes before the merge.
        until("VictoriaMetrics to have merged", 10 * PATIENCE, || async {
            let page = http::get(&self.url("/metrics")).await?;
            let line = page
                .lines()
                .find_map(|line| line.strip_prefix("vm_active_force_merges "));
            ensure!(line == Some("0"), "{line:?} merges");
            Ok(())
        })
        .await
    }

    /// Every point `(time in ms, value)` of the only series that `selector` selects.
    pub async fn points(&self, selector: &str) -> Result<Vec<(u64, f64)>> {
        http::get(&self.url("/internal/force_flush")).await?;
        let export = self.url("/api/v1/export");
        let request = http::client().get(export).query(&[("match[]", selector)]);
        let lines = request.send().await?.error_for_status()?.text().await?;
        ensure!(
            lines.lines().count() == 1,
            "not one series of {selector}: {lines}"
        );
        let series: Value = serde_json::from_str(&lines)?;
        let column = |name: &str| series[name].as_array().cloned().context("no column");
        let points = column("timestamps")?.into_iter().zip(column("values")?);
        Ok(points
            .filter_map(|(time, value)| Some((time.as_u64()?, value.as_f64()?)))
            .collect())
    }
}

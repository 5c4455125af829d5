//! A real Alertmanager, Debian 12's 0.25, alone and with a webhook that shows what it notifies.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::http;
use crate::process::Process;
use crate::wait::{PATIENCE, until};

/// A running Alertmanager.
pub struct Alertmanager {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:port`.
    pub address: String,
}

impl Alertmanager {
    /// Starts it at an address; notifications are posted to `webhook` at once.
    pub async fn start(folder: &Path, address: &str, webhook: &str) -> Result<Self> {
        let config = folder.join("alertmanager.yml");
        let text = format!(
            "route: {{receiver: test, group_by: [finding], group_wait: 0s, group_interval: 1s}}\n\
             receivers: [{{name: test, webhook_configs: [{{url: \"{webhook}\", send_resolved: true}}]}}]\n"
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.path={}",
                folder.join("alertmanager-data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=");
        let process = Process::spawn("alertmanager", folder, command)?;
        let mut alertmanager = Self {
            process,
            address: address.to_owned(),
        };
        until("Alertmanager to be ready", PATIENCE, || {
            let alive = alertmanager.process.check_alive();
            let url = format!("http://{}/-/ready", alertmanager.address);
            async move {
                alive?;
                http::get(&url).await
            }
        })
        .await?;
        Ok(alertmanager)
    }

    /// The alerts that are there now.
    pub async fn alerts(&self) -> Result<Vec<Value>> {
        let body = http::get(&format!("http://{}/api/v2/alerts", self.address)).await?;
        let alerts: Value = serde_json::from_str(&body)?;
        Ok(alerts.as_array().context("no list of alerts")?.clone())
    }
}

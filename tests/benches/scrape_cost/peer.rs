//! Who is measured, and how each is started.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use leadsman_tests::leadsman;
use leadsman_tests::process::{Process, free_port};

/// A collector that scrapes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// The release build named by `LEADSMAN_BINARY`: keeps and forwards.
    Leadsman,
    /// Debian's: forwards by remote write.
    VmAgent,
    /// Debian's: keeps.
    Prometheus,
    /// Debian's: keeps.
    VictoriaMetrics,
}

/// A peer that runs.
pub(crate) struct Running {
    /// The process.
    pub(crate) process: Process,
    /// Where it listens.
    pub(crate) address: String,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Leadsman => "leadsman",
            Self::VmAgent => "vmagent",
            Self::Prometheus => "Prometheus",
            Self::VictoriaMetrics => "VictoriaMetrics",
        })
    }
}

impl Peer {
    /// In the order of the table.
    pub(crate) const ALL: [Self; 4] = [
        Self::Leadsman,
        Self::VmAgent,
        Self::Prometheus,
        Self::VictoriaMetrics,
    ];

    /// Starts it with this `scrape_configs`, to forward to `sink` if it can.
    pub(crate) fn start(
        self,
        folder: &Path,
        interval: Duration,
        scrape_configs: &str,
        sink: &str,
    ) -> Result<Running> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let config = folder.join("config.yml");
        let seconds = interval.as_secs();
        let common = format!(
            "global: {{scrape_interval: {seconds}s, scrape_timeout: {seconds}s}}\n\
             scrape_configs: {scrape_configs}\n"
        );
        let own = match self {
            Self::Leadsman => own_config(&address, sink),
            _ => String::new(),
        };
        std::fs::write(&config, common + &own)?;
        let mut command = Command::new(self.program()?);
        command
            .args(self.arguments(&config.display().to_string(), &address, sink))
            .current_dir(folder);
        let process = Process::spawn("peer", folder, command)?;
        Ok(Running { process, address })
    }

    fn program(self) -> Result<PathBuf> {
        Ok(match self {
            Self::Leadsman => leadsman::binary()?,
            Self::VmAgent => "vmagent".into(),
            Self::Prometheus => "prometheus".into(),
            Self::VictoriaMetrics => "victoria-metrics".into(),
        })
    }

    fn arguments(self, config: &str, address: &str, sink: &str) -> Vec<String> {
        let victoria = [
            format!("-promscrape.config={config}"),
            format!("-httpListenAddr={address}"),
        ];
        match self {
            Self::Leadsman => vec![format!("--config={config}")],
            Self::VmAgent => [
                format!("-remoteWrite.url=http://{sink}/api/v1/write"),
                "-remoteWrite.tmpDataPath=data".to_owned(),
            ]
            .into_iter()
            .chain(victoria)
            .collect(),
            Self::Prometheus => vec![
                format!("--config.file={config}"),
                format!("--web.listen-address={address}"),
                "--storage.tsdb.path=data".to_owned(),
                "--web.enable-admin-api".to_owned(),
            ],
            Self::VictoriaMetrics => ["-storageDataPath=data".to_owned()]
                .into_iter()
                .chain(victoria)
                .collect(),
        }
    }

    /// Has it write to its tables what it would write later. Only Prometheus waits longer than for
    /// its end, namely two hours.
    pub(crate) async fn settle(self, address: &str) -> Result<()> {
        if self == Self::Prometheus {
            let url = format!("http://{address}/api/v1/admin/tsdb/snapshot");
            let answer = leadsman_tests::http::client().post(url).send().await?;
            if !answer.status().is_success() {
                bail!("no snapshot: {}", answer.text().await?);
            }
        }
        Ok(())
    }

    /// The folder of what it keeps, if it does.
    pub(crate) fn kept(self, folder: &Path) -> Option<PathBuf> {
        match self {
            Self::Leadsman => Some(folder.join("data/archive")),
            Self::VmAgent => None,
            Self::Prometheus => Some(folder.join("data/snapshots")),
            Self::VictoriaMetrics => Some(folder.join("data/data")),
        }
    }

    /// The folder of what makes it safe until then, if there is one.
    pub(crate) fn log(self, folder: &Path) -> Option<PathBuf> {
        match self {
            Self::Leadsman => Some(folder.join("data/log")),
            Self::Prometheus => Some(folder.join("data/wal")),
            Self::VmAgent | Self::VictoriaMetrics => None,
        }
    }
}

fn own_config(address: &str, sink: &str) -> String {
    format!(
        "archive: {{path: data}}\nweb: {{listen: '{address}'}}\ntelemetry: {{scrape_self: false}}\n\
         otlp: [{{endpoint: 'http://{sink}', protocol: http/protobuf, signals: [metrics]}}]\n"
    )
}

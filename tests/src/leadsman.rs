//! The binary under test.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::http;
use crate::process::{Process, free_port};
use crate::tools;
use crate::wait::{PATIENCE, until};

/// A running leadsman.
pub struct Leadsman {
    /// The process.
    pub process: Process,
    /// `127.0.0.1:port` of its endpoints.
    pub address: String,
    /// Its data folder (`archive.path`).
    pub data: PathBuf,
    web: Web,
    archive_keys: String,
}

/// How it is started.
pub struct Launch {
    /// More keys of `archive`, each with a comma before it.
    pub archive_keys: String,
    /// How its endpoints are served.
    pub web: Web,
    /// A program that executes it in its own place, and that program's arguments: `env A=b`.
    pub wrapper: Vec<String>,
}

impl Default for Launch {
    fn default() -> Self {
        Self {
            archive_keys: String::new(),
            web: Web {
                keys: String::new(),
                scheme: "http",
                client: http::client(),
            },
            wrapper: Vec::new(),
        }
    }
}

/// How its endpoints are served, and how they are asked.
#[derive(Clone)]
pub struct Web {
    /// More keys of `web`, each with a comma before it.
    pub keys: String,
    /// `http` or `https`.
    pub scheme: &'static str,
    /// Has the certificates and credentials that are needed.
    pub client: reqwest::Client,
}

/// The binary that `cargo build` made beside this test, or the one `LEADSMAN_BINARY` names.
pub fn binary() -> Result<PathBuf> {
    if let Some(binary) = std::env::var_os("LEADSMAN_BINARY") {
        return Ok(binary.into());
    }
    let test = std::env::current_exe()?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("no target folder")?;
    let binary = folder.join("leadsman");
    ensure!(
        binary.exists(),
        "{} is missing: run `cargo build --workspace` first",
        binary.display()
    );
    Ok(binary)
}

/// A command line of the binary.
pub fn command<const N: usize>(args: [&str; N]) -> Result<Command> {
    let mut command = Command::new(binary()?);
    command.args(args).env("NO_COLOR", "1");
    Ok(command)
}

impl Leadsman {
    /// Starts it with `scrape_configs` and more top-level YAML, and waits until it is ready.
    pub async fn start(folder: &Path, yaml: &str) -> Result<Self> {
        Self::launch(folder, Launch::default(), yaml).await
    }

    /// The same with endpoints that are served in another way.
    pub async fn serving(folder: &Path, web: Web, yaml: &str) -> Result<Self> {
        let launch = Launch {
            web,
            ..Launch::default()
        };
        Self::launch(folder, launch, yaml).await
    }

    /// The same, started in another way.
    pub async fn launch(folder: &Path, launch: Launch, yaml: &str) -> Result<Self> {
        let Launch {
            archive_keys,
            web,
            wrapper,
        } = launch;
        let address = format!("127.0.0.1:{}", free_port()?);
        let data = folder.join("data");
        let config = folder.join("leadsman.yml");
        std::fs::write(
            &config,
            configuration(&data, &archive_keys, &address, &web, yaml),
        )?;
        let mut command = match wrapper.split_first() {
            Some((program, args)) => {
                let mut command = Command::new(program);
                command.args(args).arg(binary()?).env("NO_COLOR", "1");
                command
            }
            None => command([])?,
        };
        command.arg("--config").arg(&config).current_dir(folder);
        let process = Process::spawn("leadsman", folder, command)?;
        let mut leadsman = Self {
            process,
            address,
            data,
            web,
            archive_keys,
        };
        until("leadsman to be ready", PATIENCE, || {
            let alive = leadsman.process.check_alive();
            let (client, url) = (leadsman.web.client.clone(), leadsman.url("/-/ready"));
            async move {
                alive?;
                http::get_with(&client, &url).await
            }
        })
        .await?;
        Ok(leadsman)
    }

    /// Its configuration file.
    pub fn config(&self) -> PathBuf {
        self.data.with_file_name("leadsman.yml")
    }

    /// Writes its configuration file anew; SIGHUP makes it read that.
    pub fn reconfigure(&self, yaml: &str) -> Result<()> {
        let (archive_keys, web) = (&self.archive_keys, &self.web);
        let text = configuration(&self.data, archive_keys, &self.address, web, yaml);
        Ok(std::fs::write(self.config(), text)?)
    }

    /// What `leadsman targets` prints and how it exits.
    pub fn targets_command(&self) -> Result<(String, Option<i32>)> {
        let mut targets = command(["targets", "--config"])?;
        let output = tools::output(targets.arg(self.config()))?;
        let both = [output.stdout, output.stderr].concat();
        Ok((
            String::from_utf8_lossy(&both).into_owned(),
            output.status.code(),
        ))
    }

    /// A URL of its endpoints.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.web.scheme, self.address)
    }

    /// The body of a GET, which must succeed.
    pub async fn get(&self, path: &str) -> Result<String> {
        http::get_with(&self.web.client, &self.url(path)).await
    }

    /// The sum of all samples of a metric on a page of samples.
    pub async fn sum(&self, page: &str, metric: &str) -> Result<f64> {
        let page = self.get(page).await?;
        let values = page.lines().filter_map(|line| {
            let rest = line.strip_prefix(metric)?;
            let is_whole = rest.starts_with(['{', ' ']);
            is_whole.then(|| rest.rsplit(' ').next())?
        });
        let values: Vec<f64> = values.map(str::parse).collect::<Result<_, _>>()?;
        ensure!(!values.is_empty(), "no {metric} in {page}");
        Ok(values.iter().sum())
    }

    /// The targets as its API tells them.
    pub async fn targets(&self) -> Result<Vec<Value>> {
        let answer: Value = serde_json::from_str(&self.get("/api/v1/targets").await?)?;
        let targets = answer.as_array().or_else(|| answer["targets"].as_array());
        Ok(targets
            .with_context(|| format!("no list of targets in {answer}"))?
            .clone())
    }

    /// Waits until every one of these jobs has a target that is up.
    pub async fn wait_until_up(&self, jobs: &[&str]) -> Result<()> {
        until(&format!("{jobs:?} to be up"), PATIENCE, || async {
            let targets = self.targets().await?;
            let is_up = |job: &&str| {
                targets
                    .iter()
                    .any(|t| t["job"] == **job && t["health"] == "up")
            };
            ensure!(jobs.iter().all(is_up), "{targets:#?}");
            Ok(())
        })
        .await
    }
}

fn configuration(data: &Path, archive_keys: &str, address: &str, web: &Web, yaml: &str) -> String {
    format!(
        "archive: {{path: {data:?}{archive_keys}}}\nweb: {{listen: \"{address}\"{}}}\n{yaml}",
        web.keys
    )
}

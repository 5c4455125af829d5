//! `leadsman capture`: everything one target offers, once, into a folder.
//!
//! It needs no running leadsman and writes neither log nor archive: it is what one runs while the
//! problem is happening.

mod folder;
mod step;
mod subject;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use indicatif::ProgressBar;
use jiff::Timestamp;

use crate::fetch::{Client, FetchError, Request};
use folder::{Entry, Folder, Manifest};
use step::Step;
use subject::{AccessArgs, Subject};

/// Longest wait for a first sign of the target.
const REACH_TIME: Duration = Duration::from_secs(15);

/// Take all profiles and the metrics page of one target into a folder
#[derive(Clone, Debug, clap::Args)]
pub struct CaptureArgs {
    /// A URL such as https://127.0.0.1:2379, http://127.0.0.1:1338/v1/metrics or
    /// unix:///run/containerd/debug.sock, or a target of the configuration: JOB, INSTANCE or
    /// JOB/INSTANCE
    #[arg(value_name = "URL|TARGET")]
    target: String,
    /// Folder to write; it must not exist or be empty [default: capture-TARGET-TIME]
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// How long profiles that measure (CPU and the like) take
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    #[command(flatten)]
    access: AccessArgs,
}

impl CaptureArgs {
    /// Captures, shows progress on standard error, and prints the folder.
    ///
    /// # Errors
    /// The target is not known, the folder cannot be written, or nothing at all came. What is
    /// only missing (a profile that the target does not offer) is no error: the manifest says so.
    pub fn run(self) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(self.capture())
    }

    async fn capture(self) -> anyhow::Result<()> {
        let started = Timestamp::now();
        let subject = Subject::find(&self.target, &self.access).await?;
        let client = Client::new(&subject.http).context("failed to set up the client")?;
        let path = self
            .output
            .unwrap_or_else(|| folder::default_path(&subject.name, started));
        reach(&subject, &client).await?;
        let folder = Folder::create(path)?;
        let mut manifest = Manifest::new(&subject, started, self.seconds);
        for step in step::plan(&subject, self.seconds) {
            let entry = capture_step(&subject, &client, &folder, step).await?;
            eprintln!("{}", entry.line());
            manifest.entries.push(entry);
        }
        folder.finish(&manifest)?;
        if manifest.entries.iter().all(|entry| entry.file.is_none()) {
            let first = manifest
                .entries
                .first()
                .and_then(|entry| entry.error.clone());
            bail!(
                "nothing could be captured from {}: {}",
                subject.name,
                first.unwrap_or_default()
            );
        }
        println!("{}", folder.path().display());
        Ok(())
    }
}

/// Fails at once if nobody answers at all: nine failures would say the same.
async fn reach(subject: &Subject, client: &Client) -> anyhow::Result<()> {
    let request = Request {
        timeout: REACH_TIME,
        ..Step::Metrics.request(subject)
    };
    match client.get(&request).await {
        Err(error @ (FetchError::Connect(_) | FetchError::Timeout { .. })) => {
            bail!(
                "{} cannot be reached: {}",
                subject.name,
                subject.http.report(&error)
            )
        }
        _ => Ok(()),
    }
}

/// Takes one page or profile. Only a folder that cannot be written ends the capture.
async fn capture_step(
    subject: &Subject,
    client: &Client,
    folder: &Folder,
    step: Step,
) -> anyhow::Result<Entry> {
    let (started, clock) = (Timestamp::now(), Instant::now());
    let spinner = spinner(&step);
    let answer = client.get(&step.request(subject)).await;
    spinner.finish_and_clear();
    let mut entry = Entry::new(&step, started, clock.elapsed());
    match answer {
        Err(error) => entry.error = Some(subject.http.report(&error)),
        Ok(response) => {
            match step.check(&response, subject) {
                Ok(n_samples) => entry.samples = Some(n_samples),
                Err(error) => entry.error = Some(subject.http.redact(format!("{error:#}"))),
            }
            // What cannot be read is kept all the same: it may be what the problem looks like.
            folder.write(&step.file_name(&response), &response.body)?;
            entry.file = Some(step.file_name(&response));
            entry.bytes = response.body.len();
            entry.content_type = Some(subject.http.redact(response.content_type));
        }
    }
    Ok(entry)
}

/// A sign of life on a terminal; a step may take as long as it measures.
fn spinner(step: &Step) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(step.describe());
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

#[cfg(test)]
mod tests;

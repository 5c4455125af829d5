//! `leadsman dashboards`: Grafana's dashboards of all signals, one's own among them, as files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dashboards::grafana;

use crate::config;

/// Write Grafana dashboards of all signals, with files for its provisioning, into a folder
#[derive(Debug, clap::Args)]
pub struct DashboardsArgs {
    /// Configuration file, whose own signals get panels too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder to write into; files of the same names are replaced
    folder: PathBuf,
}

impl DashboardsArgs {
    /// Writes the files and says which.
    ///
    /// # Errors
    /// The configuration is wrong, or the folder cannot be written to.
    pub fn run(self) -> anyhow::Result<()> {
        let signals = config::load(self.config.as_deref())?.signals;
        let files = grafana::files(&signals);
        let n_files = files.len();
        for file in files {
            write(&self.folder.join(&file.name), &file.text)?;
        }
        for (name, text) in grafana::PROVISIONING {
            write(&self.folder.join(name), text)?;
        }
        eprintln!(
            "{n_files} dashboards are in {}. Import them in Grafana (Dashboards, New, Import), or see \
             provisioning/ there.",
            self.folder.display()
        );
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let written = path
        .parent()
        .map_or(Ok(()), fs::create_dir_all)
        .and_then(|()| fs::write(path, text));
    written.with_context(|| format!("failed to write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use baseline::catalogue::Signal;
    use proto::metrics::{BASELINE_PREFIX, SIGNAL_PREFIX};

    use super::*;

    const REMEDY: &str = "leadsman dashboards dashboards/grafana";

    fn committed() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../dashboards/grafana")
    }

    #[test]
    fn the_dashboards_are_those_of_the_catalogue() {
        let files = grafana::files(&config::built_in_signals().unwrap());
        for file in &files {
            let text = fs::read_to_string(committed().join(&file.name)).unwrap_or_default();
            assert!(text == file.text, "{} is stale: {REMEDY}", file.name);
        }
        let on_disk = fs::read_dir(committed()).unwrap();
        let names = on_disk.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let n_on_disk = names.filter(|name| name.ends_with(".json")).count();
        assert_eq!(n_on_disk, files.len(), "some are left over: {REMEDY}");
    }

    /// A name with a mistake in it would leave its panel out.
    #[test]
    fn every_signal_that_a_dashboard_names_is_in_the_catalogue() {
        let signals = config::built_in_signals().unwrap();
        let names: Vec<_> = signals.iter().map(|signal| signal.name.as_str()).collect();
        for name in grafana::named_signals() {
            assert!(names.contains(&name), "{name}");
        }
    }

    /// Each of our own metrics that a dashboard asks for is one that we have.
    #[test]
    fn our_own_metrics_on_dashboards_are_those_we_have() {
        const METRICS: &str = include_str!("../../../exporter/METRICS.md");
        let signals = config::built_in_signals().unwrap();
        let limits: Vec<_> = signals
            .iter()
            .filter_map(Signal::limit_metric_name)
            .collect();
        let is_derived = |word: &str| {
            let prefixes = [SIGNAL_PREFIX, BASELINE_PREFIX];
            prefixes.iter().any(|prefix| word.starts_with(prefix))
                || limits.iter().any(|limit| limit == word)
        };
        let mut n_found = 0;
        for file in grafana::files(&signals) {
            let words = file
                .text
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let own = words.filter(|word| word.starts_with("leadsman_") && !is_derived(word));
            for word in own {
                let name = word.trim_end_matches("_bucket");
                assert!(
                    METRICS.contains(&format!("`{name}`")),
                    "{name} in {}",
                    file.name
                );
                n_found += 1;
            }
        }
        assert!(n_found > 40, "only {n_found}");
    }
}

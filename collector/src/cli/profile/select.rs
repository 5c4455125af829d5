//! Selecting profiles of the archive.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use proto::UnixNanos;
use proto::profile::Profile;
use proto::profile_ops::samples_with;
use proto::selector::{Matcher, Selector};
use storage::ErrorChain;
use storage::archive::{Asked, MergedProfile, ProfileSelection, RecallError};

use super::progress;
use crate::cli::{data, time};

#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Read from the archive in this folder or bucket (s3://BUCKET/PREFIX, gs://…, az://…)
    /// [default: leadsman-data, if it is here]
    #[arg(long, value_name = "DIR", conflicts_with = "files")]
    archive: Option<PathBuf>,
    #[command(flatten)]
    cache: data::CacheArgs,
    /// Only profiles of this job
    #[arg(long, conflicts_with = "files")]
    job: Option<String>,
    /// Only profiles of this instance
    #[arg(long, conflicts_with = "files")]
    instance: Option<String>,
    /// Only profiles whose target has this label; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_label, conflicts_with = "files")]
    label: Vec<(String, String)>,
    /// Only profiles whose target has such labels, as in PromQL: '{job="etcd",instance=~"a.*"}'
    #[arg(long = "match", value_name = "SELECTOR", conflicts_with = "files")]
    selector: Option<Selector>,
    /// Only profiles of this kind: process_cpu, memory, goroutine, …
    #[arg(long, conflicts_with = "files")]
    kind: Option<String>,
    /// Only profiles since then: 2026-11-21T10:00:00Z, 2026-11-21 (UTC), or 2h (ago)
    #[arg(long, value_name = "TIME", value_parser = time::parse, conflicts_with = "files")]
    pub(super) from: Option<UnixNanos>,
    /// Only profiles before then
    #[arg(long, value_name = "TIME", value_parser = time::parse, conflicts_with = "files")]
    pub(super) until: Option<UnixNanos>,
    /// Only samples that have such labels, of files too: '{state="select"}'
    #[arg(long, value_name = "SELECTOR")]
    samples: Option<Selector>,
}

impl Selection {
    /// Reads and merges what is selected. What cannot be read is reported and left out.
    pub(super) fn load(&self) -> anyhow::Result<MergedProfile> {
        self.load_between(self.from, self.until)
    }

    /// The same of another range.
    pub(super) fn load_between(
        &self,
        from: Option<UnixNanos>,
        to: Option<UnixNanos>,
    ) -> anyhow::Result<MergedProfile> {
        let place = data::Place::find(self.archive.as_deref())?;
        let selection = ProfileSelection {
            selector: self.selector(),
            kind: self.kind.clone(),
            sample_types: Vec::new(),
            profile_type: None,
            from,
            to,
            resolution: Asked::Auto,
        };
        let recall = place.recall(&self.cache)?;
        let merged = match progress::waiting("reading profiles", || recall.profile(&selection)) {
            Err(RecallError::Kinds { first, second }) => {
                bail!("the selection has {first} and {second} profiles: choose with --kind")
            }
            merged => merged.map_err(|error| place.failed(error))?,
        };
        let Some(mut merged) = merged else {
            let range = |end: Option<UnixNanos>| end.map(|end| time::show(end.into()));
            let from = range(from).map_or(String::new(), |from| format!(" from {from}"));
            let to = range(to).map_or(String::new(), |to| format!(" until {to}"));
            let zone = if from.len() + to.len() > 0 {
                " UTC"
            } else {
                ""
            };
            bail!("no profile in {place}{from}{to}{zone} matches the selection");
        };
        for error in &merged.left_out {
            eprintln!("leadsman: warning: left out: {}", ErrorChain(error));
        }
        merged.profile = self.chosen_samples(merged.profile);
        Ok(merged)
    }

    /// The samples of a profile that are selected.
    pub(super) fn chosen_samples(&self, profile: Profile) -> Profile {
        match &self.samples {
            Some(selector) => samples_with(profile, selector),
            None => profile,
        }
    }

    fn selector(&self) -> Selector {
        let equal = |name: &str, value: &Option<String>| {
            let value = value.as_ref()?;
            Some(Matcher::equal(name, value))
        };
        let own = [equal("job", &self.job), equal("instance", &self.instance)];
        let labels = self.label.iter();
        let labels = labels.map(|(name, value)| Matcher::equal(name, value));
        let mut selector = self.selector.clone().unwrap_or_default();
        selector.matchers.extend(own.into_iter().flatten());
        selector.matchers.extend(labels);
        selector
    }
}

fn parse_label(text: &str) -> anyhow::Result<(String, String)> {
    let (name, value) = text.split_once('=').context("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.trim_matches('"').to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_name_and_a_value() {
        let label = |text| parse_label(text).ok();
        assert_eq!(label("a=b=c"), Some(("a".into(), "b=c".into())));
        assert_eq!(label("a=\"b\""), Some(("a".into(), "b".into())));
        assert_eq!(label("a"), None);
    }
}

//! Selecting profiles of the archive.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proto::profile::Profile;
use proto::profile_ops::Merger;
use proto::{ProfileRecord, UnixNanos};
use storage::archive::{ProfileQuery, Resolution};

use super::progress::Progress;

/// A label and the value it must have.
type Matcher = (String, String);

#[derive(Debug, Args)]
#[group(id = "selection", multiple = true)]
pub(super) struct Selection {
    /// Read from the archive in this folder instead of files
    #[arg(id = "path", long = "archive", value_name = "DIR", required = false)]
    path: PathBuf,
    /// Only profiles of this job
    #[arg(long, requires = "path")]
    job: Option<String>,
    /// Only profiles of this instance
    #[arg(long, requires = "path")]
    instance: Option<String>,
    /// Only profiles whose target has this label; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_label, requires = "path")]
    label: Vec<Matcher>,
    /// Only profiles of this kind: process_cpu, memory, goroutine, …
    #[arg(long, requires = "path")]
    kind: Option<String>,
    /// Only profiles since then: 2026-11-21T10:00:00Z, 2026-11-21 (UTC), or 2h (ago)
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "path")]
    from: Option<UnixNanos>,
    /// Only profiles before then
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "path")]
    until: Option<UnixNanos>,
}

impl Selection {
    /// Reads and merges what is selected. What cannot be read is reported and left out.
    pub(super) fn load(&self) -> anyhow::Result<Profile> {
        let query = self.query();
        let place = query.path.display();
        if !query.path.is_dir() {
            bail!("there is no folder {place}");
        }
        let profiles = query
            .profiles()
            .with_context(|| format!("failed to read {place}"))?;
        let mut merged = Merged::default();
        for record in profiles {
            match record {
                Ok(record) => merged.add(&record)?,
                Err(error) => merged.progress.warn(&anyhow::Error::from(error)),
            }
        }
        if merged.kind.is_none() {
            bail!("no profile in {place} matches the selection");
        }
        Ok(merged.merger.finish()?)
    }

    fn query(&self) -> ProfileQuery {
        let named = |name: &str, value: &Option<String>| Some((name.to_owned(), value.clone()?));
        let own = [named("job", &self.job), named("instance", &self.instance)];
        ProfileQuery {
            path: tables_folder(&self.path),
            matchers: own
                .into_iter()
                .flatten()
                .chain(self.label.iter().cloned())
                .collect(),
            kind: self.kind.clone(),
            resolution: Resolution::Raw,
            from: self.from,
            to: self.until,
        }
    }
}

/// The folder of the tables: DIR itself, or `archive` in it if DIR is leadsman's data folder.
fn tables_folder(dir: &Path) -> PathBuf {
    let inner = dir.join("archive");
    if inner.is_dir() {
        inner
    } else {
        dir.to_owned()
    }
}

/// The profiles read so far.
#[derive(Default)]
struct Merged {
    merger: Merger,
    kind: Option<String>,
    progress: Progress,
}

impl Merged {
    fn add(&mut self, record: &ProfileRecord) -> anyhow::Result<()> {
        let kind = self.kind.get_or_insert_with(|| record.kind.clone());
        if *kind != record.kind {
            bail!(
                "the selection has {kind} and {} profiles: choose with --kind",
                record.kind
            );
        }
        let target = &record.target.labels;
        self.merger
            .add(&record.profile)
            .with_context(|| format!("failed to merge {target}"))?;
        self.progress.advance("profiles read");
        Ok(())
    }
}

fn parse_label(text: &str) -> anyhow::Result<Matcher> {
    let (name, value) = text.split_once('=').context("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.trim_matches('"').to_owned()))
}

pub(in crate::cli) fn parse_time(text: &str) -> anyhow::Result<UnixNanos> {
    time_at(text, Timestamp::now())
}

fn time_at(text: &str, now: Timestamp) -> anyhow::Result<UnixNanos> {
    let time = if let Ok(time) = text.parse::<Timestamp>() {
        time
    } else if let Ok(civil) = text.parse::<DateTime>() {
        civil.to_zoned(TimeZone::UTC)?.timestamp()
    } else if let Ok(ago) = text.parse::<SignedDuration>() {
        now.checked_sub(ago)?
    } else {
        bail!("expected a time such as 2026-11-21T10:00:00Z, a date, or a duration such as 2h");
    };
    Ok(UnixNanos(i64::try_from(time.as_nanosecond())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanos(text: &str) -> i64 {
        time_at(text, "2026-11-21T12:00:00Z".parse().unwrap())
            .unwrap()
            .0
    }

    #[test]
    fn times_are_absolute_or_ago() {
        let noon = nanos("2026-11-21T12:00:00Z");
        assert_eq!(nanos("2026-11-21T14:00:00+02:00"), noon);
        assert_eq!(nanos("2026-11-21"), noon - 12 * 3_600_000_000_000);
        assert_eq!(nanos("2026-11-21T12:00"), noon);
        assert_eq!(nanos("2h"), noon - 2 * 3_600_000_000_000);
        assert_eq!(nanos("1h30m"), noon - 5_400_000_000_000);
        let refused = time_at("yesterday", Timestamp::UNIX_EPOCH)
            .unwrap_err()
            .to_string();
        assert!(refused.starts_with("expected a time such as"), "{refused}");
    }

    #[test]
    fn a_label_is_a_name_and_a_value() {
        let label = |text| parse_label(text).ok();
        assert_eq!(label("a=b=c"), Some(("a".into(), "b=c".into())));
        assert_eq!(label("a=\"b\""), Some(("a".into(), "b".into())));
        assert_eq!(label("a"), None);
    }
}

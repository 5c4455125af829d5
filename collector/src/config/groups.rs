//! Target groups: `static_configs`, and the content of the files of `file_sd_configs`.

use std::path::Path;

use super::error::ConfigErrors;
use super::job::StaticGroup;
use super::scalar::{Wrong, labels, list, non_empty};
use super::table::{Source, Table};
use super::yaml::{Node, Value};
use super::{ConfigError, yaml};
use crate::discovery::Address;

/// Targets and the labels they share, as they are listed.
pub(crate) type ListedGroup = StaticGroup;

/// Reads a file of target groups, in YAML or JSON (which is YAML).
///
/// # Errors
/// Everything that is wrong with it, each with its line.
pub(crate) fn parse(file: &Path, text: &str) -> Result<Vec<ListedGroup>, ConfigErrors> {
    let failed = |line, problem: String, allowed: Option<&str>| ConfigError {
        file: file.to_owned(),
        line: Some(line),
        key: None,
        problem,
        allowed: allowed.map(str::to_owned),
    };
    let document = yaml::parse(text).map_err(|error| failed(error.line, error.message, None))?;
    let Value::List(items) = &document.value else {
        let allowed = "a list of mappings with targets and labels";
        return Err(failed(document.line, "not a list".to_owned(), Some(allowed)).into());
    };
    let source = Source::new(file);
    let groups = items
        .iter()
        .enumerate()
        .filter_map(|(idx, item)| source.table(item, &format!("group {idx}"), read))
        .collect();
    source.finish().map(|_| groups).map_err(ConfigErrors::from)
}

/// One group.
pub(super) fn read(table: &mut Table<'_>) -> StaticGroup {
    StaticGroup {
        targets: table.get("targets", list(target)).unwrap_or_default(),
        labels: table.get("labels", labels).unwrap_or_default(),
    }
}

fn target(node: &Node) -> Result<String, Wrong> {
    let target = non_empty(node)?;
    match Address::parse(&target) {
        Ok(_) => Ok(target),
        // Not repeated: what comes before the @ may be a secret.
        Err(_) if target.contains('@') => Err(Wrong::new(
            "credentials in a target",
            "basic_auth, authorization",
        )),
        Err(error) => Err(Wrong::new(
            format!("wrong target {target:?}: {error}"),
            "host, host:port or unix:///path.sock",
        )),
    }
}

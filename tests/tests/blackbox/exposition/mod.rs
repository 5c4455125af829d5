//! Pages as a real Prometheus reads them: leadsman sees the same samples, and shows them again so
//! that Prometheus and promtool read them from us.

mod odd;
mod random;
mod views;

use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, anyhow, ensure};
use leadsman_tests::page_server::Page;
use leadsman_tests::setting::setting;
use leadsman_tests::tools;
use views::Views;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A page, and where leadsman and Prometheus do not mean the same by it, why.
#[derive(Clone, Debug)]
struct Case {
    page: Page,
    differs: Option<&'static str>,
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_pages_mean_what_they_mean_to_prometheus() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let now = now_millis()?;
    let cases = [odd::recorded(now)?, odd::pages(now)].concat();
    let views = check(folder.path(), &cases).await?;
    let mut n_read = 0;
    for (idx, Case { page, .. }) in cases.iter().enumerate().filter(|(_, case)| is_plain(case)) {
        let is_text = page.content_type == TEXT;
        if views.ours[idx].is_some() && (!is_text || promtool(folder.path(), &page.body)?.is_ok()) {
            let read = promtool(folder.path(), views.live[idx].as_bytes())?;
            read.map_err(|said| anyhow!("promtool: {said}\n{}", views.live[idx]))?;
            n_read += 1;
        }
    }
    assert!(n_read > 50, "promtool could read only {n_read} pages");
    Ok(())
}

/// Names in quotes are younger than Debian's promtool.
fn is_plain(case: &Case) -> bool {
    let body = String::from_utf8_lossy(&case.page.body);
    !body.contains("{\"") && !body.contains(",\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn random_pages_mean_what_they_mean_to_prometheus() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let seed = setting("LEADSMAN_SOAK_SEED", 1)?;
    let n_pages = setting("LEADSMAN_SOAK_PAGES", 200)?;
    let cases = random::pages(seed, n_pages, now_millis()?)?;
    let views = check(folder.path(), &cases).await;
    let views = views.with_context(|| format!("LEADSMAN_SOAK_SEED={seed}"))?;
    let n_good = views.ours.iter().flatten().count();
    assert!(
        n_good > n_pages / 4 && n_good < n_pages,
        "{n_good} of {n_pages} pages are good"
    );
    Ok(())
}

/// Compares all views, and tells of all pages that differ.
async fn check(folder: &Path, cases: &[Case]) -> Result<Views> {
    let pages = cases.iter().map(|case| case.page.clone()).collect();
    let views = Views::take(folder, pages).await?;
    let mut wrong = String::new();
    for (idx, Case { page, differs }) in cases.iter().enumerate() {
        let (ours, theirs) = (&views.ours[idx], &views.theirs[idx]);
        let body = String::from_utf8_lossy(&page.body);
        match differs {
            None if ours != theirs => {
                wrong += &format!("{body:?}\n  leadsman   {ours:?}\n  Prometheus {theirs:?}\n");
            }
            Some(reason) if ours == theirs => wrong += &format!("{body:?}: no more {reason}\n"),
            _ => {}
        }
        let ours = ours.clone().unwrap_or_default();
        let relayed = &views.relayed[idx];
        if relayed.as_ref() != Some(&ours) {
            let live = &views.live[idx];
            wrong +=
                &format!("{body:?}\n  leadsman {ours:?}\n  relayed  {relayed:?}\n  by {live}\n");
        }
    }
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(views)
}

/// Whether promtool can read a page, or what it says; complaints about style are the target's own.
fn promtool(folder: &Path, page: &[u8]) -> Result<Result<(), String>> {
    const ONLY_STYLE: i32 = 3;
    let file = folder.join("page.txt");
    std::fs::write(&file, page)?;
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]);
    let output = tools::output(promtool.stdin(std::fs::File::open(&file)?))?;
    Ok(match output.status.code() {
        Some(0 | ONLY_STYLE) => Ok(()),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    })
}

fn now_millis() -> Result<i64> {
    Ok(SystemTime::now()
        .duration_since(UNIX_EPOCH)?
        .as_millis()
        .try_into()?)
}

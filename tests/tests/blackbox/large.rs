//! Pages of any size: what they may cost is bounded, and what is refused says why.

use std::fmt::Write as _;

use anyhow::Result;
use leadsman_tests::setting::setting;
use serde_json::Value;

use super::served::Served;

/// What one more series of a page may take while it is new: its line, its labels and its place in
/// the decoder, in the layout, in the log and in the archive's buffers. Bytes.
const MEMORY_A_SERIES: u64 = 1536;
/// What any page may take. Bytes.
const OTHERWISE: u64 = 16 << 20;

fn page_of(n_series: usize) -> Vec<u8> {
    let page = (0..n_series).fold(String::new(), |mut page, n| {
        let _ = writeln!(page, "m{{pod=\"pod-{n}\"}} {n}");
        page
    });
    page.into_bytes()
}

fn is_down(target: &Value, says: &str) -> bool {
    let error = target["last_error"].as_str().unwrap_or_default();
    target["health"] == "down" && error.contains(says)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_very_many_series_is_kept_at_so_much_a_series() -> Result<()> {
    let n_series = setting("LEADSMAN_SOAK_SERIES", 100_000)?;
    let folder = tempfile::tempdir()?;
    let target = Served::start(folder.path(), vec![page_of(n_series)], "sample_limit: 0").await?;
    target
        .wait("all series", |status| status["n_samples"] == n_series)
        .await?;
    target.wait_for_rows("metric_points", n_series).await?;
    let each = target.grown()? / n_series as u64;
    eprintln!("{n_series} series: {each} bytes each");
    assert!(each < MEMORY_A_SERIES, "{each} bytes each");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_over_the_sample_limit_costs_little_more_than_its_text() -> Result<()> {
    let n_series = setting("LEADSMAN_SOAK_SERIES", 100_000)?;
    let folder = tempfile::tempdir()?;
    let page = page_of(n_series);
    let n_bytes = page.len() as u64;
    let target = Served::start(folder.path(), vec![page], "sample_limit: 1000").await?;
    target
        .wait("the page to be refused", |status| {
            is_down(status, "more than 1000 samples")
        })
        .await?;
    let grown = target.grown()?;
    assert!(grown < 4 * n_bytes + OTHERWISE, "{grown} for {n_bytes}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_any_setting_a_label_has_at_most_64_kib() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let page = |n_bytes: usize| format!("m{{a=\"{}\"}} 1\n", "x".repeat(n_bytes)).into_bytes();
    let target = Served::start(folder.path(), vec![page(1 << 20)], "params: {}").await?;
    let says = "1048576 bytes for label a, more than 65536 (label_value_length_limit)";
    target
        .wait("the page to be refused", |status| is_down(status, says))
        .await?;

    let folder = tempfile::tempdir()?;
    let target = Served::start(folder.path(), vec![page(64 << 10)], "params: {}").await?;
    target
        .wait("the page to be taken", |status| status["health"] == "up")
        .await
}

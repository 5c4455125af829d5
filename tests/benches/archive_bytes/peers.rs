//! The pages in Prometheus' blocks and in VictoriaMetrics' parts.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use leadsman_tests::tools;
use leadsman_tests::usage::folder_bytes;
use leadsman_tests::victoria_metrics::VictoriaMetrics;
use leadsman_tests::wait::PATIENCE;

use super::Stored;
use super::pages::{Pages, Recorded};

/// Bytes of a request to VictoriaMetrics.
const REQUEST: usize = 8 << 20;

/// Blocks of two hours, by `promtool`.
pub(crate) fn prometheus(folder: &Path, pages: &Pages) -> Result<Stored> {
    let (file, blocks) = (folder.join("pages.om"), folder.join("blocks"));
    let mut out = std::io::BufWriter::new(std::fs::File::create(&file)?);
    let mut n_samples = 0;
    for page in pages.pages() {
        // Seconds in OpenMetrics.
        let time = format!("{}.{:03}", page.time / 1000, page.time % 1000);
        let (lines, n_lines) = lines(page, &time)?;
        out.write_all(lines.as_bytes())?;
        n_samples += n_lines;
    }
    out.write_all(b"# EOF\n")?;
    out.flush()?;
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics"]);
    tools::run(promtool.arg(&file).arg(&blocks))?;
    let (mut bytes, mut names) = (0, 0);
    for block in std::fs::read_dir(&blocks)? {
        let block = block?.path();
        bytes += folder_bytes(&block.join("chunks"));
        names += std::fs::metadata(block.join("index")).map_or(0, |data| data.len());
    }
    Ok(Stored {
        who: "Prometheus",
        n_samples,
        bytes,
        names,
    })
}

/// Imported, and merged to the end.
pub(crate) async fn victoria_metrics(folder: &Path, pages: &Pages) -> Result<Stored> {
    let mut victoria = VictoriaMetrics::start(folder).await?;
    let (mut request, mut n_samples) = (String::new(), 0);
    let mut rest = pages.pages().peekable();
    while let Some(page) = rest.next() {
        let (lines, n_lines) = lines(page, &page.time.to_string())?;
        request.push_str(&lines);
        n_samples += n_lines;
        if request.len() >= REQUEST || rest.peek().is_none() {
            victoria.import(std::mem::take(&mut request)).await?;
        }
    }
    victoria.merge().await?;
    ensure!(victoria.process.stop(PATIENCE)?.success());
    let bytes = |name| folder_bytes(&folder.join("victoria-data").join(name));
    Ok(Stored {
        who: "VictoriaMetrics",
        n_samples,
        bytes: ["data/small", "data/big"].map(bytes).iter().sum(),
        // The index is in one of the two, by version.
        names: ["data/indexdb", "indexdb"].map(bytes).iter().sum(),
    })
}

/// The samples of a page with the target's labels and this time, and their number.
fn lines(page: &Recorded, time: &str) -> Result<(String, u64)> {
    let body = String::from_utf8(page.body()?)?;
    let target = format!("job=\"{}\",instance=\"127.0.0.1:2379\"", page.name);
    let (mut text, mut n_lines) = (String::with_capacity(body.len() * 2), 0);
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let end = line
            .find(['{', ' '])
            .with_context(|| format!("no sample: {line}"))?;
        let (name, rest) = line.split_at(end);
        match rest.strip_prefix('{') {
            Some(rest) => writeln!(text, "{name}{{{target},{rest} {time}")?,
            None => writeln!(text, "{name}{{{target}}}{rest} {time}")?,
        }
        n_lines += 1;
    }
    Ok((text, n_lines))
}

//! The same pages as leadsman and a real Prometheus see them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use leadsman_tests::leadsman::Leadsman;
use leadsman_tests::page_server::{Page, PageServer};
use leadsman_tests::prometheus::Prometheus;
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use serde_json::Value;

/// What a scraper has of a page: its samples, or nothing as it refused the page.
pub(super) type View = Option<BTreeSet<Sample>>;

/// One sample, without the labels of its target.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sample {
    labels: BTreeMap<String, String>,
    /// In Rust's notation, which tells -0 from 0.
    value: String,
    /// Where it is not the time of the scrape.
    time: Option<i64>,
}

/// The views of all pages, by their numbers.
pub(super) struct Views {
    /// leadsman's, from its archive.
    pub(super) ours: Vec<View>,
    /// Prometheus'.
    pub(super) theirs: Vec<View>,
    /// Prometheus' view of leadsman's live view.
    pub(super) relayed: Vec<View>,
    /// The pages of the live view.
    pub(super) live: Vec<String>,
}

impl Views {
    /// Has the pages scraped by both, more than once each.
    pub(super) async fn take(folder: &Path, pages: Vec<Page>) -> Result<Self> {
        let n_pages = pages.len();
        let server = PageServer::start(pages).await?;
        let direct = job("pages", &server.address.to_string(), n_pages, |idx| {
            format!("__metrics_path__: /{idx}")
        });
        let yaml = format!("scrape_configs:\n{direct}");
        let mut leadsman = Leadsman::start(folder, &yaml).await?;
        let relayed = job("relayed", &leadsman.address, n_pages, |idx| {
            format!("__param_target: pages/{idx}")
        });
        // On the relayed page they are leadsman's reports, and would be taken for Prometheus'.
        let drop = "  metric_relabel_configs:\n  \
                    - {source_labels: [__name__], regex: 'up|scrape_.*', action: drop}\n";
        let jobs = format!("\n{direct}{relayed}{drop}");
        let prometheus = Prometheus::newer_scraping(folder, &jobs).await?;
        until("both to have had every page", 3 * PATIENCE, || async {
            let rounds = ["leadsman", "Prometheus"].map(|program| server.rounds(program));
            ensure!(rounds.iter().all(|rounds| *rounds > 2), "{rounds:?} rounds");
            let n_up = prometheus.query("up{job=\"relayed\"} == 1").await?.len();
            ensure!(n_up == n_pages, "{n_up} of {n_pages} are relayed");
            Ok(())
        })
        .await?;
        let [theirs, relayed] = [
            of_prometheus(&prometheus, "pages", n_pages).await?,
            of_prometheus(&prometheus, "relayed", n_pages).await?,
        ];
        let mut live = Vec::new();
        for idx in 0..n_pages {
            live.push(
                leadsman
                    .get(&format!("/metrics?target=pages/{idx}"))
                    .await?,
            );
        }
        let ours = of_leadsman(&mut leadsman, n_pages)?;
        Ok(Self {
            ours,
            theirs,
            relayed,
            live,
        })
    }
}

/// A job as both understand it, with a target for each page.
fn job(name: &str, address: &str, n_pages: usize, label: impl Fn(usize) -> String) -> String {
    // A page must be read in time by each of three, all of them hundreds of pages at once.
    let head = format!(
        "- job_name: {name}\n  scrape_interval: 5s\n  scrape_timeout: 5s\n  static_configs:\n"
    );
    let targets = (0..n_pages).map(|idx| {
        let label = label(idx);
        format!("  - {{targets: [\"{address}\"], labels: {{instance: \"{idx}\", {label}}}}}\n")
    });
    head + &targets.collect::<String>()
}

fn of_leadsman(leadsman: &mut Leadsman, n_pages: usize) -> Result<Vec<View>> {
    ensure!(leadsman.process.stop(PATIENCE)?.success());
    let archive = leadsman.data.join("archive");
    let json = tools::python("samples.py", [archive.as_os_str(), "pages".as_ref()])?;
    let rows: Vec<Value> = serde_json::from_str(&json)?;
    let point = |row: &Value| {
        let labels = serde_json::from_value(row[0].clone())?;
        let value = row[2].as_str().context("no value")?.to_owned();
        Ok((labels, row[1].as_i64().context("no time")?, value))
    };
    let points = rows.iter().map(point).collect::<Result<_>>()?;
    views(points, n_pages)
}

async fn of_prometheus(prometheus: &Prometheus, job: &str, n_pages: usize) -> Result<Vec<View>> {
    let mut points = Vec::new();
    for series in prometheus.query(&format!("{{job=\"{job}\"}}[30m]")).await? {
        let labels: BTreeMap<String, String> = serde_json::from_value(series["metric"].clone())?;
        for pair in series["values"].as_array().context("no values")? {
            let seconds = pair[0].as_f64().context("no time")?;
            let value = pair[1].as_str().context("no value")?.to_owned();
            points.push((labels.clone(), (seconds * 1000.0).round() as i64, value));
        }
    }
    views(points, n_pages)
}

type Point = (BTreeMap<String, String>, i64, String);

/// Sorts the points of a job by their targets; one that was never up is a page that was refused.
fn views(points: Vec<Point>, n_pages: usize) -> Result<Vec<View>> {
    let mut views: Vec<View> = vec![None; n_pages];
    let (reports, points): (Vec<Point>, Vec<Point>) = points.into_iter().partition(is_report);
    let mut scrapes = HashSet::new();
    for (labels, time, value) in reports {
        let idx: usize = labels.get("instance").context("no instance")?.parse()?;
        scrapes.insert((idx, time));
        if labels["__name__"] == "up" && value.parse() == Ok(1.0) {
            views
                .get_mut(idx)
                .context("an unknown page")?
                .get_or_insert_default();
        }
    }
    for (mut labels, time, value) in points {
        let idx: usize = labels.remove("instance").context("no instance")?.parse()?;
        labels.remove("job");
        let sample = Sample {
            labels,
            value: format!("{:?}", value.parse::<f64>()?),
            time: (!scrapes.contains(&(idx, time))).then_some(time),
        };
        let view = views.get_mut(idx).and_then(Option::as_mut);
        let refused = || format!("page {idx} was refused, but has {sample:?}");
        view.with_context(refused)?.insert(sample);
    }
    Ok(views)
}

/// Whether it is a sample of the scrape, not of the page.
fn is_report((labels, ..): &Point) -> bool {
    let name = labels.get("__name__").map_or("", String::as_str);
    name == "up" || name.starts_with("scrape_") || name.starts_with("leadsman_signal_")
}

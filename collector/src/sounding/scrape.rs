//! Scraping the metrics page of one target.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use baseline::signals::{Evaluator, Outcome};
use exporter::web::Health;
use prometheus::{Histogram, IntCounter};
use proto::exposition::{
    Format, IssueReason, Issues, LabelConflict, PageDecoder, PageError, PageRules, ScrapeFacts,
    SeriesRules, TimestampPolicy,
};
use proto::metrics::MetricBatch;
use proto::{LabelsBuilder, Record, UnixMillis};
use tracing::Instrument;

use super::clock::{Beat, wall_nanos};
use super::site::{Fetcher, Site};
use super::ticker::{Missed, Sounding};
use crate::config::Job;
use crate::fetch::{FetchError, Request, Response, heavy, report};
use crate::relabel::{Keep, Rule, apply};

/// Most that is shown of a series that was left out.
const EXAMPLE_CHARS: usize = 300;

/// The scraper of one target.
pub(super) struct Scraper {
    site: Arc<Site>,
    fetcher: Fetcher,
    decoder: PageDecoder,
    signals: Evaluator,
    beat: Beat,
    counters: Counters,
    /// Reason of the failure before, so that a log tells changes and not each scrape.
    failing: Option<Cow<'static, str>>,
    /// What was left out of the page before, for the same end.
    leaving_out: Vec<IssueReason>,
}

/// How a scrape went.
struct Scraped {
    /// Number of samples.
    outcome: Result<usize, ScrapeError>,
    time: UnixMillis,
    took: Duration,
}

/// Why a scrape failed.
#[derive(Debug, thiserror::Error)]
enum ScrapeError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("page refused")]
    Page(#[from] PageError),
    #[error("content type {0:?} is no exposition format")]
    ContentType(String),
}

impl ScrapeError {
    fn reason(&self) -> Cow<'static, str> {
        match self {
            Self::Fetch(error) => error.reason(),
            Self::Page(error) => error.reason().into(),
            Self::ContentType(_) => "content_type".into(),
        }
    }
}

impl Scraper {
    pub(super) fn new(site: Arc<Site>) -> Self {
        let decoder = PageDecoder::new(
            Arc::clone(&site.target.target),
            page_rules(&site.target.job),
        );
        Self {
            fetcher: Fetcher::default(),
            decoder,
            signals: Evaluator::new(Arc::clone(&site.context.program)),
            beat: Beat::new(site.target.scrape_interval),
            counters: Counters::new(&site),
            failing: None,
            leaving_out: Vec::new(),
            site,
        }
    }

    /// Goes on from a scraper of the same target with other settings, so that a series that
    /// goes with them is marked stale.
    pub(super) async fn adopt(&mut self, before: Self) {
        let (new, old) = (&self.site.target.job, &before.site.target.job);
        if new.rules == old.rules && new.metric_relabel == old.metric_relabel {
            self.decoder = before.decoder;
            self.signals = before.signals;
            self.failing = before.failing;
            self.leaving_out = before.leaving_out;
        } else {
            before.end().await;
        }
    }

    /// The target is gone: its series end.
    pub(super) async fn end(mut self) {
        let time = UnixMillis::from(wall_nanos());
        let ends = [self.decoder.end(time), self.signals.end(time)];
        for batch in ends.into_iter().flatten() {
            self.append(batch).await;
        }
    }

    async fn scrape(&mut self) -> Scraped {
        let clock = self.site.context.clock;
        let started = clock.now();
        let time = self.beat.timestamp(UnixMillis::from(wall_nanos()));
        let fetched = match request(&self.site) {
            Ok(request) => {
                let fetch = self.fetcher.get(&self.site, &request);
                fetch.instrument(tracing::debug_span!("fetch")).await
            }
            Err(error) => Err(error),
        };
        let took = clock.now().saturating_sub(started);
        let facts = ScrapeFacts {
            time,
            duration_seconds: took.as_secs_f64(),
        };
        let (batch, outcome) = self.decode(fetched, facts);
        let signals = match &outcome {
            Ok(_) => self.evaluate(&batch, Outcome::Good),
            Err(_) => self.evaluate(&batch, Outcome::Failed),
        };
        self.append(batch).await;
        if let Some(signals) = signals {
            self.append(signals).await;
        }
        let whole = clock.now().saturating_sub(started);
        self.counters.seconds.observe(whole.as_secs_f64());
        Scraped {
            outcome,
            time,
            took,
        }
    }

    /// The samples of a page; of a failed scrape, its stale markers and `up` 0.
    fn decode(
        &mut self,
        fetched: Result<Response, FetchError>,
        facts: ScrapeFacts,
    ) -> (MetricBatch, Result<usize, ScrapeError>) {
        match self.read_page(fetched, &facts) {
            Ok((batch, n_samples)) => (batch, Ok(n_samples)),
            Err(error) => (self.decoder.fail(facts), Err(error)),
        }
    }

    fn read_page(
        &mut self,
        fetched: Result<Response, FetchError>,
        facts: &ScrapeFacts,
    ) -> Result<(MetricBatch, usize), ScrapeError> {
        let response = fetched?;
        self.counters.body_bytes.inc_by(response.wire_bytes as u64);
        let format = format_of(&response.content_type)?;
        let _span = tracing::debug_span!("decode").entered();
        let body = &response.body;
        let decoder = &mut self.decoder;
        let page = heavy(body.len(), || decoder.decode(format, body, *facts))?;
        self.counters.samples.inc_by(page.n_scraped as u64);
        self.note_issues(&page.issues);
        Ok((page.batch, page.n_scraped))
    }

    /// The signals of a scrape, if it is time for them.
    fn evaluate(&mut self, batch: &MetricBatch, outcome: Outcome) -> Option<MetricBatch> {
        let evaluated = self.signals.observe(batch, outcome);
        if evaluated.n_left_out > 0 {
            let metrics = &self.site.context.metrics;
            metrics.signals_left_out(self.site.job(), evaluated.n_left_out);
        }
        evaluated.batch
    }

    async fn append(&self, batch: MetricBatch) {
        let span = tracing::debug_span!("append");
        let record = Record::Metrics(Arc::new(batch));
        if let Err(error) = self
            .site
            .context
            .appender
            .append(record)
            .instrument(span)
            .await
        {
            self.count_failure("log");
            let (job, instance) = (self.site.job(), self.site.instance());
            tracing::debug!(job, instance, error = report(&error), "scrape not logged");
        }
    }

    fn note(&mut self, scraped: Scraped) {
        let Scraped {
            outcome,
            time,
            took,
        } = scraped;
        let failure = outcome
            .as_ref()
            .err()
            .map(|error| (error.reason(), self.site.report(error)));
        self.site.status.write(|status| {
            status.last_scrape = Some(time);
            status.last_duration_seconds = took.as_secs_f64();
            status.n_samples = *outcome.as_ref().unwrap_or(&0);
            status.health = if failure.is_none() {
                Health::Up
            } else {
                Health::Down
            };
            status.last_error = failure.as_ref().map(|(_, text)| text.clone());
        });
        let (job, instance) = (self.site.job(), self.site.instance());
        let reason = failure.map(|(reason, error)| {
            self.count_failure(&reason);
            if self.failing.as_ref() != Some(&reason) {
                tracing::warn!(job, instance, %reason, error, "scrape failed");
            }
            reason
        });
        if reason.is_none() && self.failing.is_some() {
            tracing::info!(job, instance, "scrape works again");
        }
        self.failing = reason;
    }

    /// Counts what was left out, shows it, and logs a reason that is new.
    fn note_issues(&mut self, issues: &Issues) {
        if issues.is_empty() && self.leaving_out.is_empty() {
            return;
        }
        let (job, instance) = (self.site.job(), self.site.instance());
        let mut left_out = Vec::new();
        for (reason, n_samples, example) in issues.iter() {
            let (is_new, reason) = (!self.leaving_out.contains(&reason), reason.as_str());
            let example: String = example.chars().take(EXAMPLE_CHARS).collect();
            let counter = &self.site.context.metrics.scrape.issues;
            counter
                .with_label_values(&[job, reason])
                .inc_by(n_samples as u64);
            if is_new {
                tracing::warn!(
                    job,
                    instance,
                    reason,
                    n_samples,
                    example,
                    "samples left out"
                );
            }
            left_out.push(format!("{n_samples} samples: {reason}, such as {example}"));
        }
        self.leaving_out = issues.iter().map(|(reason, ..)| reason).collect();
        self.site.status.write(|status| status.left_out = left_out);
    }

    fn count_failure(&self, reason: &str) {
        let failures = &self.site.context.metrics.scrape.failures;
        failures.with_label_values(&[self.site.job(), reason]).inc();
    }
}

impl Sounding for Scraper {
    async fn sound(&mut self) {
        let (job, instance) = (self.site.job(), self.site.instance());
        let span = tracing::debug_span!("scrape", job, instance);
        let scraped = self.scrape().instrument(span).await;
        self.note(scraped);
    }

    fn missed(&self, reason: Missed, n_ticks: u64) {
        let missed = &self.site.context.metrics.scrape.missed;
        missed
            .with_label_values(&[self.site.job(), reason.as_str()])
            .inc_by(n_ticks);
    }
}

/// Counters of each scrape, looked up once.
struct Counters {
    samples: IntCounter,
    body_bytes: IntCounter,
    seconds: Histogram,
}

impl Counters {
    fn new(site: &Site) -> Self {
        let metrics = &site.context.metrics.scrape;
        let job = &[site.job()];
        Self {
            samples: metrics.samples.with_label_values(job),
            body_bytes: metrics.body_bytes.with_label_values(job),
            seconds: metrics.seconds.with_label_values(job),
        }
    }
}

fn request(site: &Site) -> Result<Request, FetchError> {
    Ok(Request {
        endpoint: site.endpoint()?,
        path: site.target.metrics_path.clone(),
        params: site.target.params.clone(),
        accept: Cow::Borrowed(Format::ACCEPT),
        timeout: site.target.scrape_timeout,
        body_limit: site.target.job.body_size_limit,
    })
}

/// A page without a type is taken for text, as Prometheus 2 did: old exporters send none.
fn format_of(content_type: &str) -> Result<Format, ScrapeError> {
    if content_type.is_empty() {
        return Ok(Format::Text);
    }
    Format::from_content_type(content_type)
        .ok_or_else(|| ScrapeError::ContentType(content_type.chars().take(100).collect()))
}

fn page_rules(job: &Job) -> PageRules {
    let rules = &job.rules;
    let relabel = MetricRelabel(job.metric_relabel.clone());
    PageRules {
        honor_labels: match rules.honor_labels {
            true => LabelConflict::HonorMetric,
            false => LabelConflict::HonorTarget,
        },
        timestamps: match rules.honor_timestamps {
            true => TimestampPolicy::Honor,
            false => TimestampPolicy::Ignore,
        },
        sample_limit: rules.sample_limit,
        label_limit: rules.label_limit,
        label_name_length_limit: rules.label_name_length_limit,
        label_value_length_limit: rules.label_value_length_limit,
        series: (!relabel.0.is_empty()).then(|| Arc::new(relabel) as Arc<dyn SeriesRules>),
    }
}

/// `metric_relabel_configs`.
struct MetricRelabel(Vec<Rule>);

impl SeriesRules for MetricRelabel {
    fn relabel(&self, labels: &mut LabelsBuilder) -> bool {
        apply(&self.0, labels) == Keep::Yes
    }
}

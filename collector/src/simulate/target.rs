//! One simulated target: its scrapes, one after the other.

use std::sync::Arc;

use proto::exposition::{Format, PageDecoder, PageRules, ScrapeFacts};
use proto::metrics::{Layout, MetricBatch};
use proto::{Labels, Target, UnixMillis};

use super::error::SimulateError;
use super::life::{Life, Stretch};
use super::models::{Models, Step};
use super::page;
use super::program::Program;
use super::random::Random;
use super::season::Load;

/// A target that is being scraped.
#[derive(Debug)]
pub(super) struct SimTarget {
    pub(super) target: Arc<Target>,
    pub(super) life: Life,
    job: String,
    /// Its page, and the one after its upgrade.
    pages: [String; 2],
    counted: f64,
    decoder: PageDecoder,
    process: Option<Process>,
    is_upgraded: bool,
    n_series: usize,
    load: Load,
    /// How busy it is beside others.
    scale: f64,
    random: Random,
}

/// A process between two restarts.
#[derive(Debug)]
struct Process {
    layout: Arc<Layout>,
    models: Models,
    values: Vec<f64>,
    started: UnixMillis,
    last: UnixMillis,
    n_scrapes: usize,
}

impl SimTarget {
    /// The target `idx` of a simulation.
    pub(super) fn new(program: &Program, idx: usize, whole: Stretch, seed: u64) -> Self {
        let address = format!(
            "10.{}.{}.{}:{}",
            idx >> 16 & 255,
            idx >> 8 & 255,
            idx & 255,
            program.port
        );
        let labels = Labels::from_pairs([
            ("job", program.job.as_str()),
            ("instance", &address),
            ("cluster", "simulated"),
        ]);
        let target = Arc::new(Target {
            labels,
            scheme: "http".to_owned(),
            address,
        });
        let mut random = Random::new(seed, 2 * idx as u64);
        Self {
            life: Life::plan(whole, idx, seed),
            job: program.job.clone(),
            pages: [program.page.clone(), page::newer(&program.page)],
            counted: program.counted.as_secs_f64(),
            decoder: PageDecoder::new(Arc::clone(&target), PageRules::default()),
            process: None,
            is_upgraded: false,
            n_series: 0,
            load: Load::new(whole.from, whole.until),
            scale: 0.7 + 0.6 * random.uniform(),
            random,
            target,
        }
    }

    /// The scrape at a time, which is after the one before.
    pub(super) fn scrape(&mut self, time: UnixMillis) -> Result<MetricBatch, SimulateError> {
        let duration_seconds = 0.008 * (1.0 + 0.3 * self.random.noise());
        let facts = ScrapeFacts {
            time,
            duration_seconds,
        };
        if !self.life.is_up(time) {
            self.process = None;
            return Ok(self.decoder.fail(facts));
        }
        let started = self.life.started(time);
        let runs = self
            .process
            .as_ref()
            .is_some_and(|process| started.is_none_or(|started| started <= process.started));
        if !runs {
            self.begin(facts, started)?;
        }
        let load = self.load.at(time, &mut self.random) * self.scale;
        let step = Step {
            seconds: 0.0,
            load,
            disk: self.life.disk_factor(time),
            leaked: self.life.leaked(time),
        };
        let process = self.process.as_mut();
        Ok(process.map_or_else(
            || self.decoder.fail(facts),
            |process| process.scrape(step, facts, &mut self.random),
        ))
    }

    /// How busy it is beside others, 1 on the mean.
    pub(super) fn scale(&self) -> f64 {
        self.scale
    }

    /// Series of its last page.
    pub(super) fn n_series(&self) -> usize {
        self.n_series
    }

    /// A process begins: its page is decoded as a scrape is.
    fn begin(
        &mut self,
        facts: ScrapeFacts,
        started: Option<UnixMillis>,
    ) -> Result<(), SimulateError> {
        let is_upgraded = started.is_some_and(|started| started > self.life.upgraded);
        if is_upgraded && !self.is_upgraded {
            // The old layout's series would stay in the new one as absent ones.
            self.decoder = PageDecoder::new(Arc::clone(&self.target), PageRules::default());
            self.is_upgraded = true;
        }
        let page = &self.pages[usize::from(self.is_upgraded)];
        let format = if page.ends_with("# EOF\n") {
            Format::OpenMetrics
        } else {
            Format::Text
        };
        let page = self.decoder.decode(format, page.as_bytes(), facts);
        let mut batch = page
            .map_err(|source| SimulateError::Page {
                job: self.job.clone(),
                source,
            })?
            .batch;
        let models = Models::of(&batch, self.counted);
        // The first process has run before we looked.
        let first = (1.0 + 9.0 * self.random.uniform()) * 86_400_000.0;
        let started = started.unwrap_or(UnixMillis(facts.time.0 - first as i64));
        models.begin(&mut batch.values, started.0 as f64 / 1e3);
        self.n_series = batch.values.len();
        self.process = Some(Process {
            layout: batch.layout,
            models,
            values: batch.values,
            started,
            last: started,
            n_scrapes: 0,
        });
        Ok(())
    }
}

impl Process {
    fn scrape(&mut self, step: Step, facts: ScrapeFacts, random: &mut Random) -> MetricBatch {
        let seconds = (facts.time.0 - self.last.0).max(0) as f64 / 1e3;
        self.last = facts.time;
        let now = facts.time.0 as f64 / 1e3;
        self.models
            .step(&mut self.values, Step { seconds, ..step }, now, random);
        // The reports are the last series: `up`, how long it took, …, and what was new.
        if let Some([_, duration, _, _, added]) = self.values.last_chunk_mut() {
            *duration = facts.duration_seconds;
            *added *= f64::from(u8::from(self.n_scrapes == 0));
        }
        self.n_scrapes += 1;
        MetricBatch::new(Arc::clone(&self.layout), facts.time, self.values.clone())
    }
}

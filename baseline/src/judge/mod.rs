//! The judge: how surprising is a series' newest value, given what it has been?
//!
//! [`Judge`] is streaming and causal: a verdict comes from the rows before it and its own. It keeps
//! no rows, only estimates of less than a kilobyte:
//!
//! - **What to expect.** A level, a level for each hour of the day, and one for each hour of the
//!   week; that one is taken which was wrong by the least lately. They follow their values but not
//!   outliers: a value pulls by no more than a few spreads, so an anomaly is not learned, but a new
//!   level is accepted within days.
//! - **How surprising.** Three views of the deviation: the row's own, the mean of the last rows
//!   (small shifts that stay), and stillness (what always moved does not). Each view's tail is
//!   estimated, so that spikes surprise less in a series that has them every day; surprises are in
//!   nats and are added.
//! - **One event, one peak.** The row that begins an event scores from 0.5 upwards; while the event
//!   is remembered, only a stronger one does again. Other rows score below 0.5, by how far from the
//!   expected the last of them are.
//!
//! The judge does not know what the value means, whether up or down is bad, and what time zone its
//! users live in: hours are UTC's, and a change by an hour is within what it expects.

mod clock;
mod constants;
mod event;
mod level;
mod season;
mod tail;
#[cfg(test)]
mod tests;

use clock::{Clock, Tick, TickKind};
use constants::{
    COMMON, DAYS, DISPLACEMENT, HOURS_SHARE, LEVEL_DAYS, NORMAL, ONSET, RUN, RUN_CLIP, STILL,
    SUSTAINED, SUSTAINED_SHARE, TAIL_RATE, WARM_DAYS, WARM_ROWS,
};
use event::Events;
use level::{Level, Spread};
use season::{Expected, Season};
use tail::Tail;

/// What a judge may be told of its series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The smallest change that can matter, as a share of the series' usual magnitude. The scale in
    /// which deviations are measured is never smaller: a series that was constant for months may
    /// tremble by this much.
    pub smallest_change: f64,
}

impl Default for Options {
    /// 2 %.
    fn default() -> Self {
        Self {
            smallest_change: 0.02,
        }
    }
}

/// What the judge says of a row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// 0 to 1. From 0.5 on: something new begins here, and the higher the rarer; comparable between
    /// series. Below: how far from the expected the newest rows are.
    pub score: f64,
    /// What was expected, before this row was seen. NaN for the first row.
    pub expected: f64,
    /// Lower end of the band. A value outside of it is enough to begin an event; a run of
    /// deviations may begin one within.
    pub lower: f64,
    /// Upper end of the band.
    pub upper: f64,
}

/// Judges one series, row by row.
#[derive(Clone, Debug)]
pub struct Judge {
    smallest_change: f64,
    clock: Clock,
    season: Season,
    level: Level,
    /// Usual absolute value.
    magnitude: f64,
    /// Errors of what the level, the hour of day and the hour of week predict.
    errors: [Spread; 3],
    /// Usual change from row to row.
    change: Spread,
    last: f64,
    /// Mean deviation of the last rows, in scales.
    run: f64,
    /// Mean change of the last rows, in usual changes.
    motion: f64,
    sustained: f64,
    tails: [Tail; 3],
    events: Events,
}

/// What is expected of a row, and in what its deviation is measured.
struct Prediction {
    by: [f64; 3],
    expected: f64,
    scale: f64,
}

impl Judge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            smallest_change: options.smallest_change.max(0.0),
            clock: Clock::default(),
            season: Season::new(),
            level: Level::default(),
            magnitude: 0.0,
            errors: [Spread::default(); 3],
            change: Spread::default(),
            last: 0.0,
            run: 0.0,
            motion: 0.0,
            sustained: 0.0,
            tails: [Tail::default(); 3],
            events: Events::default(),
        }
    }

    /// Judges a row and learns it. `time_ms` is in milliseconds since the Unix epoch.
    ///
    /// A value that is no finite number is neither judged nor learned: it scores 0. A row at the
    /// time of the one before is judged and not learned. Time that goes back is taken as a clock
    /// that was set.
    pub fn observe(&mut self, time_ms: i64, value: f64) -> Verdict {
        if !value.is_finite() {
            return self.predict(time_ms).verdict(0.0, self.band());
        }
        let tick = self.clock.tick(time_ms);
        if self.clock.n_rows() == 1 {
            self.begin(time_ms, value);
            return Verdict {
                score: 0.0,
                expected: f64::NAN,
                lower: f64::NAN,
                upper: f64::NAN,
            };
        }
        if tick.kind == TickKind::NewInterval {
            self.renew();
        }
        let prediction = self.predict(time_ms);
        let band = self.band();
        let score = self.score(value, &prediction, tick);
        if tick.kind != TickKind::Again {
            self.learn(time_ms, value, &prediction, tick);
        }
        prediction.verdict(score, band)
    }

    fn begin(&mut self, time_ms: i64, value: f64) {
        self.last = value;
        self.magnitude = value.abs();
        let floor = self.floor();
        self.level.learn(value, 1.0, floor);
        self.season.learn(time_ms, value, 0.0, floor);
    }

    fn predict(&self, time_ms: i64) -> Prediction {
        let season = self.season.expected(time_ms);
        let by_day = season.by_day.unwrap_or(self.level.center);
        let by = [self.level.center, by_day, season.by_week.unwrap_or(by_day)];
        let best = (1..3).fold(0, |best, idx| {
            if self.errors[idx].size < self.errors[best].size {
                idx
            } else {
                best
            }
        });
        let scale = self.scale(f64::from(self.errors[best].size), best, season);
        Prediction {
            by,
            expected: by[best],
            scale,
        }
    }

    fn scale(&self, error: f64, best: usize, season: Expected) -> f64 {
        let mut scale = error;
        if season.by_day.is_some() {
            scale += HOURS_SHARE * (season.spread - error);
        }
        if best > 0 {
            scale = scale.hypot(DISPLACEMENT * season.slope);
        }
        scale.max(self.floor()) * NORMAL
    }

    fn floor(&self) -> f64 {
        (self.smallest_change * self.magnitude).max(1e-12)
    }

    fn confidence(&self) -> f64 {
        (f64::from(self.clock.n_rows()) / WARM_ROWS)
            .min(self.clock.days() / WARM_DAYS)
            .min(1.0)
    }

    /// Half the width of the band, in scales.
    fn band(&self) -> f64 {
        let nats = ONSET / self.confidence().max(0.1) + COMMON;
        self.tails[0].value_at(nats)
    }

    fn score(&mut self, value: f64, prediction: &Prediction, tick: Tick) -> f64 {
        let z = (value - prediction.expected) / prediction.scale;
        self.run += RUN * (z.clamp(-RUN_CLIP, RUN_CLIP) - self.run);
        let change = (value - self.last).abs() / f64::from(self.change.size).max(self.floor());
        self.motion += RUN * (change.min(3.0) - self.motion);
        let views = [
            z.abs(),
            self.run.abs() / RUN.sqrt(),
            1.0 / (self.motion + STILL),
        ];
        let confidence = self.confidence();
        let mut evidence = 0.0;
        for (tail, view) in self.tails.iter_mut().zip(views) {
            evidence += (tail.surprise(view) - COMMON).max(0.0);
            tail.learn(view, (tick.days / DAYS).min(TAIL_RATE));
        }
        let unit = f64::from(self.errors[0].size) + SUSTAINED_SHARE * self.magnitude;
        let deviation = (value - prediction.expected).abs() / unit.max(1e-12);
        self.sustained += SUSTAINED * (deviation.min(1e6) - self.sustained);
        let sustained = confidence * self.sustained;
        self.events
            .onset(confidence * evidence, tick.days, tick.n_rows)
            .unwrap_or(0.5 * sustained / (sustained + 1.0))
    }

    fn learn(&mut self, time_ms: i64, value: f64, prediction: &Prediction, tick: Tick) {
        let n_rows = f64::from(self.clock.n_rows());
        let rate = tick.days / DAYS;
        self.magnitude += rate.max(1.0 / n_rows) * (value.abs() - self.magnitude);
        let floor = self.floor();
        for (error, by) in self.errors.iter_mut().zip(prediction.by) {
            error.learn((value - by).abs(), rate, floor);
        }
        self.change.learn((value - self.last).abs(), rate, floor);
        self.last = value;
        self.level.learn(value, tick.days / LEVEL_DAYS, floor);
        let limit = 4.0 * prediction.scale;
        let deviation = (value - prediction.expected).clamp(-limit, limit);
        let believable = if n_rows < 10.0 {
            value
        } else {
            prediction.expected + deviation
        };
        self.season
            .learn(time_ms, believable, deviation.abs(), floor);
    }

    /// Rows at another interval scatter differently: scales and tails are learned anew.
    fn renew(&mut self) {
        self.errors.iter_mut().for_each(Spread::renew);
        self.change.renew();
        self.tails.iter_mut().for_each(Tail::renew);
    }
}

impl Prediction {
    fn verdict(&self, score: f64, band: f64) -> Verdict {
        Verdict {
            score,
            expected: self.expected,
            lower: self.expected - band * self.scale,
            upper: self.expected + band * self.scale,
        }
    }
}

//! The judge: how surprising is a series' newest value, given what it has been?
//!
//! [`Judge`] is streaming and causal: a verdict comes from the rows before it and its own. It keeps
//! no rows, only estimates of less than a kilobyte:
//!
//! - **What to expect.** A level, a level for each hour of the day, and one for each hour of the
//!   week (from the third week on); that one is taken which was wrong by the least lately. They
//!   follow their values but not outliers: a value pulls by no more than two spreads, so an anomaly
//!   is hardly learned, and a new level is accepted within days.
//! - **How surprising.** Three views of the deviation: the row's own, the mean of the last rows
//!   (small shifts that stay), and stillness (what always moved does not). Each view's tail is
//!   estimated, so that spikes surprise less in a series that has them every day, and what was far
//!   out at this hour on both days before is no surprise; surprises are in nats and are added.
//! - **One event, one peak.** The row that begins an event scores from 0.5 upwards; while the event
//!   is remembered, only a stronger one does again. Other rows score below 0.5, by how far the
//!   last of them are from the expected.
//!
//! The judge does not know what the value means, whether up or down is bad, and in what time zone
//! its users live: hours are UTC's, and a day that is shifted by an hour is within what it expects.

mod clock;
mod constants;
mod event;
mod habit;
mod level;
mod season;
mod tail;
#[cfg(test)]
mod tests;

use clock::{Clock, Tick, TickKind};
use constants::{
    BAND, COMMON, DISPLACEMENT, HABIT_NATS, HOURS_SHARE, LARGEST, LEVEL_DAYS, MAGNITUDE_CLIP,
    MOTION_CLIP, NORMAL, RUN, RUN_CLIP, SCALE_DAYS, SPREAD_CLIP, STILL, SUSTAINED, SUSTAINED_SHARE,
    TAIL_DAYS, TINY, WARM_DAYS, WARM_ROWS, YOUNG_DAYS,
};
use event::Events;
use habit::Habits;
use level::{Level, Spread};
use season::{Season, SeasonRow};
use tail::Tail;

/// What a judge may be told of its series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The smallest change that can matter, as a share of the series' usual magnitude; at least
    /// 0.002. Deviations are measured in a scale that is never smaller, so a series that was
    /// constant for months may tremble by this much.
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
    /// 0 to 1, comparable between series. From 0.5 on: something new begins with this row, and the
    /// higher the rarer. At a row a minute, noise gets to 0.5 about once a day and to 0.7 less than
    /// once in eight weeks. Below 0.5: how far the newest rows are from the expected.
    pub score: f64,
    /// What was expected before this row was seen. NaN while nothing was seen.
    pub expected: f64,
    /// Lower end of the band. From the third day on, one value outside of the band is enough to
    /// begin an event; so may be one shortly within, and several that are on one side.
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
    /// The row before and the one before that.
    last: [f64; 2],
    recent: Recent,
    /// How rare a row's deviation is, the mean of the last rows' deviations, and stillness.
    tails: [Tail; 3],
    events: Events,
    habits: Habits,
}

/// Means over the last rows, the newest counting most.
#[derive(Clone, Copy, Debug, Default)]
struct Recent {
    /// Of deviations with their signs, in scales.
    run: f64,
    /// Of changes from row to row, in usual changes.
    motion: f64,
    /// Of deviations' sizes, in a unit that hardly moves.
    sustained: f64,
}

/// What is expected of a row, and in what its deviation is measured.
struct Prediction {
    /// By the level, the hour of day and the hour of week.
    by: [f64; 3],
    expected: f64,
    scale: f64,
    /// How far, in scales, values are usually out at this hour: below and above.
    habit: [f64; 2],
}

impl Judge {
    /// A judge that has seen nothing.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            smallest_change: options.smallest_change.max(0.002),
            clock: Clock::default(),
            season: Season::new(),
            level: Level::default(),
            magnitude: 0.0,
            errors: [Spread::default(); 3],
            change: Spread::default(),
            last: [0.0; 2],
            recent: Recent::default(),
            tails: [Tail::default(); 3],
            events: Events::default(),
            habits: Habits::default(),
        }
    }

    /// Judges a row and learns it. `time_ms` is in milliseconds since the Unix epoch.
    ///
    /// - A value that is no finite number is neither judged nor learned: it scores 0.
    /// - Values beyond ±10³⁰ count as that; a series below 10⁻¹² counts as 0.
    /// - A row at the time of the one before is judged and not learned.
    /// - Time that goes back is taken as a clock that was set: the row is judged and learned.
    /// - Rows may come at any interval, and at another one from some row on.
    /// - The first day's verdicts say little: wide bands and low scores.
    pub fn observe(&mut self, time_ms: i64, value: f64) -> Verdict {
        if !value.is_finite() {
            return self.verdict(&self.predict(time_ms), 0.0);
        }
        let value = value.clamp(-LARGEST, LARGEST);
        let tick = self.clock.tick(time_ms);
        if tick.kind == TickKind::NewInterval {
            self.renew();
        }
        if tick.kind == TickKind::Again {
            let prediction = self.predict(time_ms);
            let score = self.clone().score(time_ms, value, &prediction, tick);
            return self.verdict(&prediction, score);
        }
        self.learn_magnitude(value, tick);
        let prediction = self.predict(time_ms);
        let mut verdict = self.verdict(&prediction, 0.0);
        if self.clock.n_rows() == 1 {
            self.last = [value; 2];
        } else {
            verdict.score = self.score(time_ms, value, &prediction, tick);
        }
        self.learn(time_ms, value, &prediction, tick);
        verdict
    }

    /// Also from this row: how large values are is no surprise.
    fn learn_magnitude(&mut self, value: f64, tick: Tick) {
        let weight = (tick.days / SCALE_DAYS)
            .max(1.0 / f64::from(self.clock.n_rows()))
            .min(1.0);
        let size = if self.magnitude > 0.0 {
            value.abs().min(MAGNITUDE_CLIP * self.magnitude)
        } else {
            value.abs()
        };
        self.magnitude += weight * (size - self.magnitude);
    }

    fn predict(&self, time_ms: i64) -> Prediction {
        let season = self.season.expected(time_ms);
        let by_day = season.by_day.unwrap_or(self.level.center);
        let by = [self.level.center, by_day, season.by_week.unwrap_or(by_day)];
        let [level, day, week] = self.errors.map(|error| f64::from(error.size));
        let (expected, error, slope) = if week < day && week < level {
            (by[2], week, season.week_slope)
        } else if day < level {
            (by[1], day, season.day_slope)
        } else {
            (by[0], level, 0.0)
        };
        let own = season
            .spread
            .map_or(error, |spread| error + HOURS_SHARE * (spread - error));
        let scale = own.hypot(DISPLACEMENT * slope).max(self.floor()) * NORMAL;
        Prediction {
            by,
            expected,
            scale,
            habit: self.habits.around(time_ms),
        }
    }

    /// The smallest scale.
    fn floor(&self) -> f64 {
        (self.smallest_change * self.magnitude).max(TINY)
    }

    /// How much the verdict on the newest row counts: little within the first day.
    fn confidence(&self) -> f64 {
        (f64::from(self.clock.n_rows()) / WARM_ROWS)
            .min(self.clock.days() / WARM_DAYS)
            .min(1.0)
    }

    fn verdict(&self, prediction: &Prediction, score: f64) -> Verdict {
        if self.clock.n_rows() < 2 {
            let (expected, lower, upper) = (f64::NAN, f64::NAN, f64::NAN);
            return Verdict {
                score,
                expected,
                lower,
                upper,
            };
        }
        // What makes a row rare enough by itself.
        let nats = BAND / self.confidence().max(0.25) + COMMON;
        let half_width = self.tails[0].value_at(nats);
        let [below, above] = prediction.habit;
        Verdict {
            score,
            expected: prediction.expected,
            lower: prediction.expected - (half_width + below) * prediction.scale,
            upper: prediction.expected + (half_width + above) * prediction.scale,
        }
    }

    fn score(&mut self, time_ms: i64, value: f64, prediction: &Prediction, tick: Tick) -> f64 {
        let confidence = self.confidence();
        let deviation = value - prediction.expected;
        let z = deviation / prediction.scale;
        let unit = f64::from(self.errors[0].size) + SUSTAINED_SHARE * self.magnitude;
        let change = (value - self.last[0]).abs() / f64::from(self.change.size).max(self.floor());
        self.recent.fade(tick.n_rows - 1.0);
        self.recent.run += RUN * (confidence * z.clamp(-RUN_CLIP, RUN_CLIP) - self.recent.run);
        self.recent.motion += RUN * (change.min(MOTION_CLIP) - self.recent.motion);
        let size = confidence * (deviation.abs() / unit.max(TINY)).min(1e3);
        self.recent.sustained += SUSTAINED * (size - self.recent.sustained);

        let views = [
            self.beyond_habit(time_ms, z, prediction.habit),
            self.recent.run.abs() / RUN.sqrt(),
            1.0 / (self.recent.motion + STILL),
        ];
        let age = self.clock.days();
        let rate = tick.days / TAIL_DAYS;
        let mut evidence = 0.0;
        for (tail, view) in self.tails.iter().zip(views) {
            evidence += (tail.surprise(view) - COMMON).max(0.0);
        }
        let [row, means @ ..] = &mut self.tails;
        // Without habits, so that a nightly job does not widen the band of the day.
        row.learn_independent(views[0], rate);
        for (tail, view) in means.iter_mut().zip(&views[1..]) {
            tail.learn(*view, rate);
        }
        self.events
            .onset(confidence * age / (age + YOUNG_DAYS) * evidence, tick)
            .unwrap_or(0.5 * self.recent.sustained / (self.recent.sustained + 1.0))
    }

    /// A deviation's size in scales, without what is usual at this hour. How far out it is is learned.
    fn beyond_habit(&mut self, time_ms: i64, z: f64, habit: [f64; 2]) -> f64 {
        let edge = self.tails[0].value_at(HABIT_NATS);
        let beyond = (z.abs() - edge).max(0.0);
        self.habits.learn(time_ms, beyond.copysign(z));
        let [below, above] = habit;
        let usual = if z < 0.0 { below } else { above };
        z.abs() - beyond.min(usual)
    }

    fn learn(&mut self, time_ms: i64, value: f64, prediction: &Prediction, tick: Tick) {
        let floor = self.floor();
        if self.clock.n_rows() > 1 {
            let rate = tick.days / SCALE_DAYS;
            for (error, by) in self.errors.iter_mut().zip(prediction.by) {
                error.learn((value - by).abs(), rate, floor);
            }
            self.change.learn((value - self.last[0]).abs(), rate, floor);
        }
        self.level.learn(value, tick.days / LEVEL_DAYS, floor);
        let limit = SPREAD_CLIP * prediction.scale;
        let deviation = (value - prediction.expected).clamp(-limit, limit);
        let row = SeasonRow {
            believed: prediction.expected + deviation,
            steady: median(value, self.last[0], self.last[1]),
            deviation: deviation.abs(),
        };
        self.season.learn(time_ms, row, floor);
        self.last = [value, self.last[0]];
    }

    /// Rows at another interval scatter differently: scales and tails are learned anew.
    fn renew(&mut self) {
        self.errors.iter_mut().for_each(Spread::renew);
        self.change.renew();
        self.tails.iter_mut().for_each(Tail::renew);
    }
}

impl Recent {
    /// Forgets as much as so many rows would have made it forget.
    fn fade(&mut self, n_rows: f64) {
        self.run *= (1.0 - RUN).powf(n_rows);
        self.sustained *= (1.0 - SUSTAINED).powf(n_rows);
        // A series of which nothing was heard is taken to have moved as usual.
        self.motion += (1.0 - (1.0 - RUN).powf(n_rows)) * (1.0 - self.motion);
    }
}

fn median(a: f64, b: f64, c: f64) -> f64 {
    a.min(b).max(a.max(b).min(c))
}

//! The detector's constants, in one place. They are round numbers from wide plateaus: doubling or
//! halving one moves the scores in BENCHMARKS.md by a point or two.

/// Days a level remembers by default, counted by the hour of day it belongs to.
pub(super) const DAYS: f64 = 7.0;
/// Days the level without seasons remembers.
pub(super) const LEVEL_DAYS: f64 = 3.0;
/// Weeks an hour of the week remembers.
pub(super) const WEEKS: f64 = 4.0;
/// Visits after which an hour's level is believed.
pub(super) const MIN_VISITS: f64 = 2.0;
/// A value moves a level by no more than this many of its spreads.
pub(super) const CLIP: f64 = 2.0;
/// A deviation counts for a spread by no more than this many of it.
pub(super) const SPREAD_CLIP: f64 = 4.0;
/// Mean absolute deviation of a normal distribution × this = its standard deviation.
pub(super) const NORMAL: f64 = 1.2533;
/// How much of the scale is the hour's own spread; the rest is the error over all hours.
pub(super) const HOURS_SHARE: f64 = 0.7;
/// How far, in hours, the day's shape may be displaced before it is surprising.
pub(super) const DISPLACEMENT: f64 = 0.5;
/// Weight of the newest row in the mean of recent deviations: about the last ten or twenty rows.
pub(super) const RUN: f64 = 0.1;
/// One row's deviation counts in that mean by no more than this.
pub(super) const RUN_CLIP: f64 = 6.0;
/// The share of a view's values that its tail is made of.
pub(super) const TAIL: f64 = 0.03;
/// What the tail index is believed to be before exceedances are seen, and how many of them it is worth.
pub(super) const TAIL_INDEX: f64 = 0.35;
/// See `TAIL_INDEX`.
pub(super) const TAIL_PRIOR: f64 = 20.0;
/// Exceedances a tail remembers.
pub(super) const TAIL_MEMORY: f64 = 100.0;
/// The tail begins no lower than this many scales.
pub(super) const TAIL_FLOOR: f64 = 2.0;
/// Fastest adaptation of a tail, per row.
pub(super) const TAIL_RATE: f64 = 0.005;
/// Nats of evidence a view keeps to itself: e⁻² is no surprise.
pub(super) const COMMON: f64 = 2.0;
/// Evidence, in nats, from which a row begins an event.
pub(super) const ONSET: f64 = 4.5;
/// Evidence above the onset at which the score has come 63 % of the way from 0.5 to 1.
pub(super) const SATURATION: f64 = 10.0;
/// While an event is remembered, another must be this much stronger to count.
pub(super) const STRONGER: f64 = 1.3;
/// Half-life, in days, of the memory of an event.
pub(super) const EVENT_DAYS: f64 = 1.0;
/// The same in rows, for series with long intervals.
pub(super) const EVENT_ROWS: f64 = 10.0;
/// Weight of the newest row in the sustained deviation.
pub(super) const SUSTAINED: f64 = 0.5;
/// Share of the magnitude that the sustained deviation is measured in, beside the spread.
pub(super) const SUSTAINED_SHARE: f64 = 0.2;
/// Rows until a verdict is given full weight.
pub(super) const WARM_ROWS: f64 = 30.0;
/// Days until a verdict is given full weight.
pub(super) const WARM_DAYS: f64 = 1.0;
/// Deviation below which a view of a season that moves must fall to be surprising: see `stillness`.
pub(super) const STILL: f64 = 0.1;

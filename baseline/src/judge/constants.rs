//! The detector's constants, in one place.
//!
//! They are round numbers from wide plateaus: with all of them moved at random by up to a quarter,
//! the scores of BENCHMARKS.md are about three points lower on the average.

/// Days an hour of the day remembers.
pub(super) const DAYS: f64 = 10.0;
/// Days the level without seasons remembers.
pub(super) const LEVEL_DAYS: f64 = 3.0;
/// Weeks an hour of the week remembers.
pub(super) const WEEKS: f64 = 4.0;
/// Days that errors of predictions and the magnitude are remembered.
pub(super) const SCALE_DAYS: f64 = 14.0;
/// Days that the tails of the views are remembered.
pub(super) const TAIL_DAYS: f64 = 30.0;
/// Visits after which an hour's level is believed.
pub(super) const MIN_VISITS: f64 = 2.0;
/// A value moves a level by no more than this many of its spreads.
pub(super) const CLIP: f64 = 2.0;
/// A deviation counts for a spread by no more than this many of it.
pub(super) const SPREAD_CLIP: f64 = 4.0;
/// √(π/2): the mean absolute deviation of a normal distribution × this = its standard deviation.
pub(super) const NORMAL: f64 = 1.2533;
/// How much of the scale is the hour's own spread; the rest is the error over all hours.
pub(super) const HOURS_SHARE: f64 = 0.5;
/// The day's shape displaced by so many hours is one scale: daylight saving is two.
pub(super) const DISPLACEMENT: f64 = 0.5;
/// Weight of the newest row in the mean of recent deviations: about the last fifteen or thirty rows.
pub(super) const RUN: f64 = 0.07;
/// One row's deviation counts in that mean by no more than this many scales.
pub(super) const RUN_CLIP: f64 = 4.0;
/// A change from row to row counts in the series' motion by no more than this many usual ones.
pub(super) const MOTION_CLIP: f64 = 3.0;
/// Motion, in usual changes, that counts as standing still.
pub(super) const STILL: f64 = 0.1;
/// The share of a view's values that its tail is made of.
pub(super) const TAIL: f64 = 0.03;
/// The tail begins no lower than this many scales.
pub(super) const TAIL_FLOOR: f64 = 1.0;
/// What the tail's index is believed to be before exceedances are seen.
pub(super) const TAIL_INDEX: f64 = 0.35;
/// How many exceedances that belief is worth.
pub(super) const TAIL_PRIOR: f64 = 30.0;
/// Exceedances a tail remembers.
pub(super) const TAIL_MEMORY: f64 = 100.0;
/// How many exceedances more than are usual by then may count for the tail's index: what comes in
/// one long run is one change, and no news of how far values scatter.
pub(super) const TAIL_BURST: f64 = 10.0;
/// The share of values beyond the second point of a tail.
pub(super) const EXTREME: f64 = 0.001;
/// By how much that point rises when it is passed.
pub(super) const EXTREME_STEP: f64 = 0.2;
/// Nats that are no evidence: e⁻² is common.
pub(super) const COMMON: f64 = 2.0;
/// Evidence, in nats, with which one row is out of the band.
pub(super) const BAND: f64 = 4.5;
/// What is rarer than this, in nats, is a habit if it comes again at its hour.
pub(super) const HABIT_NATS: f64 = 4.0;
/// Further out, in scales, counts as this for a habit.
pub(super) const HABIT_LARGEST: f64 = 1000.0;
/// Days until evidence counts for half; it counts in full when there are many more.
pub(super) const YOUNG_DAYS: f64 = 0.5;
/// Evidence, in nats, from which a row begins an event.
pub(super) const ONSET: f64 = 3.5;
/// Evidence beyond the onset at which the score has come 63 % of the way from 0.5 to 1.
pub(super) const SATURATION: f64 = 14.0;
/// While an event is fresh, another must be this many times as strong to count.
pub(super) const STRONGER: f64 = 1.5;
/// Half-life, in days, of the memory of an event.
pub(super) const EVENT_DAYS: f64 = 1.0;
/// Half-life in rows, if that is longer.
pub(super) const EVENT_ROWS: f64 = 10.0;
/// Weight of the newest row in the sustained deviation.
pub(super) const SUSTAINED: f64 = 0.5;
/// The sustained deviation is measured in the level's error and this share of the magnitude.
pub(super) const SUSTAINED_SHARE: f64 = 0.2;
/// Rows until a verdict has its full weight.
pub(super) const WARM_ROWS: f64 = 30.0;
/// Days until a verdict has its full weight.
pub(super) const WARM_DAYS: f64 = 1.0;
/// A scale is never smaller than this, for series that are 0.
pub(super) const TINY: f64 = 1e-12;
/// Larger values count as this, so that no sum overflows.
pub(super) const LARGEST: f64 = 1e30;
/// A value counts for the magnitude by no more than this many of it.
pub(super) const MAGNITUDE_CLIP: f64 = 100.0;
/// The tail begins no higher than this many scales: beyond, it is the prediction that is wrong.
pub(super) const TAIL_CEILING: f64 = 10.0;

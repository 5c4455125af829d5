//! The samples of one series → its windows.

use super::series_table::Kind;
use super::window::Grid;

/// A series in a window. What its kind does not have is NaN or 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    /// Start of the window. Milliseconds.
    pub(super) time: i64,
    pub(super) count: i64,
    pub(super) first: f64,
    pub(super) last: f64,
    /// Of a gauge; without a number in the window `spread.min` is NaN.
    pub(super) spread: Spread,
    /// Of a counter.
    pub(super) increase: f64,
    pub(super) resets: i64,
}

/// How the values of a gauge are distributed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) sum: f64,
    /// 50th, 90th and 99th percentile.
    pub(super) quantiles: [f64; 3],
}

impl Spread {
    pub(super) const NONE: Self = Self {
        min: f64::NAN,
        max: f64::NAN,
        sum: f64::NAN,
        quantiles: [f64::NAN; 3],
    };
}

/// The windows of a series, while its samples come in order of time.
pub(super) struct PointWindows {
    kind: Kind,
    /// The last finite value of a counter.
    before: Option<f64>,
    minutes: Open,
    hours: Open,
}

/// The windows of one length: those that are done, and the one that is not.
struct Open {
    grid: Grid,
    rows: Vec<Row>,
    row: Row,
    /// Values of a gauge in the open window, those that are numbers.
    values: Vec<f64>,
}

impl PointWindows {
    pub(super) fn new(minutes: Grid, hours: Grid) -> Self {
        Self {
            kind: Kind::Gauge,
            before: None,
            minutes: Open::new(minutes),
            hours: Open::new(hours),
        }
    }

    /// Begins with the next series. `before` is the last value of a counter before the first
    /// sample, if it had one.
    pub(super) fn begin(&mut self, kind: Kind, before: Option<f64>) {
        self.kind = kind;
        self.before = before;
        self.minutes.rows.clear();
        self.hours.rows.clear();
    }

    /// Adds samples that are later than those before.
    pub(super) fn push(&mut self, mut times: &[i64], mut values: &[f64]) {
        while let Some(&time) = times.first() {
            let start = self.minutes.grid.start(time);
            if start != self.minutes.row.time || self.minutes.row.count == 0 {
                self.close_minutes();
                self.minutes.row.time = start;
            }
            let end = self.minutes.grid.end(start);
            let is_beyond = |time: &i64| *time >= end;
            let n_here = times.iter().position(is_beyond).unwrap_or(times.len());
            let (here, later) = values.split_at(n_here.min(values.len()));
            match self.kind {
                Kind::Gauge => self.minutes.add_gauge(here),
                Kind::Counter => self.before = self.minutes.add_counter(here, self.before),
            }
            values = later;
            times = times.get(n_here..).unwrap_or_default();
        }
    }

    /// Ends the series: its windows of five minutes, and of an hour.
    pub(super) fn end(&mut self) -> [&[Row]; 2] {
        self.close_minutes();
        self.hours.close();
        [&self.minutes.rows, &self.hours.rows]
    }

    fn close_minutes(&mut self) {
        if self.minutes.row.count == 0 {
            return;
        }
        let start = self.hours.grid.start(self.minutes.row.time);
        if start != self.hours.row.time || self.hours.row.count == 0 {
            self.hours.close();
            self.hours.row.time = start;
        }
        self.hours.add(&self.minutes);
        self.minutes.close();
    }
}

impl Open {
    fn new(grid: Grid) -> Self {
        Self {
            grid,
            rows: Vec::new(),
            row: empty(),
            values: Vec::new(),
        }
    }

    fn add_gauge(&mut self, values: &[f64]) {
        let before = self.values.len();
        self.values
            .extend(values.iter().filter(|value| !value.is_nan()));
        if let (0, Some(first)) = (before, self.values.first()) {
            self.row.first = *first;
        }
        if let Some(last) = self.values.last() {
            self.row.last = *last;
        }
        self.row.count += values.len() as i64;
    }

    /// Returns the last finite value.
    fn add_counter(&mut self, values: &[f64], mut before: Option<f64>) -> Option<f64> {
        let row = &mut self.row;
        for &value in values.iter().filter(|value| value.is_finite()) {
            if let Some(before) = before {
                let is_reset = value < before;
                row.increase += if is_reset { value } else { value - before };
                row.resets += i64::from(is_reset);
            }
            if row.first.is_nan() {
                row.first = value;
            }
            row.last = value;
            before = Some(value);
        }
        row.count += values.len() as i64;
        before
    }

    /// Adds a shorter window.
    fn add(&mut self, other: &Self) {
        let (row, more) = (&mut self.row, &other.row);
        if row.first.is_nan() {
            row.first = more.first;
        }
        if !more.last.is_nan() {
            row.last = more.last;
        }
        row.count += more.count;
        row.increase += more.increase;
        row.resets += more.resets;
        self.values.extend_from_slice(&other.values);
    }

    /// Ends the open window, and leaves it out if it is not complete.
    fn close(&mut self) {
        let mut row = std::mem::replace(&mut self.row, empty());
        if row.count > 0 && self.grid.is_complete(row.time) {
            row.spread = spread(&mut self.values);
            self.rows.push(row);
        }
        self.values.clear();
    }
}

fn empty() -> Row {
    Row {
        time: 0,
        count: 0,
        first: f64::NAN,
        last: f64::NAN,
        spread: Spread::NONE,
        increase: 0.0,
        resets: 0,
    }
}

/// Of numbers in any order.
fn spread(values: &mut [f64]) -> Spread {
    let Some(&first) = values.first() else {
        return Spread::NONE;
    };
    let (mut min, mut max, mut sum) = (first, first, 0.0);
    for &value in &*values {
        min = if value < min { value } else { min };
        max = if value > max { value } else { max };
        sum += value;
    }
    let quantiles = if min == max {
        [min; 3]
    } else {
        quantiles(values)
    };
    Spread {
        min,
        max,
        sum,
        quantiles,
    }
}

/// The 50th, 90th and 99th percentile: the least value that so many values are not above.
fn quantiles(values: &mut [f64]) -> [f64; 3] {
    let n_values = values.len();
    let mut quantiles = [f64::NAN; 3];
    let mut rest = values;
    for (quantile, percent) in quantiles.iter_mut().zip([50, 90, 99]).rev() {
        let place = (n_values * percent).div_ceil(100).saturating_sub(1);
        if place < rest.len() {
            let (_, value, _) = rest.select_nth_unstable_by(place, f64::total_cmp);
            *quantile = *value;
        }
        // What a lower one is lies before.
        rest = rest.get_mut(..=place).unwrap_or_default();
    }
    quantiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_so_many_are_not_above() {
        let mut values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(quantiles(&mut values), [50.0, 90.0, 99.0]);
        assert_eq!(quantiles(&mut [2.0, 1.0]), [1.0, 2.0, 2.0]);
        assert_eq!(quantiles(&mut [3.0]), [3.0; 3]);
        assert_eq!(
            quantiles(&mut [3.0, 2.0, f64::INFINITY]),
            [3.0, f64::INFINITY, f64::INFINITY]
        );
    }
}

//! What a chart shows from left to right.

use jiff::Timestamp;

use super::Point;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Times between two ticks.
const STEPS: [i64; 13] = [
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    2 * HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    28 * DAY,
    364 * DAY,
];
/// Ticks at most: on a phone there is no place for more.
const MAX_TICKS: i64 = 6;
/// Cells without a point that a line goes over; where there are more it ends.
const MAX_GAP: usize = 2;

/// A range of time in cells of equal width.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    from: i64,
    to: i64,
    n_cells: usize,
}

/// The points of a cell together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    sum: f64,
    n_points: u32,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Grid {
    pub(super) fn new((from, to): (i64, i64), n_cells: usize) -> Self {
        Self {
            from,
            to: to.max(from.saturating_add(1)),
            n_cells,
        }
    }

    pub(super) fn n_cells(&self) -> usize {
        self.n_cells
    }

    /// Where a time is, from 0 at the left to 1 at the right.
    pub(super) fn place(&self, time: i64) -> f64 {
        let length = self.to.saturating_sub(self.from) as f64;
        (time.saturating_sub(self.from) as f64 / length).clamp(0.0, 1.0)
    }

    /// Where the middle of a cell is.
    pub(super) fn middle(&self, idx: usize) -> f64 {
        (idx as f64 + 0.5) / self.n_cells as f64
    }

    /// Puts points together. What is no number or outside the range is left out.
    pub(super) fn cells(&self, points: impl Iterator<Item = Point>) -> Vec<Cell> {
        let empty = Cell {
            sum: 0.0,
            n_points: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        };
        let mut cells = vec![empty; self.n_cells];
        let is_shown = |point: &Point| {
            let numbers = [point.value, point.min, point.max];
            numbers.iter().all(|number| number.is_finite())
                && (self.from..=self.to).contains(&point.time)
        };
        for point in points.filter(is_shown) {
            let idx = (self.place(point.time) * self.n_cells as f64) as usize;
            if let Some(cell) = cells.get_mut(idx.min(self.n_cells.saturating_sub(1))) {
                cell.sum += point.value;
                cell.n_points += 1;
                cell.min = cell.min.min(point.min);
                cell.max = cell.max.max(point.max);
            }
        }
        cells
    }

    /// Times at which something is written, and what.
    pub(super) fn ticks(&self) -> Vec<(i64, String)> {
        let length = self.to.saturating_sub(self.from);
        let mut steps = STEPS.iter().copied();
        let Some(step) = steps.find(|step| length / step <= MAX_TICKS) else {
            return Vec::new();
        };
        let first = self.from.div_euclid(step) + 1;
        let last = (self.to - 1).div_euclid(step);
        let ticks = (first..=last).map(|idx| idx * step);
        // At the very edge there is no place for a text.
        let inside = ticks.filter(|time| (0.04..0.96).contains(&self.place(*time)));
        inside.map(|time| (time, tick_text(time))).collect()
    }
}

impl Cell {
    /// The mean of its points, if it has any.
    pub(super) fn mean(&self) -> Option<f64> {
        (self.n_points > 0).then(|| self.sum / f64::from(self.n_points))
    }
}

/// The time of day, or the day at its beginning.
fn tick_text(millis: i64) -> String {
    let format = match millis.rem_euclid(DAY) {
        0 => "%m-%d",
        _ => "%H:%M",
    };
    let time = Timestamp::from_millisecond(millis);
    time.map_or_else(|_| String::new(), |time| time.strftime(format).to_string())
}

/// Cells that hold together: between two of a run there are few without anything.
pub(super) fn runs(n_cells: usize, is_known: impl Fn(usize) -> bool) -> Vec<Vec<usize>> {
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for idx in (0..n_cells).filter(|&idx| is_known(idx)) {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|last| idx - last <= MAX_GAP + 1) => run.push(idx),
            _ => runs.push(vec![idx]),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_ends_where_nothing_was_measured() {
        let known = [0, 1, 4, 8];
        let runs = runs(9, |idx| known.contains(&idx));
        assert_eq!(runs, [vec![0, 1, 4], vec![8]]);
    }

    #[test]
    fn ticks_are_whole_hours_or_days() {
        let ticks = |hours: i64| -> Vec<String> {
            let grid = Grid::new((HOUR / 2, HOUR / 2 + hours * HOUR), 10);
            grid.ticks().into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(ticks(24), ["06:00", "12:00", "18:00"]);
        assert_eq!(ticks(3), ["01:00", "01:30", "02:00", "02:30", "03:00"]);
        assert_eq!(ticks(24 * 7), ["01-03", "01-05", "01-07"]);
        assert!(ticks(24 * 365 * 100).is_empty());
    }
}

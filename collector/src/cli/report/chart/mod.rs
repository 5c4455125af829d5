//! Charts: numbers in, SVG out.
//!
//! A chart is as wide as the place it is put in: curves are stretched, texts are not. Its colours
//! come from the page, by class. It does not know signals, findings or the archive.

mod axis;
mod grid;

use std::fmt::Write as _;

use baseline::catalogue::Unit;

use self::axis::Axis;
use self::grid::{Cell, Grid};
use super::markup::Markup;

/// Places from left to right on which points are put together.
const N_CELLS: usize = 240;
/// The same of a sparkline.
const N_SPARK_CELLS: usize = 60;

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Milliseconds since 1970.
    pub(super) time: i64,
    /// The value, or the mean of those it stands for.
    pub(super) value: f64,
    /// The least of those.
    pub(super) min: f64,
    /// The greatest.
    pub(super) max: f64,
}

/// A line across a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Limit {
    pub(super) value: f64,
    /// Class of the line: what it is the limit of.
    pub(super) class: &'static str,
}

/// What is drawn.
#[derive(Clone, Copy)]
pub(super) struct Plot<'a> {
    /// From when to when. Milliseconds since 1970.
    pub(super) range: (i64, i64),
    /// In order of time.
    pub(super) points: &'a [Point],
    /// The lower and the upper end of what is usual: times and values.
    pub(super) band: [&'a [(i64, f64)]; 2],
    /// Drawn where they are not far off.
    pub(super) limits: &'a [Limit],
    /// Times that are shaded.
    pub(super) spans: &'a [(i64, i64)],
    /// What the values count.
    pub(super) unit: Unit,
    /// What the chart shows, for those who do not see it.
    pub(super) alternative: &'a str,
}

/// Draws a chart with axes.
pub(super) fn chart(plot: &Plot<'_>) -> Markup {
    let drawn = Drawn::new(plot, N_CELLS);
    let mut svg = Markup::default();
    svg.raw("<svg class=\"chart\" role=\"img\" width=\"100%\" height=\"196\" aria-label=\"")
        .text(plot.alternative)
        .raw("\"><svg x=\"0\" y=\"8\" width=\"100%\" height=\"160\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\">");
    drawn.spans(&mut svg);
    drawn.grid_lines(&mut svg);
    drawn.band(&mut svg);
    drawn.limits(&mut svg);
    drawn.curve(&mut svg);
    svg.raw("</svg>");
    drawn.texts(&mut svg);
    svg.raw("</svg>");
    svg
}

/// Draws a small chart without axes.
pub(super) fn sparkline(plot: &Plot<'_>) -> Markup {
    let drawn = Drawn::new(plot, N_SPARK_CELLS);
    let mut svg = Markup::default();
    svg.raw("<svg class=\"spark\" role=\"img\" width=\"120\" height=\"24\" viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" aria-label=\"")
        .text(plot.alternative)
        .raw("\">");
    drawn.band(&mut svg);
    drawn.line(&mut svg);
    svg.raw("</svg>");
    svg
}

/// A plot with what follows from its numbers.
struct Drawn<'a> {
    plot: &'a Plot<'a>,
    grid: Grid,
    values: Vec<Cell>,
    lower: Vec<Cell>,
    upper: Vec<Cell>,
    axis: Axis,
}

impl<'a> Drawn<'a> {
    fn new(plot: &'a Plot<'a>, n_cells: usize) -> Self {
        let grid = Grid::new(plot.range, n_cells.min(plot.points.len().max(2)));
        let values = grid.cells(plot.points.iter().copied());
        let [lower, upper] = plot.band.map(|edge| {
            let points = edge.iter().map(|&(time, value)| Point {
                time,
                value,
                min: value,
                max: value,
            });
            grid.cells(points)
        });
        let extents = |cells: &[Cell]| -> Vec<f64> {
            let known = cells.iter().filter(|cell| cell.mean().is_some());
            known.flat_map(|cell| [cell.min, cell.max]).collect()
        };
        let axis = Axis::new(
            &extents(&values),
            &[extents(&lower), extents(&upper)].concat(),
            &plot
                .limits
                .iter()
                .map(|limit| limit.value)
                .collect::<Vec<_>>(),
        );
        Self {
            plot,
            grid,
            values,
            lower,
            upper,
            axis,
        }
    }

    fn spans(&self, svg: &mut Markup) {
        for &(from, to) in self.plot.spans {
            let left = self.grid.place(from) * 1000.0;
            // Even a short one is seen.
            let width = (self.grid.place(to) * 1000.0 - left).max(3.0);
            svg.raw("<rect class=\"span\" y=\"0\" height=\"100\" x=\"")
                .text(Short(left))
                .raw("\" width=\"")
                .text(Short(width))
                .raw("\"/>");
        }
    }

    fn grid_lines(&self, svg: &mut Markup) {
        for tick in self.axis.ticks(self.plot.unit) {
            path(
                svg,
                "grid",
                &format!("M0 {}H1000", Short(self.axis.y(tick))),
            );
        }
        for (time, _) in self.grid.ticks() {
            let x = Short(self.grid.place(time) * 1000.0);
            path(svg, "grid", &format!("M{x} 0V100"));
        }
    }

    fn band(&self, svg: &mut Markup) {
        let edges = |idx: usize| {
            let mean = |cells: &[Cell]| cells.get(idx).and_then(Cell::mean);
            Some((mean(&self.lower)?, mean(&self.upper)?))
        };
        self.area(svg, "band", edges);
    }

    fn limits(&self, svg: &mut Markup) {
        let limits = self.plot.limits.iter();
        for limit in limits.filter(|limit| self.axis.contains(limit.value)) {
            let y = Short(self.axis.y(limit.value));
            path(svg, limit.class, &format!("M0 {y}H1000"));
        }
    }

    /// The line, and around it from the least to the greatest value of each place.
    fn curve(&self, svg: &mut Markup) {
        let edges = |idx: usize| {
            let cell = self.values.get(idx)?;
            cell.mean().map(|_| (cell.min, cell.max))
        };
        self.area(svg, "range", edges);
        self.line(svg);
    }

    fn line(&self, svg: &mut Markup) {
        let mean = |idx: usize| self.values.get(idx).and_then(Cell::mean);
        let mut drawn = String::new();
        for run in grid::runs(self.values.len(), |idx| mean(idx).is_some()) {
            let known = run.into_iter().filter_map(|idx| Some((idx, mean(idx)?)));
            self.draw(&mut drawn, known);
            // A point alone is a dot: its ends are round.
            drawn.push_str("h0");
        }
        path(svg, "line", &drawn);
    }

    /// Goes through values of cells, from the first on.
    fn draw(&self, drawn: &mut String, values: impl Iterator<Item = (usize, f64)>) {
        let mut command = 'M';
        for (idx, value) in values {
            // A String takes every write.
            let _ = write!(
                drawn,
                "{command}{} {}",
                Short(self.grid.middle(idx) * 1000.0),
                Short(self.axis.y(value))
            );
            command = 'L';
        }
    }

    fn area(
        &self,
        svg: &mut Markup,
        class: &'static str,
        edges: impl Fn(usize) -> Option<(f64, f64)>,
    ) {
        let mut drawn = String::new();
        for run in grid::runs(self.grid.n_cells(), |idx| edges(idx).is_some()) {
            let known = run.iter().filter_map(|&idx| Some((idx, edges(idx)?)));
            let known: Vec<_> = known.collect();
            let there = known.iter().map(|&(idx, (_, upper))| (idx, upper));
            let back = known.iter().rev().map(|&(idx, (lower, _))| (idx, lower));
            self.draw(&mut drawn, there.chain(back));
            drawn.push('Z');
        }
        path(svg, class, &drawn);
    }

    fn texts(&self, svg: &mut Markup) {
        for tick in self.axis.ticks(self.plot.unit) {
            let y = 8.0 + 1.6 * self.axis.y(tick);
            svg.raw("<text aria-hidden=\"true\" x=\"4\" y=\"")
                .text(Short(y - 3.0))
                .raw("\">")
                .text(self.plot.unit.format(tick))
                .raw("</text>");
        }
        for (time, text) in self.grid.ticks() {
            svg.raw("<text aria-hidden=\"true\" class=\"time\" y=\"186\" x=\"")
                .text(Short(self.grid.place(time) * 100.0))
                .raw("%\">")
                .text(text)
                .raw("</text>");
        }
    }
}

fn path(svg: &mut Markup, class: &'static str, drawn: &str) {
    if drawn.is_empty() {
        return;
    }
    svg.raw("<path class=\"")
        .raw(class)
        .raw("\" d=\"")
        .text(drawn)
        .raw("\"/>");
}

/// A number with one decimal at most: finer than a screen.
struct Short(f64);

impl std::fmt::Display for Short {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.0 * 10.0).round() / 10.0;
        write!(f, "{rounded}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn point(hour: i64, value: f64) -> Point {
        Point {
            time: hour * HOUR + HOUR / 2,
            value,
            min: value,
            max: value,
        }
    }

    fn plot<'a>(points: &'a [Point]) -> Plot<'a> {
        Plot {
            range: (0, 4 * HOUR),
            points,
            band: [&[], &[]],
            limits: &[],
            spans: &[],
            unit: Unit::Count,
            alternative: "from 0 to 10",
        }
    }

    #[test]
    fn a_line_goes_through_its_points() {
        let points = [point(0, 0.0), point(1, 5.0), point(2, 10.0), point(3, 0.0)];
        let svg = sparkline(&plot(&points));
        assert_eq!(
            svg.as_str(),
            "<svg class=\"spark\" role=\"img\" width=\"120\" height=\"24\" \
             viewBox=\"0 0 1000 100\" preserveAspectRatio=\"none\" aria-label=\"from 0 to 10\">\
             <path class=\"line\" d=\"M125 95.5L375 50L625 4.5L875 95.5h0\"/></svg>"
        );
    }

    #[test]
    fn the_band_the_span_and_a_limit_that_is_near_are_drawn() {
        let points = [point(0, 4.0), point(1, 5.0), point(2, 10.0), point(3, 5.0)];
        let lower = [(HOUR, 3.0), (3 * HOUR, 3.0)];
        let upper = [(HOUR, 6.0), (3 * HOUR, 6.0)];
        let limits = [8.0, 1e9].map(|value| Limit {
            value,
            class: "warning",
        });
        let svg = chart(&Plot {
            band: [&lower, &upper],
            limits: &limits,
            spans: &[(2 * HOUR, 3 * HOUR)],
            ..plot(&points)
        });
        let svg = svg.as_str();
        assert!(svg.contains("class=\"band\""), "{svg}");
        assert!(svg.contains("x=\"500\" width=\"250\"/>"), "{svg}");
        assert_eq!(svg.matches("class=\"warning\"").count(), 1, "{svg}");
        assert!(svg.contains(">01:00</text>"), "{svg}");
    }

    #[test]
    fn numbers_that_are_none_are_not_drawn() {
        let points = [f64::NAN, f64::INFINITY, 1.0].map(|value| point(1, value));
        for points in [&points[..], &points[..2], &[]] {
            let svg = chart(&plot(points));
            for wrong in ["NaN", "inf"] {
                assert!(!svg.as_str().contains(wrong), "{svg:?}");
            }
        }
    }

    #[test]
    fn a_hostile_alternative_is_text() {
        let svg = sparkline(&Plot {
            alternative: "\"><script>",
            ..plot(&[])
        });
        assert!(!svg.as_str().contains("<script"), "{svg:?}");
    }
}

//! A line of values, drawn with characters.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Stands where nothing was measured.
const GAP: char = ' ';

/// Draws values at places from 0 up to 1 over `width` characters: each the mean of those that fall
/// on it.
pub(in crate::cli) fn draw(points: impl Iterator<Item = (f64, f64)>, width: usize) -> String {
    let mut sums = vec![(0.0, 0u32); width];
    for (place, value) in points.filter(|(_, value)| value.is_finite()) {
        let cell = ((place * width as f64) as usize).min(width.saturating_sub(1));
        if let Some((sum, n)) = sums.get_mut(cell) {
            *sum += value;
            *n += 1;
        }
    }
    let mean = |(sum, n): &(f64, u32)| (*n > 0).then(|| sum / f64::from(*n));
    let means: Vec<Option<f64>> = sums.iter().map(mean).collect();
    let known = || means.iter().flatten().copied();
    let (low, high) = (
        known().fold(f64::INFINITY, f64::min),
        known().fold(f64::NEG_INFINITY, f64::max),
    );
    let bar = |value: f64| {
        // What does not change is a flat line: at the bottom if it is nothing.
        let share = match high - low {
            0.0 if value == 0.0 => 0.0,
            0.0 => 0.4,
            range => (value - low) / range,
        };
        let idx = (share * BARS.len() as f64) as usize;
        BARS[idx.min(BARS.len() - 1)]
    };
    means
        .into_iter()
        .map(|mean| mean.map_or(GAP, bar))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64], width: usize) -> String {
        let n = values.len() as f64;
        let places = values.iter().enumerate();
        draw(places.map(|(idx, value)| (idx as f64 / n, *value)), width)
    }

    #[test]
    fn it_goes_from_the_least_to_the_greatest() {
        assert_eq!(
            line(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 8),
            "▁▂▃▄▅▆▇█"
        );
        assert_eq!(line(&[1.0, 3.0, 8.0, 8.0], 2), "▁█");
        assert_eq!(line(&[0.0, 0.0], 2), "▁▁");
        assert_eq!(line(&[7.0, 7.0], 2), "▄▄");
        assert_eq!(line(&[7.0, f64::NAN], 2), "▄ ");
        assert_eq!(line(&[], 3), "   ");
    }
}

//! Flame graphs as SVG, drawn by inferno. What comes from outside is text in them, never markup.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use inferno::flamegraph;

use crate::folded;
use crate::profile::Profile;

/// Why there is no drawing.
#[derive(Debug, thiserror::Error)]
pub enum FlameGraphError {
    /// There is nothing to draw.
    #[error("nothing to draw: no value of {kind} is above zero")]
    Nothing {
        /// What is counted.
        kind: String,
    },
}

/// Draws one sample type. Without a title the graph is named after it.
///
/// # Errors
/// If no value is above zero.
pub fn svg(
    profile: &Profile,
    type_idx: usize,
    title: Option<&str>,
) -> Result<Vec<u8>, FlameGraphError> {
    let (kind, mut options) = options(profile, type_idx);
    options.title = title.unwrap_or(kind).to_owned();
    // The colour says which function it is, on every graph the same.
    options.hash = true;
    let folded = folded::write(profile, type_idx);
    draw(folded.lines().map(protect_spaces), options, kind)
}

/// Draws how one sample type of two profiles differs: as wide as the second, red what grew and blue
/// what shrank. The values of the first are taken times `scale`.
///
/// # Errors
/// If the second has no value above zero.
pub fn differential_svg(
    (base, base_type): (&Profile, usize),
    (profile, type_idx): (&Profile, usize),
    scale: f64,
    title: &str,
) -> Result<Vec<u8>, FlameGraphError> {
    let mut counts: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for (frames, count) in counted(&folded::write(base, base_type)) {
        let scaled = (count as f64 * scale).round() as i64;
        let [before, _] = counts.entry(frames).or_default();
        *before = before.saturating_add(scaled);
    }
    for (frames, count) in counted(&folded::write(profile, type_idx)) {
        let [_, now] = counts.entry(frames).or_default();
        *now = now.saturating_add(count);
    }
    // A stack that is gone has no width; a negative one cannot be drawn.
    let lines = counts
        .into_iter()
        .filter(|(_, [before, now])| *before >= 0 && *now >= 0);
    let lines = lines.map(|(frames, [before, now])| format!("{frames} {before} {now}"));
    let (kind, mut options) = options(profile, type_idx);
    options.title = title.to_owned();
    draw(lines, options, kind)
}

/// The name of a sample type, and options that say what it counts.
fn options(profile: &Profile, type_idx: usize) -> (&str, flamegraph::Options<'_>) {
    let value_type = profile.sample_types.get(type_idx).copied();
    let value_type = value_type.unwrap_or_default();
    let [kind, unit] = [value_type.kind, value_type.unit].map(|id| profile.strings.get(id));
    let mut options = flamegraph::Options::default();
    options.count_name = unit.to_owned();
    (kind, options)
}

fn draw(
    lines: impl Iterator<Item = String>,
    mut options: flamegraph::Options<'_>,
    kind: &str,
) -> Result<Vec<u8>, FlameGraphError> {
    let lines: Vec<String> = lines.collect();
    let mut svg = Vec::new();
    // Writing to a `Vec` cannot fail: it fails if nothing has a width.
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg).map_err(
        |_| FlameGraphError::Nothing {
            kind: kind.to_owned(),
        },
    )?;
    Ok(svg)
}

/// The stacks of folded text with their counts.
fn counted(folded: &str) -> impl Iterator<Item = (String, i64)> {
    folded.lines().filter_map(|line| {
        let (frames, count) = line.rsplit_once(' ')?;
        Some((frames.replace(' ', NO_BREAK_SPACE), count.parse().ok()?))
    })
}

/// inferno would take a number at the end of a name for a second count. This looks the same.
const NO_BREAK_SPACE: &str = "\u{a0}";

fn protect_spaces(line: &str) -> String {
    match line.rsplit_once(' ') {
        Some((frames, count)) => format!("{} {count}", frames.replace(' ', NO_BREAK_SPACE)),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_drawn_with_its_value() {
        let profile = folded::parse(b"main;thread 12 3\nmain;g 1\n").unwrap();
        let svg = String::from_utf8(svg(&profile, 0, None).unwrap()).unwrap();
        assert!(
            svg.contains("<title>thread\u{a0}12 (3 count, 75.00%)</title>"),
            "{svg}"
        );
        assert!(svg.contains("<title>main (4 count, 100.00%)</title>"));
    }

    #[test]
    fn what_comes_from_outside_cannot_become_markup() {
        let name = "</title><script>alert(1)</script><img/src=x onerror=alert(2)>\"'&";
        let profile = folded::parse(format!("main;{name} 3\n").as_bytes()).unwrap();
        let drawn = [
            svg(&profile, 0, Some(name)).unwrap(),
            differential_svg((&profile, 0), (&profile, 0), 1.0, name).unwrap(),
        ];
        for svg in drawn {
            let svg = String::from_utf8(svg).unwrap();
            for wrong in ["<script>alert", "<img"] {
                assert!(!svg.contains(wrong), "{wrong}: {svg}");
            }
            assert!(svg.contains("&lt;script&gt;alert(1)"), "{svg}");
        }
    }

    #[test]
    fn a_profile_of_zeros_cannot_be_drawn() {
        let profile = folded::parse(b"main 0\n").unwrap();
        let error = svg(&profile, 0, None).unwrap_err().to_string();
        assert_eq!(error, "nothing to draw: no value of samples is above zero");
    }
}

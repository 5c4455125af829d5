//! `leadsman profile flame`: a flame graph as SVG, drawn by inferno.

use std::collections::BTreeMap;

use anyhow::Context as _;
use clap::Args;
use inferno::flamegraph;
use proto::folded;
use proto::profile::Profile;

use super::convert::type_idx;
use super::input::InputArgs;
use crate::cli::output::OutputPath;

#[derive(Debug, Args)]
pub(super) struct FlameArgs {
    /// SVG file to write; - for standard output
    #[arg(short, long, value_name = "OUT.svg")]
    output: OutputPath,
    /// Sample type to draw, such as cpu or inuse_space [default: the profile's own]
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    sample_type: Option<String>,
    /// Title of the graph [default: the sample type]
    #[arg(long)]
    title: Option<String>,
    #[command(flatten)]
    input: InputArgs,
}

impl FlameArgs {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let profile = self.input.load()?;
        let type_idx = type_idx(&profile, self.sample_type.as_deref())?;
        self.output
            .write(&svg(&profile, type_idx, self.title.as_deref())?)
    }
}

/// Draws one sample type. Without a title the graph is named after it.
pub(super) fn svg(
    profile: &Profile,
    type_idx: usize,
    title: Option<&str>,
) -> anyhow::Result<Vec<u8>> {
    let value_type = profile
        .sample_types
        .get(type_idx)
        .copied()
        .unwrap_or_default();
    let [kind, unit] = [value_type.kind, value_type.unit].map(|id| profile.strings.get(id));
    let mut options = flamegraph::Options::default();
    options.title = title.unwrap_or(kind).to_owned();
    options.count_name = unit.to_owned();
    // The colour says which function it is, on every graph the same.
    options.hash = true;
    let folded = folded::write(profile, type_idx);
    let lines: Vec<String> = folded.lines().map(protect_spaces).collect();
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)
        .with_context(|| format!("nothing to draw: no value of {kind} is above zero"))?;
    Ok(svg)
}

/// Draws how one sample type of two profiles differs: as wide as the second, red what grew and blue
/// what shrank. The values of the first are taken times `scale`.
pub(in crate::cli) fn differential_svg(
    (base, base_type): (&Profile, usize),
    (profile, type_idx): (&Profile, usize),
    scale: f64,
    title: &str,
) -> anyhow::Result<Vec<u8>> {
    let mut counts: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    let folded = [
        folded::write(base, base_type),
        folded::write(profile, type_idx),
    ];
    for (idx, folded) in folded.iter().enumerate() {
        for (frames, count) in folded.lines().filter_map(|line| line.rsplit_once(' ')) {
            let count: i64 = count.parse().context("failed to read a count")?;
            let scaled = if idx == 0 {
                (count as f64 * scale).round() as i64
            } else {
                count
            };
            let known = counts.entry(frames.replace(' ', "\u{a0}")).or_default();
            known[idx] += scaled;
        }
    }
    // A stack that is gone has no width; a negative one cannot be drawn.
    let lines = counts
        .into_iter()
        .filter(|(_, [before, now])| *before >= 0 && *now >= 0);
    let lines = lines.map(|(frames, [before, now])| format!("{frames} {before} {now}"));
    let lines: Vec<String> = lines.collect();
    let value_type = profile
        .sample_types
        .get(type_idx)
        .copied()
        .unwrap_or_default();
    let mut options = flamegraph::Options::default();
    options.title = title.to_owned();
    options.count_name = profile.strings.get(value_type.unit).to_owned();
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, lines.iter().map(String::as_str), &mut svg)
        .context("nothing to draw: the second profile has no value above zero")?;
    Ok(svg)
}

/// inferno would take a number at the end of a name for a second count. A no-break space looks
/// the same.
fn protect_spaces(line: &str) -> String {
    match line.rsplit_once(' ') {
        Some((frames, count)) => format!("{} {count}", frames.replace(' ', "\u{a0}")),
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
    fn a_profile_of_zeros_cannot_be_drawn() {
        let profile = folded::parse(b"main 0\n").unwrap();
        let error = svg(&profile, 0, None).unwrap_err().to_string();
        assert_eq!(error, "nothing to draw: no value of samples is above zero");
    }
}

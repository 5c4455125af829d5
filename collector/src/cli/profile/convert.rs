//! `leadsman profile convert`: the same profile in another format.

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use proto::flame_graph::svg;
use proto::profile::Profile;
use proto::{compress, folded, pprof, speedscope};

use super::input::InputArgs;
use crate::cli::output::OutputPath;

#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// Format to write [default: told by the name of OUT]
    #[arg(long, value_enum)]
    to: Option<Format>,
    /// File to write; - for standard output
    #[arg(short, long, value_name = "OUT")]
    output: OutputPath,
    /// Sample type to write as folded stacks or a flame graph [default: the profile's own]
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    sample_type: Option<String>,
    #[command(flatten)]
    input: InputArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// gzip'd protobuf, for go tool pprof and the rest of the world
    Pprof,
    /// one line for each stack
    Folded,
    /// a flame graph
    Svg,
    /// JSON for www.speedscope.app
    Speedscope,
}

impl ConvertArgs {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let format = self.to.or_else(|| format_of_name(&self.output));
        let format = format.context("cannot tell the format from the name of OUT: use --to")?;
        if format == Format::Pprof {
            self.output.refuse_binary_to_terminal()?;
        }
        let profile = self.input.load()?;
        let type_idx = type_idx(&profile, self.sample_type.as_deref())?;
        let bytes = match format {
            Format::Pprof => compress::gzip(&pprof::encode(&profile)),
            Format::Folded => folded::write(&profile, type_idx).into_bytes(),
            Format::Svg => svg(&profile, type_idx, None)?,
            Format::Speedscope => serde_json::to_vec(&speedscope::write(&profile))?,
        };
        self.output.write(&bytes)
    }
}

/// The sample type that was asked for, or the profile's own.
pub(super) fn type_idx(profile: &Profile, asked: Option<&str>) -> anyhow::Result<usize> {
    let Some(asked) = asked else {
        return Ok(profile.default_type_idx());
    };
    if let Some(type_idx) = profile.type_idx(asked) {
        return Ok(type_idx);
    }
    let known = profile
        .sample_types
        .iter()
        .map(|known| profile.strings.get(known.kind));
    bail!(
        "no sample type {asked:?}; there is {}",
        known.collect::<Vec<_>>().join(", ")
    )
}

fn format_of_name(output: &OutputPath) -> Option<Format> {
    let name = output.file()?.file_name()?.to_str()?;
    let endings = [
        (".pb.gz", Format::Pprof),
        (".pprof", Format::Pprof),
        (".folded", Format::Folded),
        (".txt", Format::Folded),
        (".svg", Format::Svg),
        (".json", Format::Speedscope),
    ];
    endings
        .iter()
        .find(|(ending, _)| name.ends_with(ending))
        .map(|(_, format)| *format)
}

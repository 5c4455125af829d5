//! `leadsman profile flame`: a flame graph as SVG.

use clap::Args;
use proto::flame_graph::svg;

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

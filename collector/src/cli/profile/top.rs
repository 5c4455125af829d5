//! `leadsman profile top`: the functions that spend the most.

use std::fmt::Write as _;

use clap::Args;
use proto::profile::Profile;
use proto::profile_ops;

use super::convert::type_idx;
use super::input::InputArgs;
use super::units;
use crate::cli::output::print;

#[derive(Debug, Args)]
pub(super) struct TopArgs {
    /// Sample type to rank by, such as cpu or inuse_space [default: the profile's own]
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    sample_type: Option<String>,
    /// How many functions to show
    #[arg(short, default_value_t = 20, value_name = "N")]
    n: usize,
    #[command(flatten)]
    input: InputArgs,
}

impl TopArgs {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let profile = self.input.load()?;
        let type_idx = type_idx(&profile, self.sample_type.as_deref())?;
        print(table(&profile, type_idx, self.n).as_bytes())
    }
}

/// The table, with the columns of `go tool pprof -top`.
fn table(profile: &Profile, type_idx: usize, n: usize) -> String {
    let value_type = profile
        .sample_types
        .get(type_idx)
        .copied()
        .unwrap_or_default();
    let [kind, unit] = [value_type.kind, value_type.unit].map(|id| profile.strings.get(id));
    let rows = profile_ops::top(profile, type_idx, n);
    let total = profile.total(type_idx);
    let percent = |value: i64| {
        format!(
            "{:.2}%",
            100.0 * value as f64 / (total as f64).abs().max(1.0)
        )
    };
    let mut out = format!("{kind} ({unit}), total {}\n", units::format(total, unit));
    // A `String` takes every write.
    let _ = writeln!(
        out,
        "{:>10} {:>7} {:>7} {:>10} {:>7}",
        "flat", "flat%", "sum%", "cum", "cum%"
    );
    let mut sum = 0i64;
    for row in &rows {
        sum = sum.saturating_add(row.flat);
        let _ = writeln!(
            out,
            "{:>10} {:>7} {:>7} {:>10} {:>7}  {}",
            units::format(row.flat, unit),
            percent(row.flat),
            percent(sum),
            units::format(row.cum, unit),
            percent(row.cum),
            row.function,
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_own_and_total_shares() {
        let profile = proto::folded::parse(b"main;f 3\nmain 1\n").unwrap();
        let expected = "\
samples (count), total 4
      flat   flat%    sum%        cum    cum%
         3  75.00%  75.00%          3  75.00%  f
         1  25.00% 100.00%          4 100.00%  main
";
        assert_eq!(table(&profile, 0, 9), expected);
    }
}

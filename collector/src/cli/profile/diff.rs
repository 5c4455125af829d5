//! `leadsman profile diff`: what changed between two profiles, or between two ranges of the archive.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use proto::flame_graph::differential_svg;
use proto::profile::Profile;
use proto::profile_ops::{self, DiffRow};
use proto::{UnixNanos, compress, pprof};
use storage::archive::MergedProfile;

use super::convert::type_idx;
use super::select::Selection;
use super::{files, units};
use crate::cli::output::{OutputPath, print};
use crate::cli::time;

/// How far back the base is unless it is told.
const A_WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How long the compared range is unless it is told.
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

#[derive(Debug, Args)]
pub(super) struct DiffArgs {
    /// Two profiles, the base first [default: two ranges of the archive]
    #[arg(value_name = "BASE FILE", num_args = 2)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// The base begins then [default: a week before --from]
    #[arg(long, value_name = "TIME", value_parser = time::parse, conflicts_with = "files")]
    base_from: Option<UnixNanos>,
    /// The base ends then [default: as long after --base-from as the other range is]
    #[arg(long, value_name = "TIME", value_parser = time::parse, conflicts_with = "files")]
    base_until: Option<UnixNanos>,
    /// What the values are divided by before they are compared
    #[arg(long, value_enum, default_value_t = Per::Auto)]
    per: Per,
    /// Sample type to compare, such as cpu or inuse_space [default: the profile's own]
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    sample_type: Option<String>,
    /// How many functions to show
    #[arg(short, default_value_t = 20, value_name = "N")]
    n: usize,
    /// Which change ranks functions
    #[arg(long, value_enum, default_value_t = By::Own)]
    by: By,
    /// File to write instead of a table: a flame graph (.svg), or a profile with the base negated as
    /// go tool pprof -diff_base has it (.pb.gz)
    #[arg(short, long, value_name = "OUT")]
    output: Option<OutputPath>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Per {
    /// Profiled time for what happened in a time (CPU, deltas), captures for snapshots
    Auto,
    /// Wall time of the two ranges
    Wall,
    /// Captures
    Capture,
    /// The total of each: which share of it a function has
    Total,
    /// Nothing
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum By {
    /// In the function itself
    #[value(name = "self")]
    Own,
    /// In it and in what it calls
    Total,
}

/// One of the two sides.
struct Side {
    merged: MergedProfile,
    type_idx: usize,
    /// What its values are divided by.
    weight: f64,
    wall_seconds: f64,
    /// What people call it.
    name: String,
}

impl DiffArgs {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let [base, current] = self.load()?;
        let per = self.meaning(&base, &current);
        let (base, current) = (self.weighed(base, per)?, self.weighed(current, per)?);
        // Brings the base to the footing of the other.
        let scale = current.weight / base.weight;
        let Some(output) = &self.output else {
            return print(self.table(&base, &current, per).as_bytes());
        };
        let name = output.file().map(|path| path.display().to_string());
        let title = format!("{} against {}", current.name, base.name);
        if name.as_deref().is_some_and(|name| name.ends_with(".svg")) {
            let (base, current) = (base.profile(), current.profile());
            return output.write(&differential_svg(base, current, scale, &title)?);
        }
        output.refuse_binary_to_terminal()?;
        let difference = profile_ops::diff(&base.merged.profile, &current.merged.profile, scale)
            .context("failed to compare the two")?;
        output.write(&compress::gzip(&pprof::encode(&difference)))
    }

    fn load(&self) -> anyhow::Result<[Side; 2]> {
        if let [base, current] = self.files.as_slice() {
            return Ok([self.of_file(base)?, self.of_file(current)?]);
        }
        let [base, current] = self.ranges()?;
        let load = |(from, until)| self.side(from, until);
        Ok([
            load(base).context("failed to read the base")?,
            load(current)?,
        ])
    }

    /// The base's range, and the other.
    fn ranges(&self) -> anyhow::Result<[(UnixNanos, UnixNanos); 2]> {
        let now = UnixNanos(i64::try_from(Timestamp::now().as_nanosecond())?);
        let until = self.selection.until.unwrap_or(now);
        let from = self.selection.from.unwrap_or(before(until, A_DAY));
        if from >= until {
            bail!("--from has to be before --until");
        }
        let length = SignedDuration::from_nanos(until.0 - from.0);
        let base_from = match (self.base_from, self.base_until) {
            (Some(from), _) => from,
            (None, Some(until)) => before(until, length),
            (None, None) => before(from, A_WEEK),
        };
        let base_until = self.base_until.unwrap_or(before(base_from, -length));
        if base_from >= base_until {
            bail!("--base-from has to be before --base-until");
        }
        Ok([(base_from, base_until), (from, until)])
    }

    fn side(&self, from: UnixNanos, until: UnixNanos) -> anyhow::Result<Side> {
        let merged = self.selection.load_between(Some(from), Some(until))?;
        let type_idx = type_idx(&merged.profile, self.sample_type.as_deref())?;
        let show = |time: UnixNanos| time::show(time.into());
        Ok(Side {
            type_idx,
            merged,
            weight: 1.0,
            wall_seconds: (until.0 - from.0) as f64 / 1e9,
            name: format!("{} to {} UTC", show(from), show(until)),
        })
    }

    fn of_file(&self, path: &Path) -> anyhow::Result<Side> {
        let profile = self.selection.chosen_samples(files::read(path)?);
        let type_idx = type_idx(&profile, self.sample_type.as_deref())?;
        let wall_seconds = profile.duration_nanos as f64 / 1e9;
        let merged = MergedProfile {
            is_delta: profile.duration_nanos > 0,
            profile,
            kind: String::new(),
            n_captures: 1,
            n_targets: 1,
            left_out: Vec::new(),
        };
        Ok(Side {
            merged,
            type_idx,
            weight: 1.0,
            wall_seconds,
            name: files::display(path),
        })
    }

    /// What `auto` stands for.
    fn meaning(&self, base: &Side, current: &Side) -> Meaning {
        let is_timed = |side: &Side| side.merged.is_delta && side.merged.profile.duration_nanos > 0;
        match self.per {
            Per::Auto if is_timed(base) && is_timed(current) => Meaning::Profiled,
            Per::Auto | Per::Capture => Meaning::Capture,
            Per::Wall => Meaning::Wall,
            Per::Total => Meaning::Total,
            Per::None => Meaning::Nothing,
        }
    }

    fn weighed(&self, mut side: Side, per: Meaning) -> anyhow::Result<Side> {
        let profile = &side.merged.profile;
        side.weight = match per {
            Meaning::Profiled => profile.duration_nanos as f64 / 1e9,
            Meaning::Wall => side.wall_seconds,
            Meaning::Capture => side.merged.n_captures as f64,
            Meaning::Total => profile.total(side.type_idx) as f64,
            Meaning::Nothing => 1.0,
        };
        if side.weight <= 0.0 {
            bail!(
                "{} cannot be compared: nothing to divide by; try --per none",
                side.name
            );
        }
        Ok(side)
    }

    fn table(&self, base: &Side, current: &Side, per: Meaning) -> String {
        let (profile, type_idx) = current.profile();
        let value_type = profile
            .sample_types
            .get(type_idx)
            .copied()
            .unwrap_or_default();
        let [kind, unit] = [value_type.kind, value_type.unit].map(|id| profile.strings.get(id));
        let scale = current.weight / base.weight;
        let mut rows = profile_ops::compare(base.profile(), current.profile(), scale);
        let change = |row: &DiffRow| {
            let [before, now] = match self.by {
                By::Own => row.flat,
                By::Total => row.cum,
            };
            now.saturating_sub(before)
        };
        rows.retain(|row| change(row) != 0);
        rows.sort_by_key(|row| std::cmp::Reverse(change(row).unsigned_abs()));
        let values = Values {
            unit,
            per,
            weight: current.weight,
        };
        let mut out = format!("{kind} ({unit}{})\n", per.suffix());
        // A String takes every write.
        for (what, side) in [("base", base), ("now", current)] {
            let total = side.merged.profile.total(side.type_idx) as f64;
            let total = values.show((total * current.weight / side.weight) as i64);
            let Side { name, merged, .. } = side;
            let _ = writeln!(
                out,
                "  {what:<5} {name}: {total} of {} captures",
                merged.n_captures
            );
        }
        let _ = writeln!(
            out,
            "{:>11} {:>11} {:>11} {:>8} {:>11} {:>8}",
            "self before", "self now", "change", "", "total", ""
        );
        for row in rows.iter().take(self.n) {
            let [own_before, own_now] = row.flat;
            let _ = writeln!(
                out,
                "{:>11} {:>11} {:>11} {:>8} {:>11} {:>8}  {}",
                values.show(own_before),
                values.show(own_now),
                values.change(row.flat),
                percent(row.flat),
                values.change(row.cum),
                percent(row.cum),
                row.function
            );
        }
        if rows.is_empty() {
            out.push_str("no function changed\n");
        } else if let Some(more @ 1..) = rows.len().checked_sub(self.n) {
            let _ = writeln!(out, "… and {more} more: -n shows more");
        }
        out
    }
}

impl Side {
    fn profile(&self) -> (&Profile, usize) {
        (&self.merged.profile, self.type_idx)
    }
}

/// What values are divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Meaning {
    Profiled,
    Wall,
    Capture,
    Total,
    Nothing,
}

impl Meaning {
    fn suffix(self) -> &'static str {
        match self {
            Self::Profiled => " per second of profiled time",
            Self::Wall => " per second",
            Self::Capture => " per capture",
            Self::Total => ", share of the total",
            Self::Nothing => "",
        }
    }
}

/// Shows values that are on the footing of the second side.
struct Values<'a> {
    unit: &'a str,
    per: Meaning,
    weight: f64,
}

impl Values<'_> {
    fn show(&self, value: i64) -> String {
        match self.per {
            Meaning::Total => format!("{:.2}%", 100.0 * value as f64 / self.weight),
            Meaning::Nothing => units::format(value, self.unit),
            _ => units::format_fraction(value as f64 / self.weight, self.unit),
        }
    }

    fn change(&self, [before, now]: [i64; 2]) -> String {
        let change = now.saturating_sub(before);
        let sign = if change > 0 { "+" } else { "" };
        format!("{sign}{}", self.show(change))
    }
}

/// By how much something changed, in percent of what it was.
fn percent([before, now]: [i64; 2]) -> String {
    match (before, now) {
        (0, 0) => String::new(),
        (0, _) => "new".to_owned(),
        (_, 0) => "gone".to_owned(),
        (before, now) => {
            let change = 100.0 * (now as f64 - before as f64) / (before as f64).abs();
            format!("{change:+.0}%")
        }
    }
}

fn before(time: UnixNanos, duration: SignedDuration) -> UnixNanos {
    let nanos = i64::try_from(duration.as_nanos()).unwrap_or(0);
    UnixNanos(time.0.saturating_sub(nanos))
}

//! `leadsman judge`: scores the rows of a CSV file, as leadsman judges its signals.

mod table;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use baseline::judge::{Judge, Options, Verdict};
use clap::Args;

use table::{Columns, Row};

const SCORES: &str = "\
A row's score and band come from the rows before it (the score also from its own value):
  0.5 to 1   something new begins with this row; the higher, the rarer. At a row a minute, noise
             gets to 0.5 about once a day and to 0.7 less than once in a month.
  below 0.5  how far the newest rows are from what was expected. What goes on after it began is here.
Scores of different series are comparable. In the first day they are low and bands are wide.
lower and upper are the band: a value outside of it is enough to begin something.

Rows without a value are left out and counted at the end; NaN and infinite values score 0 and are
not learned. Hours of the day and the week are UTC's if a timestamp names no offset.";

/// Score the rows of a CSV file by how unusual they are, row by row
#[derive(Debug, Args)]
#[command(after_help = SCORES)]
pub struct JudgeArgs {
    /// A CSV file, or - for standard input; its heading names the columns timestamp and value (others
    /// are ignored). Timestamps: 2026-11-21T10:00:00Z, 2026-11-21 10:00:00 (UTC), or seconds or
    /// milliseconds since 1970
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The smallest change that matters, as a share of the usual value
    #[arg(long, value_name = "SHARE", default_value_t = Options::default().smallest_change,
          value_parser = share)]
    smallest_change: f64,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.002..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a number from 0.002 to 1".to_owned()),
    }
}

impl JudgeArgs {
    /// Reads, judges and prints: `timestamp,value,score,lower,expected,upper`.
    pub fn run(self) -> anyhow::Result<()> {
        let options = Options {
            smallest_change: self.smallest_change,
        };
        let out = io::stdout().lock();
        let n_empty = if self.file.as_os_str() == "-" {
            judge(
                io::stdin().lock(),
                Path::new("standard input"),
                out,
                options,
            )?
        } else {
            let file = File::open(&self.file)
                .with_context(|| format!("failed to open {}", self.file.display()))?;
            judge(BufReader::new(file), &self.file, out, options)?
        };
        if n_empty > 0 {
            eprintln!("left out rows without a value: {n_empty}");
        }
        Ok(())
    }
}

/// Judges a table row by row; how many rows had no value. A reader of `out` that has gone away
/// (`| head`) is not an error.
fn judge(
    input: impl BufRead,
    name: &Path,
    mut out: impl Write,
    options: Options,
) -> anyhow::Result<usize> {
    let name = name.display();
    let mut lines = input.lines().zip(1_usize..);
    let read = |line: io::Result<String>, number| {
        line.with_context(|| format!("failed to read {name}, line {number}"))
    };
    let Some((heading, number)) = lines.next() else {
        bail!("{name} is empty: expected a heading such as timestamp,value");
    };
    let columns = Columns::find(&read(heading, number)?).with_context(|| format!("{name}:1"))?;
    let mut judge = Judge::new(options);
    let mut n_empty = 0;
    if !written(writeln!(out, "timestamp,value,score,lower,expected,upper"))? {
        return Ok(n_empty);
    }
    for (line, number) in lines {
        let line = read(line, number)?;
        if line.trim().is_empty() {
            continue;
        }
        let row = columns
            .read(&line)
            .with_context(|| format!("{name}:{number}"))?;
        let Some(row) = row else {
            n_empty += 1;
            continue;
        };
        let verdict = judge.observe(row.time.0, row.number);
        if !written(write_row(&mut out, &row, verdict))? {
            break;
        }
    }
    Ok(n_empty)
}

/// Whether somebody still reads.
fn written(result: io::Result<()>) -> anyhow::Result<bool> {
    match result {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        result => result
            .map(|()| true)
            .context("failed to write to standard output"),
    }
}

fn write_row(out: &mut impl Write, row: &Row, verdict: Verdict) -> io::Result<()> {
    let [lower, expected, upper] = [verdict.lower, verdict.expected, verdict.upper].map(shown);
    let Row {
        timestamp, value, ..
    } = row;
    writeln!(
        out,
        "{timestamp},{value},{:.6},{lower},{expected},{upper}",
        verdict.score
    )
}

/// Seven significant digits; nothing for what is not known.
fn shown(number: f64) -> String {
    if !number.is_finite() {
        return String::new();
    }
    let rounded = format!("{number:.6e}").parse().unwrap_or(number);
    format!("{rounded}")
}

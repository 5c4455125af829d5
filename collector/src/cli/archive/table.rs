//! Tables for people and for programs: aligned columns, CSV, JSON.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// How a table is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// Aligned columns
    Table,
    /// One object a row
    Json,
    /// Comma-separated, with a header
    Csv,
}

/// A value of a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Count(u64),
    Bytes(u64),
    Number(f64),
    Nothing,
}

/// Rows under named columns.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TextTable {
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Cell {
    /// For people.
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(n) => indicatif::HumanCount(*n).to_string(),
            Self::Bytes(n) => indicatif::HumanBytes(*n).to_string(),
            Self::Number(number) => format!("{number:.2}"),
            Self::Nothing => "-".to_owned(),
        }
    }

    /// For programs.
    fn plain(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(n) | Self::Bytes(n) => n.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Nothing => String::new(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => text.clone().into(),
            Self::Count(n) | Self::Bytes(n) => (*n).into(),
            Self::Number(number) => (*number).into(),
            Self::Nothing => Value::Null,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Text(_))
    }
}

impl TextTable {
    pub(super) fn new(columns: &[&'static str]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row: a cell for each column.
    pub(super) fn push(&mut self, row: Vec<Cell>) {
        self.rows.push(row);
    }

    pub(super) fn print(&self, format: Format) -> String {
        match format {
            Format::Table => self.aligned(),
            Format::Json => format!("{:#}\n", self.json()),
            Format::Csv => self.csv(),
        }
    }

    /// The rows as objects.
    pub(super) fn json(&self) -> Value {
        let object = |row: &Vec<Cell>| {
            let pairs = self
                .columns
                .iter()
                .zip(row)
                .map(|(name, cell)| ((*name).to_owned(), cell.json()));
            Value::Object(pairs.collect::<Map<_, _>>())
        };
        self.rows.iter().map(object).collect()
    }

    fn aligned(&self) -> String {
        let header = self.columns.iter().map(|name| (*name).to_owned()).collect();
        let shown = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::shown).collect());
        let lines: Vec<Vec<String>> = std::iter::once(header).chain(shown).collect();
        let width = |column: usize| {
            let cells = lines.iter().filter_map(|line| line.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let is_text = |column: usize| {
            self.rows
                .iter()
                .any(|row| row.get(column).is_some_and(Cell::is_text))
        };
        let mut out = String::new();
        for line in &lines {
            let cells = line
                .iter()
                .zip(&widths)
                .enumerate()
                .map(|(column, (cell, &width))| {
                    if is_text(column) {
                        format!("{cell:<width$}")
                    } else {
                        format!("{cell:>width$}")
                    }
                });
            let cells: Vec<String> = cells.collect();
            let _ = writeln!(out, "{}", cells.join("  ").trim_end());
        }
        out
    }

    fn csv(&self) -> String {
        let quoted = |text: String| {
            if text.contains(['"', ',', '\n']) {
                format!("\"{}\"", text.replace('"', "\"\""))
            } else {
                text
            }
        };
        let mut out = self.columns.join(",") + "\n";
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(|cell| quoted(cell.plain())).collect();
            out += &(cells.join(",") + "\n");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_for_people_and_for_programs() {
        let mut table = TextTable::new(&["table", "rows", "size"]);
        table.push(vec![
            Cell::Text("points, raw".to_owned()),
            Cell::Count(1234),
            Cell::Bytes(2048),
        ]);
        table.push(vec![
            Cell::Text("stacks".to_owned()),
            Cell::Nothing,
            Cell::Bytes(1),
        ]);
        let aligned = "table         rows      size\npoints, raw  1,234  2.00 KiB\nstacks           -       1 B\n";
        assert_eq!(table.print(Format::Table), aligned);
        assert_eq!(
            table.print(Format::Csv),
            "table,rows,size\n\"points, raw\",1234,2048\nstacks,,1\n"
        );
        assert_eq!(table.json()[1]["rows"], Value::Null);
        assert_eq!(table.json()[0]["size"], 2048);
    }
}

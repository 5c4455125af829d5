//! Windows of series, put aside on disk until all are there, and read back in another order.
//!
//! Samples come sorted by id, rollups go sorted by name. A series' windows are written to a file as
//! one block, and only where that is stays in memory: 32 bytes a series. The file has no name, so
//! nothing is left of it when leadsman is killed.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::point_windows::{Row, Spread};
use super::series_table::{Kind, Place};
use crate::archive::error::ArchiveError;

const NAME: &str = "windows.spill";
/// What is gathered before it is written. Bytes.
const BUFFER: usize = 1 << 20;

/// Blocks while they are written.
pub(super) struct Spill {
    path: PathBuf,
    out: BufWriter<File>,
    n_bytes: u64,
    blocks: Vec<Block>,
    /// Of the block that is put together, before and after compression.
    bytes: Vec<u8>,
    packed: Vec<u8>,
}

/// Where a series' windows are.
#[derive(Clone, Copy, Debug)]
struct Block {
    place: Place,
    kind: Kind,
    id: u64,
    offset: u64,
    n_bytes: u32,
}

/// The windows of a series.
pub(super) struct SeriesRows {
    pub(super) place: Place,
    pub(super) kind: Kind,
    pub(super) id: u64,
    /// Of five minutes, and of an hour.
    pub(super) rows: [Vec<Row>; 2],
}

impl Spill {
    /// Makes the file in a folder.
    pub(super) fn create(folder: &Path) -> Result<Self, ArchiveError> {
        let path = folder.join(NAME);
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(ArchiveError::io("create", &path))?;
        fs::remove_file(&path).map_err(ArchiveError::io("remove", &path))?;
        Ok(Self {
            path,
            out: BufWriter::with_capacity(BUFFER, file),
            n_bytes: 0,
            blocks: Vec::new(),
            bytes: Vec::new(),
            packed: Vec::new(),
        })
    }

    /// Adds the windows of a series.
    pub(super) fn push(
        &mut self,
        place: Place,
        kind: Kind,
        id: u64,
        rows: [&[Row]; 2],
    ) -> Result<(), ArchiveError> {
        self.bytes.clear();
        for rows in rows {
            self.bytes.extend((rows.len() as u32).to_le_bytes());
            encode(kind, rows, &mut self.bytes);
        }
        self.packed.clear();
        self.packed.extend((self.bytes.len() as u32).to_le_bytes());
        self.packed.extend(lz4_flex::block::compress(&self.bytes));
        self.out
            .write_all(&self.packed)
            .map_err(ArchiveError::io("write", &self.path))?;
        let n_bytes = self.packed.len() as u32;
        self.blocks.push(Block {
            place,
            kind,
            id,
            offset: self.n_bytes,
            n_bytes,
        });
        self.n_bytes += u64::from(n_bytes);
        Ok(())
    }

    /// The windows of all series in the order of their places.
    pub(super) fn into_sorted(
        self,
    ) -> Result<impl Iterator<Item = Result<SeriesRows, ArchiveError>>, ArchiveError> {
        let Self {
            path,
            out,
            mut blocks,
            ..
        } = self;
        let file = out
            .into_inner()
            .map_err(|error| ArchiveError::io("write", &path)(error.into_error()))?;
        blocks.sort_unstable_by_key(|block| (block.place, block.id));
        Ok(blocks
            .into_iter()
            .map(move |block| block.read(&file, &path)))
    }
}

impl Block {
    fn read(self, file: &File, path: &Path) -> Result<SeriesRows, ArchiveError> {
        let mut packed = vec![0; self.n_bytes as usize];
        file.read_exact_at(&mut packed, self.offset)
            .map_err(ArchiveError::io("read", path))?;
        let rows = decode_block(self.kind, &packed);
        let rows = rows.ok_or_else(|| ArchiveError::damaged(path, "a block does not read back"))?;
        Ok(SeriesRows {
            place: self.place,
            kind: self.kind,
            id: self.id,
            rows,
        })
    }
}

fn decode_block(kind: Kind, packed: &[u8]) -> Option<[Vec<Row>; 2]> {
    let (n_bytes, packed) = packed.split_first_chunk()?;
    let n_bytes = u32::from_le_bytes(*n_bytes) as usize;
    let bytes = lz4_flex::block::decompress(packed, n_bytes).ok()?;
    let mut rest = bytes.as_slice();
    let mut read = || {
        let (n_rows, behind) = rest.split_first_chunk()?;
        let n_rows = u32::from_le_bytes(*n_rows) as usize;
        let (rows, behind) = behind.split_at_checked(n_rows * 8 * n_words(kind))?;
        rest = behind;
        Some(decode(kind, rows, n_rows))
    };
    Some([read()?, read()?])
}

fn n_words(kind: Kind) -> usize {
    match kind {
        Kind::Gauge => 10,
        Kind::Counter => 6,
    }
}

/// What a row of a kind holds, as numbers.
fn words(kind: Kind, row: &Row) -> [u64; 10] {
    let start = [row.time.cast_unsigned(), row.count.cast_unsigned()];
    let ends = [row.first, row.last].map(f64::to_bits);
    let [a, b, c, d, e, f] = match kind {
        Kind::Gauge => {
            let Spread {
                min,
                max,
                sum,
                quantiles: [p50, p90, p99],
            } = row.spread;
            [min, max, sum, p50, p90, p99].map(f64::to_bits)
        }
        Kind::Counter => {
            let (increase, resets) = (row.increase.to_bits(), row.resets.cast_unsigned());
            [increase, resets, 0, 0, 0, 0]
        }
    };
    [start[0], start[1], ends[0], ends[1], a, b, c, d, e, f]
}

fn row(kind: Kind, [time, count, first, last, a, b, c, d, e, f]: [u64; 10]) -> Row {
    let mut row = Row {
        time: time.cast_signed(),
        count: count.cast_signed(),
        first: f64::from_bits(first),
        last: f64::from_bits(last),
        spread: Spread::NONE,
        increase: 0.0,
        resets: 0,
    };
    match kind {
        Kind::Gauge => {
            let [min, max, sum, p50, p90, p99] = [a, b, c, d, e, f].map(f64::from_bits);
            row.spread = Spread {
                min,
                max,
                sum,
                quantiles: [p50, p90, p99],
            };
        }
        Kind::Counter => {
            row.increase = f64::from_bits(a);
            row.resets = b.cast_signed();
        }
    }
    row
}

/// Number by number: equal ones stand side by side.
fn encode(kind: Kind, rows: &[Row], out: &mut Vec<u8>) {
    let start = out.len();
    let n_rows = rows.len();
    out.resize(start + n_rows * 8 * n_words(kind), 0);
    let (places, _) = out
        .get_mut(start..)
        .unwrap_or_default()
        .as_chunks_mut::<8>();
    for (idx, row) in rows.iter().enumerate() {
        let places = places.iter_mut().skip(idx).step_by(n_rows);
        for (place, word) in places.zip(words(kind, row)) {
            *place = word.to_le_bytes();
        }
    }
}

fn decode(kind: Kind, bytes: &[u8], n_rows: usize) -> Vec<Row> {
    let (places, _) = bytes.as_chunks::<8>();
    let rows = (0..n_rows).map(|idx| {
        let mut words = [0; 10];
        let places = places.iter().skip(idx).step_by(n_rows);
        for (word, place) in words.iter_mut().zip(places) {
            *word = u64::from_le_bytes(*place);
        }
        row(kind, words)
    });
    rows.collect()
}

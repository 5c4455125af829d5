//! The most recent records in memory, for readers that keep up.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use proto::Record;

use super::entry::Entry;
use super::weight;
use crate::Position;
use crate::layout_part::{FIRST_LAYOUT_DIVISOR, LayoutPart};

/// Durable records, newest last, bounded by the memory they hold.
#[derive(Debug)]
pub(super) struct Tail {
    /// Every durable record from here on is in `entries`.
    start: Position,
    entries: VecDeque<Held>,
    /// By address: an entry in here keeps its layout alive, so no address is used twice.
    layouts: HashMap<usize, Shared>,
    /// Number of those layouts of each part.
    parts: HashMap<LayoutPart, usize>,
    bytes: usize,
    limit: usize,
}

#[derive(Debug)]
struct Held {
    entry: Entry,
    bytes: usize,
}

/// A layout counts once, however many scrapes in the tail share it.
#[derive(Debug)]
struct Shared {
    n_users: usize,
    bytes: usize,
    part: LayoutPart,
}

impl Tail {
    pub(super) fn new(start: Position, limit: usize) -> Self {
        Self {
            start,
            entries: VecDeque::new(),
            layouts: HashMap::new(),
            parts: HashMap::new(),
            bytes: 0,
            limit,
        }
    }

    /// Adds the newest record, and lets the oldest go where the limit asks for it.
    pub(super) fn push(&mut self, entry: Entry) {
        let bytes = weight::of_record(&entry.record);
        self.bytes += bytes + self.add_layout(&entry.record);
        self.entries.push_back(Held { entry, bytes });
        while self.bytes > self.limit && self.drop_oldest() {}
    }

    /// Lets go of everything before `position`: it is no longer in the log.
    pub(super) fn drop_before(&mut self, position: Position) {
        while self
            .entries
            .front()
            .is_some_and(|held| held.entry.position < position)
        {
            self.drop_oldest();
        }
        self.start = self.start.max(position);
    }

    /// Up to `n_max` records from `from` on. `None` if that is further back than the tail goes.
    pub(super) fn fetch(&self, from: Position, n_max: usize) -> Option<Vec<Entry>> {
        if from < self.start {
            return None;
        }
        let first = self
            .entries
            .partition_point(|held| held.entry.position < from);
        Some(
            self.entries
                .iter()
                .skip(first)
                .take(n_max)
                .map(|held| held.entry.clone())
                .collect(),
        )
    }

    /// Memory held. Bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn drop_oldest(&mut self) -> bool {
        let Some(held) = self.entries.pop_front() else {
            return false;
        };
        self.bytes -= held.bytes + self.release_layout(&held.entry.record);
        self.start = held.entry.end;
        true
    }

    /// Counts a user of the record's layout; returns the bytes that are new.
    fn add_layout(&mut self, record: &Record) -> usize {
        let Record::Metrics(batch) = record else {
            return 0;
        };
        let address = Arc::as_ptr(&batch.layout).addr();
        if let Some(shared) = self.layouts.get_mut(&address) {
            shared.n_users += 1;
            return 0;
        }
        let part = LayoutPart::of(&batch.layout);
        let n_layouts = self.parts.entry(part.clone()).or_default();
        *n_layouts += 1;
        let weight = weight::of_layout(&batch.layout);
        let bytes = match *n_layouts {
            1 => weight / FIRST_LAYOUT_DIVISOR,
            _ => weight,
        };
        let shared = Shared {
            n_users: 1,
            bytes,
            part,
        };
        self.layouts.insert(address, shared);
        bytes
    }

    /// The reverse of [`Tail::add_layout`].
    fn release_layout(&mut self, record: &Record) -> usize {
        let Record::Metrics(batch) = record else {
            return 0;
        };
        let address = Arc::as_ptr(&batch.layout).addr();
        let Some(shared) = self.layouts.get_mut(&address) else {
            return 0;
        };
        shared.n_users -= 1;
        if shared.n_users > 0 {
            return 0;
        }
        let Some(Shared { bytes, part, .. }) = self.layouts.remove(&address) else {
            return 0;
        };
        if let Some(n_layouts) = self.parts.get_mut(&part) {
            *n_layouts -= 1;
            if *n_layouts == 0 {
                self.parts.remove(&part);
            }
        }
        bytes
    }
}

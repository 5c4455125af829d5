//! Reading a log's records from its files, beside whoever writes it.
//!
//! No lock is taken and nothing is changed. What is half-written at the end is left out, as is
//! what a record was written over again; damage is stepped over. Records that are not synced yet
//! may be among those that come: a crash could still undo them.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::error::LogError;
use super::recovery;
use super::segment;
use super::segment_reader::SegmentReader;
use super::shared::Segment;
use crate::Position;

/// Records of a log, in order.
#[derive(Debug)]
pub struct RecordsAfter {
    folder: PathBuf,
    segments: VecDeque<Segment>,
    current: Option<(SegmentReader, Segment)>,
    next: Position,
    entries: std::vec::IntoIter<Entry>,
}

/// The records of the log in `folder` from `position` on, up to its end of this moment. The log may
/// be open in another process. A segment that is deleted meanwhile is left out; no folder is an
/// empty log.
///
/// # Errors
/// If the folder or a segment's header cannot be read, or a newer leadsman wrote it.
pub fn records_after(folder: &Path, position: Position) -> Result<RecordsAfter, LogError> {
    let segments = recovery::find_readable(folder)?.into_iter();
    Ok(RecordsAfter {
        folder: folder.to_owned(),
        segments: segments.filter(|segment| segment.end > position).collect(),
        current: None,
        next: position,
        entries: Vec::new().into_iter(),
    })
}

impl RecordsAfter {
    /// Reads the next batch; `false` at the end.
    fn refill(&mut self) -> Result<bool, LogError> {
        loop {
            let Some((reader, segment)) = &mut self.current else {
                let Some(segment) = self.segments.pop_front() else {
                    return Ok(false);
                };
                let path = segment::path_of(&self.folder, segment.base);
                self.next = self.next.max(segment.base);
                self.current = SegmentReader::open(&path, segment)?.map(|reader| (reader, segment));
                continue;
            };
            let batch = reader.read(self.next, segment.end)?;
            if batch.next >= segment.end || batch.next == self.next {
                self.current = None;
            }
            self.next = batch.next;
            if !batch.entries.is_empty() {
                self.entries = batch.entries.into_iter();
                return Ok(true);
            }
        }
    }
}

impl Iterator for RecordsAfter {
    type Item = Result<Entry, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.entries.next() {
                return Some(Ok(entry));
            }
            match self.refill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.segments.clear();
                    self.current = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

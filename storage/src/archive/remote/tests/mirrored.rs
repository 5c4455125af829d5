//! A mirror for the tests of those who ask it.

use std::path::Path;

use super::super::pace::Pace;
use super::super::pass::{Look, Pass};
use super::super::pending::Seen;
use super::super::stop::Stop;
use super::super::{Bucket, MirrorMetrics, RemoteRetention, Uploaded, mirror};
use super::scene::{MemoryBucket, day};
use crate::archive::file_name::WriterId;

/// An archive's folder, and an empty bucket for it.
pub(in crate::archive) struct Mirrored<'a> {
    root: &'a Path,
    writer: WriterId,
    bucket: MemoryBucket,
    uploaded: Uploaded,
}

impl<'a> Mirrored<'a> {
    pub(in crate::archive) fn new(root: &'a Path) -> Self {
        let writer = mirror::writer(root).unwrap();
        Self {
            root,
            writer,
            bucket: MemoryBucket::default(),
            uploaded: Uploaded::of_mirror(writer),
        }
    }

    /// What the mirror has seen in the bucket.
    pub(in crate::archive) fn uploaded(&self) -> Uploaded {
        self.uploaded.clone()
    }

    /// What the bucket itself says.
    pub(in crate::archive) fn asked(&self) -> Uploaded {
        let bucket = Bucket(Box::new(self.bucket.clone()));
        bucket.uploaded(self.root).unwrap()
    }

    /// One pass of the mirror.
    pub(in crate::archive) fn bring_up(&self) {
        let mut pass = Pass {
            root: self.root,
            writer: self.writer,
            store: &self.bucket,
            retention: RemoteRetention::default(),
            today: day("2026-11-25"),
            metrics: &MirrorMetrics::new().unwrap(),
            uploaded: &self.uploaded,
            stop: &Stop::default(),
            pace: &mut Pace::new(None),
            seen: &mut Seen::default(),
            swept: false,
        };
        pass.run(Look::Everything).unwrap();
    }
}

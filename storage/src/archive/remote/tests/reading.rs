//! Recall's files from a bucket.

use std::io::Read as _;

use super::super::Bucket;
use super::super::files::BucketFiles;
use super::scene::*;
use crate::archive::recall::source::Files;
use crate::archive::table::Table;

const DATE: &str = "2026-11-24";

#[test]
fn a_bucket_is_read_through_the_cache() {
    let (scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let cache = tempfile::tempdir().unwrap();
    let (a, whole) = (
        scene.file(Table::Stacks, DATE, 0, 10),
        scene.file(Table::Stacks, DATE, 0, 20),
    );
    for (file, rows) in [(&a, &[1][..]), (&whole, &[1, 2])] {
        bucket
            .objects
            .lock()
            .unwrap()
            .insert(key(file), parquet_like(rows));
    }
    let files = BucketFiles::new(Bucket(Box::new(bucket.clone())), cache.path(), 1 << 20).unwrap();
    assert_eq!(files.days(Table::Stacks).unwrap(), [day(DATE)]);
    assert_eq!(files.days(Table::Profiles).unwrap(), []);
    assert_eq!(
        files.files(Table::Stacks, day(DATE)).unwrap(),
        std::slice::from_ref(&whole),
        "the current one"
    );
    for _ in 0..2 {
        let mut bytes = Vec::new();
        files.open(&whole).unwrap().read_to_end(&mut bytes).unwrap();
        assert_eq!(rows(&bytes), [1, 2]);
    }
    let requests = bucket.requests.lock().unwrap().clone();
    assert_eq!(
        requests
            .iter()
            .filter(|r| r.starts_with("download"))
            .count(),
        1
    );
    let gone = scene.file(Table::Stacks, DATE, 20, 30);
    assert!(files.open(&gone).unwrap_err().is_gone());
}

#[test]
fn a_long_listing_is_taken_twice() {
    let (scene, bucket) = (Scene::new(1), MemoryBucket::default());
    let cache = tempfile::tempdir().unwrap();
    let files = BucketFiles::new(Bucket(Box::new(bucket.clone())), cache.path(), 1).unwrap();
    let n_listings = |n_files: u64| {
        for idx in 0..n_files {
            let file = scene.file(Table::Stacks, DATE, idx, idx + 1);
            bucket
                .objects
                .lock()
                .unwrap()
                .insert(key(&file), Vec::new());
        }
        bucket.requests.lock().unwrap().clear();
        let listed = files.files(Table::Stacks, day(DATE)).unwrap();
        assert_eq!(listed.len() as u64, n_files);
        bucket.requests.lock().unwrap().len()
    };
    assert_eq!(n_listings(10), 1);
    assert_eq!(n_listings(1500), 2);
}

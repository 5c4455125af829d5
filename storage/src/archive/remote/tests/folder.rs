//! The same over `object_store`, on a folder.

use std::fs;

use super::super::pass::Look;
use super::super::{Bucket, BucketOptions, BucketUrl, StoreKeys};
use super::scene::*;
use crate::archive::table::Table;

#[test]
fn a_folder_becomes_as_the_archive_is() {
    let (mut scene, mut other) = (Scene::new(1), Scene::new(2));
    let there = tempfile::tempdir().unwrap();
    let url = BucketUrl::parse(&format!("file://{}", there.path().display())).unwrap();
    let Bucket(store) = Bucket::open(&BucketOptions::new(url), &StoreKeys::default()).unwrap();
    let date = "2026-11-24";
    let big: Vec<u64> = (0..2_500_000).collect(); // more than one part
    let (a, b) = (
        scene.file(Table::Stacks, date, 0, 10),
        other.file(Table::Stacks, date, 0, 20),
    );
    scene.write(&a, &[1]);
    other.write(&b, &big);
    scene.pass(&*store, Look::Everything).unwrap();
    other.pass(&*store, Look::Everything).unwrap();
    let whole = scene.file(Table::Stacks, date, 0, 30);
    scene.write(&whole, &[1, 2]);
    scene.remove(&a);
    scene.pass(&*store, Look::Changes).unwrap();
    assert!(!there.path().join(key(&a)).exists(), "superseded");
    for (file, expected) in [(&whole, &[1, 2][..]), (&b, &big)] {
        assert_eq!(
            rows(&fs::read(there.path().join(key(file))).unwrap()),
            expected
        );
        let mut bytes = Vec::new();
        store.download(&key(file), &mut bytes).unwrap();
        assert_eq!(rows(&bytes), expected);
    }
    assert!(
        store
            .download(&key(&a), &mut Vec::new())
            .unwrap_err()
            .is_gone()
    );
    store.delete(&key(&a)).unwrap();
    assert_eq!(store.folders("stacks").unwrap(), [format!("date={date}")]);
    assert_eq!(store.folders("nothing").unwrap(), Vec::<String>::new());
    assert_eq!(store.objects("stacks/date=2000-01-01", "").unwrap(), []);
}

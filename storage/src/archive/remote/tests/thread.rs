//! The mirror's thread.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::super::{Bucket, Mirror, MirrorOptions, RemoteRetention};
use super::scene::*;
use crate::archive::files;
use crate::archive::table::Table;

fn options() -> MirrorOptions {
    MirrorOptions {
        interval: Duration::from_millis(20),
        max_bytes_a_second: None,
        retention: RemoteRetention::default(),
    }
}

#[tokio::test]
async fn asked_to_finish_it_brings_up_what_there_is_and_ends() {
    let (scene, bucket) = (Scene::new(1), MemoryBucket::default());
    fs::write(
        scene.folder.path().join(files::WRITER),
        scene.writer.to_string(),
    )
    .unwrap();
    let (connected, there) = (Arc::new(AtomicUsize::new(0)), bucket.clone());
    let connect = {
        let connected = Arc::clone(&connected);
        move || {
            if connected.fetch_add(1, Ordering::Relaxed) == 0 {
                return Err("no credentials yet".into());
            }
            Ok(Bucket(Box::new(there.clone())))
        }
    };
    let mirror = Mirror::new(
        scene.folder.path(),
        options(),
        connect,
        scene.metrics.clone(),
    );
    let (handle, end) = mirror.unwrap().start().unwrap();
    while connected.load(Ordering::Relaxed) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let file = scene.file(Table::Stacks, "2026-11-24", 0, 10);
    scene.write(&file, &[1]);
    handle.finish();
    end.wait().await;
    assert_eq!(bucket.keys(), [key(&file)]);
    assert!(!is_awaited(&handle.uploaded(), &file));
    assert_eq!(scene.metrics.failed_passes.get(), 1);
    assert!(scene.metrics.last_success.get() > 1.7e9);
}

#[tokio::test]
async fn asked_to_quit_it_ends_although_the_bucket_is_away() {
    let scene = Scene::new(1);
    let away = || Err("away".into());
    let metrics = scene.metrics.clone();
    let without = Mirror::new(scene.folder.path(), options(), away, metrics.clone());
    assert!(without.is_err(), "no archive was opened there");
    fs::write(
        scene.folder.path().join(files::WRITER),
        scene.writer.to_string(),
    )
    .unwrap();
    let mirror = Mirror::new(scene.folder.path(), options(), away, metrics);
    let (handle, end) = mirror.unwrap().start().unwrap();
    handle.quit();
    end.wait().await;
}

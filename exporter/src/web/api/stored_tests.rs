//! The questions of the pages over a real socket, to a real archive.

use std::sync::Arc;

use proto::metrics::{Family, Layout, MetricBatch, MetricKind, Series, SeriesId};
use proto::{Labels, Record, Target, UnixMillis};
use reqwest::StatusCode;
use serde_json::Value;
use storage::Position;
use storage::archive::{Archive, ArchiveOptions};
use tempfile::TempDir;

use crate::web::tests::{Running, start_over};

const START: i64 = 1_795_000_000_000;

/// An archive with a gauge and a counter of one target, a sample a second.
fn archive() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut archive = Archive::open(ArchiveOptions {
        path: folder.path().to_owned(),
        buffer_bytes: 1 << 20,
        flush_interval: std::time::Duration::from_secs(60),
        compression_level: 1,
    })
    .unwrap();
    let layout = Arc::new(layout());
    for idx in 0..100_u32 {
        let time = UnixMillis(START + i64::from(idx) * 1000);
        let values = vec![f64::from(idx), f64::from(idx) * 5.0];
        let batch = MetricBatch::new(Arc::clone(&layout), time, values);
        let position = Position(u64::from(idx + 1) * 10);
        archive.write(position, &Record::Metrics(Arc::new(batch)));
    }
    archive.flush().unwrap();
    folder
}

fn layout() -> Layout {
    let own = [("job", "<b>etcd</b>"), ("instance", "a:1")];
    let target = Target {
        labels: Labels::from_pairs(own),
        scheme: "http".into(),
        address: "a:1".into(),
    };
    let series = |idx, name| {
        let labels = Labels::from_pairs([("__name__", name), own[0], own[1]]);
        Series {
            id: SeriesId(labels.hash64()),
            labels,
            family_idx: idx,
        }
    };
    let family = |name: &str, kind| Family {
        name: name.into(),
        kind,
        ..Family::default()
    };
    Layout::new(
        Arc::new(target),
        vec![
            family("level", MetricKind::Gauge),
            family("things", MetricKind::Counter),
        ],
        vec![series(0, "level"), series(1, "things_total")],
    )
}

fn start(folder: &TempDir) -> Running {
    start_over(folder.path())
}

async fn ask(server: &Running, path: &str) -> Value {
    let answer = server.get(path).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    assert_eq!(answer.headers()["content-type"], "application/json");
    serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn series_are_answered_in_as_few_points_as_wanted_and_counters_as_rates() {
    let folder = archive();
    let server = start(&folder);
    let range = format!("from={START}&to={}&points=10", START + 100_000);
    let answer = ask(
        &server,
        &format!("/api/v1/series?query=%7Binstance%3D%22a:1%22%7D&{range}"),
    )
    .await;
    let series = answer["series"].as_array().unwrap();
    assert_eq!(series.len(), 2, "{answer:#}");
    assert_eq!(series[0]["labels"]["__name__"], "level");
    let points = series[0]["points"].as_array().unwrap();
    assert_eq!(points.len(), 10);
    assert_eq!(points[0], serde_json::json!([START + 4500, 4.5, 0.0, 9.0]));
    assert_eq!(series[1]["unit"], "per_second");
    assert_eq!(series[1]["points"][0][1], 5.0);
    assert_eq!(answer["resolution"], "raw");
}

#[tokio::test]
async fn bad_questions_are_refused_as_json_with_the_remedy() {
    let folder = archive();
    let server = start(&folder);
    for path in [
        "/api/v1/series?query=%7B",
        "/api/v1/series?query=%7Ba%3D~%22(%22%7D",
        "/api/v1/series?points=1000000000",
        "/api/v1/series?from=x",
        "/api/v1/series?from=2&to=1",
        "/api/v1/findings?state=closed",
        "/api/v1/findings?id=%3Cscript%3E",
        "/api/v1/findings?from=-1",
    ] {
        let answer = server.get(path).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(
            body["error"].as_str().is_some_and(|text| text.len() > 10),
            "{path}: {body}"
        );
    }
}

#[tokio::test]
async fn the_archive_is_told_by_table() {
    let folder = archive();
    let server = start(&folder);
    let answer = ask(&server, "/api/v1/archive").await;
    let tables = answer["tables"].as_array().unwrap();
    let points = tables
        .iter()
        .find(|table| table["name"] == "metric_points")
        .unwrap();
    assert_eq!(
        (&points["n_rows"], &points["resolution"]),
        (&200.into(), &"raw".into())
    );
    assert!(answer["free_bytes"].as_u64().is_some_and(|bytes| bytes > 0));
}

#[tokio::test]
async fn an_empty_archive_has_empty_answers() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(&folder);
    assert_eq!(
        ask(&server, "/api/v1/series").await["series"],
        serde_json::json!([])
    );
    for path in ["/api/v1/findings", "/api/v1/findings?state=open"] {
        assert_eq!(ask(&server, path).await["findings"], serde_json::json!([]));
    }
    assert_eq!(
        ask(&server, "/api/v1/archive").await["tables"],
        serde_json::json!([])
    );
    assert_eq!(
        ask(&server, "/api/v1/signals").await,
        serde_json::json!({"signals": []})
    );
}

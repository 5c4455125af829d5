//! Flame graphs of a real etcd, asked for as Grafana's data source (protobuf) and Profiles Drilldown
//! (JSON) do, beside `go tool pprof` on the same captures.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use leadsman_tests::etcd::Etcd;
use leadsman_tests::http;
use leadsman_tests::leadsman::{Leadsman, command};
use leadsman_tests::tools;
use leadsman_tests::wait::{PATIENCE, until};
use prost::Message;
use serde_json::{Value, json};

const CPU: &str = "process_cpu:cpu:nanoseconds:cpu:nanoseconds";
const SELECTOR: &str = r#"{service_name="etcd"}"#;
/// A capture of one second is in the log by then, on a busy machine too.
const SETTLED: Duration = Duration::from_secs(8);

#[derive(Clone, PartialEq, Message)]
struct Range {
    #[prost(int64, tag = "1")]
    start: i64,
    #[prost(int64, tag = "2")]
    end: i64,
}

#[derive(Clone, PartialEq, Message)]
struct ProfileTypes {
    #[prost(message, repeated, tag = "1")]
    types: Vec<ProfileType>,
}

#[derive(Clone, PartialEq, Message)]
struct ProfileType {
    #[prost(string, tag = "1")]
    id: String,
}

#[derive(Clone, PartialEq, Message)]
struct Select {
    #[prost(string, tag = "1")]
    type_id: String,
    #[prost(string, tag = "2")]
    selector: String,
    #[prost(int64, tag = "3")]
    start: i64,
    #[prost(int64, tag = "4")]
    end: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Stacktraces {
    #[prost(message, optional, tag = "1")]
    flamegraph: Option<FlameGraph>,
}

#[derive(Clone, PartialEq, Message)]
struct FlameGraph {
    #[prost(string, repeated, tag = "1")]
    names: Vec<String>,
    #[prost(message, repeated, tag = "2")]
    levels: Vec<Level>,
    #[prost(int64, tag = "3")]
    total: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Level {
    #[prost(int64, repeated, tag = "1")]
    values: Vec<i64>,
}

/// A leadsman beside a loaded etcd, and the times whose captures are all there.
struct Scene {
    leadsman: Leadsman,
    start: i64,
    end: i64,
}

impl Scene {
    async fn post(&self, method: &str, content_type: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        let url = self
            .leadsman
            .url(&format!("/querier.v1.QuerierService/{method}"));
        let request = http::client()
            .post(url)
            .header("content-type", content_type);
        let answer = request.body(body).send().await?;
        let (status, bytes) = (answer.status(), answer.bytes().await?);
        let text = String::from_utf8_lossy(&bytes);
        ensure!(status.is_success(), "{method}: {status}: {text}");
        Ok(bytes.to_vec())
    }

    async fn in_proto<A: Message + Default>(
        &self,
        method: &str,
        question: &impl Message,
    ) -> Result<A> {
        let body = question.encode_to_vec();
        Ok(A::decode(
            &*self.post(method, "application/proto", body).await?,
        )?)
    }

    async fn in_json(&self, method: &str, question: Value) -> Result<Value> {
        let body = question.to_string().into_bytes();
        Ok(serde_json::from_slice(
            &self.post(method, "application/json", body).await?,
        )?)
    }

    fn select(&self) -> Select {
        Select {
            type_id: CPU.to_owned(),
            selector: SELECTOR.to_owned(),
            start: self.start,
            end: self.end,
        }
    }

    fn question(&self, more: Value) -> Value {
        let mut question = json!({
            "profileTypeID": CPU, "labelSelector": SELECTOR,
            "start": self.start, "end": self.end.to_string(),
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            question[name] = value.clone();
        }
        question
    }

    /// What the captures come to in steps of five seconds, by the end of each.
    async fn totals(&self, end: i64) -> Result<Vec<(i64, f64)>> {
        let question = self.question(json!({"end": end, "step": 5, "groupBy": ["service_name"]}));
        let answer = self.in_json("SelectSeries", question).await?;
        let points = answer["series"][0]["points"].as_array();
        let point = |point: &Value| {
            let time = point["timestamp"].as_str()?.parse().ok()?;
            Some((time, point["value"].as_f64()?))
        };
        let points = points.context("no series yet")?.iter().map(point);
        points.collect::<Option<_>>().context("not a point")
    }
}

fn now() -> Result<i64> {
    Ok(i64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}

#[tokio::test(flavor = "multi_thread")]
async fn grafana_sees_what_go_tool_pprof_sees() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let etcd = Etcd::start(folder.path(), None).await?;
    let _load = etcd.load(folder.path())?;
    let yaml = format!(
        "global: {{scrape_interval: 5s}}\ntelemetry: {{scrape_self: false}}\n\
         scrape_configs:\n  - job_name: etcd\n    static_configs: [{{targets: [\"{}\"]}}]\n    \
         profiling_config: {{pprof_config: {{process_cpu: {{enabled: true, seconds: 1, interval: 5s}}, \
         memory: {{enabled: true, interval: 5s}}}}}}\n",
        etcd.address
    );
    let leadsman = Leadsman::start(folder.path(), &yaml).await?;
    let start = now()? - 60_000;
    let mut scene = Scene {
        leadsman,
        start,
        end: start,
    };
    until("three captures", PATIENCE, || async {
        let points = scene
            .totals(now()? - i64::try_from(SETTLED.as_millis())?)
            .await?;
        ensure!(points.len() >= 3, "{points:?}");
        Ok(())
    })
    .await?;
    scene.end = now()? - i64::try_from(SETTLED.as_millis())?;
    check_catalog(&scene).await?;
    check_flame_graph(&scene, folder.path()).await?;
    check_api(&scene).await
}

async fn check_catalog(scene: &Scene) -> Result<()> {
    let range = Range {
        start: scene.start,
        end: scene.end,
    };
    let types: ProfileTypes = scene.in_proto("ProfileTypes", &range).await?;
    let ids: Vec<&str> = types.types.iter().map(|known| known.id.as_str()).collect();
    ensure!(ids.contains(&CPU), "{ids:?}");
    ensure!(
        ids.contains(&"memory:inuse_space:bytes:space:bytes"),
        "{ids:?}"
    );
    let health: ProfileTypes = scene
        .in_proto(
            "ProfileTypes",
            &Range {
                start: 1000,
                end: 4000,
            },
        )
        .await?;
    assert_eq!(health.types, []);
    let times = json!({"start": scene.start, "end": scene.end});
    let names = scene.in_json("LabelNames", times.clone()).await?;
    let names = names["names"].as_array().context("no names")?;
    assert!(names.contains(&json!("service_name")) && names.contains(&json!("instance")));
    let mut of_service = times.clone();
    of_service["name"] = json!("service_name");
    let values = scene.in_json("LabelValues", of_service).await?;
    assert_eq!(values["names"], json!(["etcd"]));
    let mut series = times;
    series["labelNames"] = json!(["service_name"]);
    let series = scene.in_json("Series", series).await?;
    let pair = json!({"name": "service_name", "value": "etcd"});
    assert_eq!(series["labelsSet"], json!([{"labels": [pair]}]));
    let stats = scene.in_json("GetProfileStats", json!({})).await?;
    assert_eq!(stats["dataIngested"], true);
    Ok(())
}

async fn check_flame_graph(scene: &Scene, folder: &Path) -> Result<()> {
    let merged = folder.join("merged.pb.gz");
    let mut merge = command(["profile", "merge", "--job", "etcd", "--kind", "process_cpu"])?;
    merge.arg("--archive").arg(&scene.leadsman.data);
    merge.args(["--from", &utc(scene.start)?, "--until", &utc(scene.end)?]);
    tools::run(merge.arg("-o").arg(&merged))?;
    let of_archive = go_flat(&merged)?;
    let total: i64 = of_archive.values().sum();
    ensure!(total > 0, "etcd did nothing");

    let raw = folder.join("raw.pb");
    let bytes = scene
        .post(
            "SelectMergeProfile",
            "application/proto",
            scene.select().encode_to_vec(),
        )
        .await?;
    std::fs::write(&raw, bytes)?;
    assert_eq!(go_flat(&raw)?, of_archive, "SelectMergeProfile");

    let graph: Stacktraces = scene
        .in_proto("SelectMergeStacktraces", &scene.select())
        .await?;
    let graph = graph.flamegraph.context("no flame graph")?;
    let levels: Vec<Vec<i64>> = graph.levels.into_iter().map(|level| level.values).collect();
    assert_eq!(graph.total, total);
    assert_eq!(
        own_values(&levels, &graph.names),
        of_archive,
        "SelectMergeStacktraces"
    );

    let graph = scene
        .in_json(
            "SelectMergeStacktraces",
            scene.question(json!({"maxNodes": 5})),
        )
        .await?;
    assert_eq!(graph["flamegraph"]["total"], total.to_string());
    let names = graph["flamegraph"]["names"]
        .as_array()
        .context("no names")?;
    ensure!(
        names.len() <= 6 && names.contains(&json!("other")),
        "{names:?}"
    );

    let points = scene.totals(scene.end).await?;
    let sum: f64 = points.iter().map(|(_, value)| value).sum();
    assert_eq!(sum, total as f64, "SelectSeries: {points:?}");
    Ok(())
}

/// The pages' own API tells the same.
async fn check_api(scene: &Scene) -> Result<()> {
    let times = format!("from={}&to={}", scene.start, scene.end);
    let get = async |path: &str| -> Result<Value> {
        let text = scene
            .leadsman
            .get(&format!("/api/v1/profile/{path}&{times}"))
            .await?;
        Ok(serde_json::from_str(&text)?)
    };
    let graph: Stacktraces = scene
        .in_proto("SelectMergeStacktraces", &scene.select())
        .await?;
    let total = graph.flamegraph.context("no flame graph")?.total;
    let cpu = get(&format!("flamegraph?type={CPU}")).await?;
    assert_eq!(cpu["total"], total);
    let memory = get("flamegraph?type=memory:inuse_space:bytes:space:bytes").await?;
    assert_eq!(memory["is_delta"], false);
    let bytes = memory["total"].as_i64().context("no total")?;
    ensure!(
        (1 << 20..1 << 30).contains(&bytes),
        "etcd has {bytes} bytes in use"
    );
    let timeline = get(&format!("timeline?type={CPU}&step=5000")).await?;
    let points = timeline["points"].as_array().context("no points")?.iter();
    assert_eq!(
        points.filter_map(|point| point[1].as_f64()).sum::<f64>(),
        total as f64
    );
    Ok(())
}

fn utc(millis: i64) -> Result<String> {
    let mut date = Command::new("date");
    let at = format!("@{}.{:03}", millis / 1000, millis % 1000);
    Ok(tools::run(date.args(["-u", "-d", &at, "+%FT%T.%3NZ"]))?
        .trim()
        .to_owned())
}

/// What `go tool pprof` says is spent in each function itself. Nanoseconds.
fn go_flat(file: &PathBuf) -> Result<BTreeMap<String, i64>> {
    let mut go = Command::new("go");
    go.args(["tool", "pprof", "-top", "-unit=ns", "-sample_index=cpu"]);
    go.args(["-nodecount=0", "-nodefraction=0", "-edgefraction=0"]);
    let shown = tools::run(go.arg(file))?;
    let mut values: BTreeMap<String, i64> = BTreeMap::new();
    for line in shown.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [flat, _, _, _, _, name @ ..] = words.as_slice() else {
            continue;
        };
        let Some(flat) = flat
            .strip_suffix("ns")
            .and_then(|flat| flat.parse::<i64>().ok())
        else {
            continue;
        };
        let name = name
            .join(" ")
            .replace(" (inline)", "")
            .replace(" (partial-inline)", "");
        *values.entry(name).or_default() += flat;
    }
    values.retain(|_, flat| *flat > 0);
    ensure!(!values.is_empty(), "{shown}");
    Ok(values)
}

/// The sum of the own values of all nodes of a name.
fn own_values(levels: &[Vec<i64>], names: &[String]) -> BTreeMap<String, i64> {
    let mut values: BTreeMap<String, i64> = BTreeMap::new();
    for node in levels.iter().flat_map(|level| level.chunks_exact(4)) {
        *values.entry(names[node[3] as usize].clone()).or_default() += node[2];
    }
    values.retain(|_, own| *own > 0);
    values
}

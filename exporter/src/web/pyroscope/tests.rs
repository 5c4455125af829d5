//! The calls as Grafana's data source (protobuf) and Profiles Drilldown (JSON) make them.

use prost::Message;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::messages::*;
use crate::web::testing::{self, CPU, HOSTILE, IN_USE, MINUTE, START};
use crate::web::tests::{Running, start_over};

const END: i64 = START + 60 * MINUTE;

struct Scene {
    server: Running,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        testing::write(folder.path());
        Self {
            server: start_over(folder.path()),
            _folder: folder,
        }
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> reqwest::Response {
        let url = format!("http://{}/{path}", self.server.address);
        let mut request = reqwest::Client::new().post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn call(&self, method: &str, content_type: &str, body: Vec<u8>) -> reqwest::Response {
        let path = format!("querier.v1.QuerierService/{method}");
        let headers = [
            ("content-type", content_type),
            ("connect-protocol-version", "1"),
        ];
        self.post(&path, &headers, body).await
    }

    /// Asks in both codecs; the answers are the same.
    async fn ask<Q, A>(&self, method: &str, question: &Q) -> A
    where
        Q: Message + serde::Serialize,
        A: Message + Default + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let answer = self
            .call(method, "application/proto", question.encode_to_vec())
            .await;
        assert_eq!(answer.status(), StatusCode::OK, "{method}");
        assert_eq!(answer.headers()["content-type"], "application/proto");
        let in_proto = A::decode(answer.bytes().await.unwrap()).unwrap();
        let body = serde_json::to_vec(question).unwrap();
        let answer = self
            .call(method, "application/json; charset=utf-8", body)
            .await;
        assert_eq!(answer.status(), StatusCode::OK, "{method}");
        assert_eq!(answer.headers()["content-type"], "application/json");
        let in_json: A = super::json::read(&answer.bytes().await.unwrap()).unwrap();
        assert_eq!(in_json, in_proto, "{method}");
        in_proto
    }

    /// Asks in JSON; the answer as it is.
    async fn ask_json(&self, method: &str, question: Value) -> Value {
        let body = question.to_string().into_bytes();
        let answer = self.call(method, "application/json", body).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{method}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn check_refused(
        &self,
        method: &str,
        question: Value,
        status: u16,
        code: &str,
        says: &str,
    ) {
        let body = question.to_string().into_bytes();
        let answer = self.call(method, "application/json", body).await;
        check_error(answer, status, code, says).await;
    }
}

async fn check_error(answer: reqwest::Response, status: u16, code: &str, says: &str) {
    let found = answer.status();
    assert_eq!(answer.headers()["content-type"], "application/json");
    let text = answer.text().await.unwrap();
    assert_eq!(found.as_u16(), status, "{text}");
    let error: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(error["code"], code, "{text}");
    assert!(error["message"].as_str().unwrap().contains(says), "{text}");
}

fn stacktraces(type_id: &str, selector: &str) -> SelectMergeStacktracesRequest {
    SelectMergeStacktracesRequest {
        profile_type_id: type_id.to_owned(),
        label_selector: selector.to_owned(),
        start: START,
        end: END,
        ..Default::default()
    }
}

#[tokio::test]
async fn types_are_those_of_the_range() {
    let scene = Scene::new();
    let mut question = ProfileTypesRequest {
        start: START,
        end: END,
    };
    let answer: ProfileTypesResponse = scene.ask("ProfileTypes", &question).await;
    let ids: Vec<_> = answer
        .profile_types
        .iter()
        .map(|known| known.id.as_str())
        .collect();
    assert_eq!(ids, [IN_USE, CPU]);
    let cpu = &answer.profile_types[1];
    let parts = [
        &cpu.name,
        &cpu.sample_type,
        &cpu.sample_unit,
        &cpu.period_type,
        &cpu.period_unit,
    ];
    assert_eq!(
        parts,
        ["process_cpu", "cpu", "nanoseconds", "cpu", "nanoseconds"]
    );
    // The health check of Grafana's data source.
    (question.start, question.end) = (1000, 4000);
    let answer: ProfileTypesResponse = scene.ask("ProfileTypes", &question).await;
    assert_eq!(answer.profile_types, []);
}

#[tokio::test]
async fn labels_are_those_of_targets_with_service_and_type() {
    let scene = Scene::new();
    let mut question = LabelNamesRequest {
        matchers: vec!["{}".to_owned()],
        start: START,
        end: END,
    };
    let answer: NamesResponse = scene.ask("LabelNames", &question).await;
    let expected = [
        "__name__",
        "__period_type__",
        "__period_unit__",
        "__profile_type__",
        "__type__",
        "__unit__",
        "instance",
        "job",
        "service_name",
        "zone",
    ];
    assert_eq!(answer.names, expected);
    question.matchers = vec![r#"{service_name="nobody"}"#.to_owned()];
    let answer: NamesResponse = scene.ask("LabelNames", &question).await;
    assert!(answer.names.is_empty());

    let values = |name: &str, matchers: &[&str]| LabelValuesRequest {
        name: name.to_owned(),
        matchers: matchers.iter().map(|text| (*text).to_owned()).collect(),
        start: START,
        end: END,
    };
    let answer: NamesResponse = scene.ask("LabelValues", &values("service_name", &[])).await;
    assert_eq!(answer.names, ["etcd", "kubelet"]);
    let matchers = [r#"{__profile_type__="memory:inuse_space:bytes:space:bytes"}"#];
    let answer: NamesResponse = scene
        .ask("LabelValues", &values("service_name", &matchers))
        .await;
    assert_eq!(answer.names, ["etcd"]);
    let either = [
        r#"{service_name="etcd",__name__="memory"}"#,
        r#"{service_name="kubelet"}"#,
    ];
    let answer: NamesResponse = scene
        .ask("LabelValues", &values("__profile_type__", &either))
        .await;
    assert_eq!(answer.names, [IN_USE, CPU]);
}

#[tokio::test]
async fn series_are_distinct_sets_of_the_asked_labels() {
    let scene = Scene::new();
    let question = json!({
        "matchers": [], "labelNames": ["service_name", "__profile_type__"],
        "start": START, "end": END.to_string(),
    });
    let set = |service: &str, type_id: &str| {
        json!({"labels": [
            {"name": "__profile_type__", "value": type_id}, {"name": "service_name", "value": service},
        ]})
    };
    let answer = scene.ask_json("Series", question).await;
    let mut sets = answer["labelsSet"].as_array().unwrap().clone();
    sets.sort_by_key(ToString::to_string);
    assert_eq!(
        sets,
        [set("etcd", IN_USE), set("etcd", CPU), set("kubelet", CPU)]
    );
    let question = SeriesRequest {
        start: START,
        end: END,
        ..Default::default()
    };
    let answer: SeriesResponse = scene.ask("Series", &question).await;
    assert_eq!(answer.labels_set.len(), 3);
    assert_eq!(answer.labels_set[0].labels.len(), 10);
}

#[tokio::test]
async fn statistics_tell_the_oldest_and_the_newest() {
    let scene = Scene::new();
    let expected = json!({
        "dataIngested": true,
        "oldestProfileTime": START.to_string(),
        "newestProfileTime": (START + 3 * MINUTE).to_string(),
    });
    assert_eq!(scene.ask_json("GetProfileStats", json!({})).await, expected);
    let empty = tempfile::tempdir().unwrap();
    let server = start_over(empty.path());
    let scene = Scene {
        server,
        _folder: empty,
    };
    let answer: GetProfileStatsResponse = scene
        .ask("GetProfileStats", &GetProfileStatsRequest {})
        .await;
    assert!(!answer.data_ingested);
}

#[tokio::test]
async fn totals_are_grouped_and_the_largest_kept() {
    let scene = Scene::new();
    let mut question = SelectSeriesRequest {
        profile_type_id: CPU.to_owned(),
        label_selector: "{}".to_owned(),
        start: START,
        end: END,
        group_by: vec!["service_name".to_owned()],
        step: 120.0,
        ..Default::default()
    };
    let points = |points: &[(i64, f64)]| -> Vec<Point> {
        let points = points.iter();
        points
            .map(|(minute, value)| Point {
                value: *value,
                timestamp: START + minute * MINUTE,
            })
            .collect()
    };
    let answer: SelectSeriesResponse = scene.ask("SelectSeries", &question).await;
    let pair = |value: &str| LabelPair {
        name: "service_name".to_owned(),
        value: value.to_owned(),
    };
    let etcd = Series {
        labels: vec![pair("etcd")],
        points: points(&[(2, 31.0), (4, 32.0)]),
    };
    let kubelet = Series {
        labels: vec![pair("kubelet")],
        points: points(&[(2, 100.0), (4, 200.0)]),
    };
    assert_eq!(answer.series, [etcd, kubelet.clone()]);
    question.limit = Some(1);
    let answer: SelectSeriesResponse = scene.ask("SelectSeries", &question).await;
    assert_eq!(answer.series, [kubelet]);
    (question.limit, question.group_by) = (None, Vec::new());
    let answer: SelectSeriesResponse = scene.ask("SelectSeries", &question).await;
    let all = Series {
        labels: Vec::new(),
        points: points(&[(2, 131.0), (4, 232.0)]),
    };
    assert_eq!(answer.series, [all]);
}

#[tokio::test]
async fn stacks_are_merged_into_levels() {
    let scene = Scene::new();
    let mut question = stacktraces(CPU, r#"{service_name="etcd"}"#);
    let answer: SelectMergeStacktracesResponse =
        scene.ask("SelectMergeStacktraces", &question).await;
    let graph = answer.flamegraph.unwrap();
    assert_eq!(graph.names, ["total", HOSTILE, "main", "work"]);
    let levels: Vec<_> = graph.levels.into_iter().map(|level| level.values).collect();
    assert_eq!(
        levels,
        [
            vec![0, 63, 0, 0],
            vec![0, 63, 0, 2],
            vec![0, 3, 3, 1, 0, 60, 60, 3]
        ]
    );
    assert_eq!((graph.total, graph.max_self), (63, 60));
    question.max_nodes = Some(1);
    let answer: SelectMergeStacktracesResponse =
        scene.ask("SelectMergeStacktraces", &question).await;
    assert_eq!(answer.flamegraph.unwrap().names, ["total", "other"]);
    let calls = ["main", "work"].map(|name| CallSite {
        name: name.to_owned(),
    });
    question.stack_trace_selector = Some(StackTraceSelector {
        call_site: calls.into(),
        go_pgo: None,
    });
    let answer: SelectMergeStacktracesResponse =
        scene.ask("SelectMergeStacktraces", &question).await;
    assert_eq!(answer.flamegraph.unwrap().total, 60);
    let question = stacktraces(CPU, r#"{service_name="nobody"}"#);
    let answer: SelectMergeStacktracesResponse =
        scene.ask("SelectMergeStacktraces", &question).await;
    assert_eq!(answer.flamegraph, None);
    let question = stacktraces(
        CPU,
        r#"{__profile_type__="memory:inuse_space:bytes:space:bytes"}"#,
    );
    let answer: SelectMergeStacktracesResponse =
        scene.ask("SelectMergeStacktraces", &question).await;
    assert_eq!(answer.flamegraph, None);
}

#[tokio::test]
async fn json_is_what_protobuf_says_it_is() {
    let scene = Scene::new();
    let question = json!({
        "profile_typeID": IN_USE, "label_selector": "{}", "start": START as f64, "end": END.to_string(),
        "maxNodes": null, "format": "PROFILE_FORMAT_OF_TOMORROW", "unknown": {"a": [1]},
    });
    let answer = scene.ask_json("SelectMergeStacktraces", question).await;
    assert_eq!(answer["flamegraph"]["total"], "2020");
    assert_eq!(
        answer["flamegraph"]["levels"][0]["values"],
        json!(["0", "2020", "0", "0"])
    );
    assert_eq!(answer["flamegraph"]["maxSelf"], "2000");
    let question = json!({
        "profileTypeID": CPU, "labelSelector": "", "start": START, "end": END, "step": "120",
        "aggregation": 99, "exemplarType": "EXEMPLAR_TYPE_NONE",
    });
    let answer = scene.ask_json("SelectSeries", question).await;
    assert_eq!(answer["series"][0]["points"][0]["value"], 131.0);
    assert_eq!(
        answer["series"][0]["points"][0]["timestamp"],
        (START + 2 * MINUTE).to_string()
    );
}

#[tokio::test]
async fn a_merged_profile_is_pprof() {
    let scene = Scene::new();
    let question = SelectMergeProfileRequest {
        profile_type_id: CPU.to_owned(),
        label_selector: "{}".to_owned(),
        start: START,
        end: END,
        ..Default::default()
    };
    let answer = scene
        .call(
            "SelectMergeProfile",
            "application/proto",
            question.encode_to_vec(),
        )
        .await;
    let profile = proto::pprof::decode(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!((profile.total(0), profile.sample_types.len()), (363, 1));
    let question = serde_json::to_value(&question).unwrap();
    let answer = scene.ask_json("SelectMergeProfile", question).await;
    let strings = answer["stringTable"].as_array().unwrap();
    let unit: usize = answer["sampleType"][0]["unit"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(strings[unit], "nanoseconds");
    let values = answer["sample"].as_array().unwrap().iter();
    let values = values.map(|sample| sample["value"][0].as_str().unwrap().parse::<i64>().unwrap());
    assert_eq!(values.sum::<i64>(), 363);
}

#[tokio::test]
async fn two_sides_are_compared() {
    let scene = Scene::new();
    let question = DiffRequest {
        left: Some(stacktraces(CPU, r#"{service_name="etcd"}"#)),
        right: Some(stacktraces(CPU, r#"{service_name="kubelet"}"#)),
    };
    let answer: DiffResponse = scene.ask("Diff", &question).await;
    let graph = answer.flamegraph.unwrap();
    assert_eq!(
        (graph.left_ticks, graph.right_ticks, graph.total),
        (63, 300, 363)
    );
    assert_eq!(graph.levels[0].values, [0, 63, 0, 0, 300, 0, 0]);
    scene
        .check_refused(
            "Diff",
            json!({"left": {}}),
            400,
            "invalid_argument",
            "right is missing",
        )
        .await;
}

#[tokio::test]
async fn the_older_paths_give_flamebearers() {
    let scene = Scene::new();
    let get = async |path: &str| scene.server.get(path).await;
    let cpu = format!("{CPU}%7Bservice_name%3D%22etcd%22%7D");
    let (from, until) = (START / 1000, END);
    let answer = get(&format!(
        "/pyroscope/render?query={cpu}&from={from}&until={until}&format=json"
    ))
    .await;
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(answer["flamebearer"]["numTicks"], 63);
    assert_eq!(answer["metadata"]["format"], "single");
    assert_eq!(answer["timeline"]["startTime"], from);
    assert_eq!(answer["timeline"]["durationDelta"], 15);
    assert_eq!(answer["timeline"]["samples"].as_array().unwrap().len(), 240);
    assert_eq!(answer["timeline"]["samples"][4], 20);
    let query = format!(
        "leftQuery={cpu}&leftFrom={from}&leftUntil={until}&rightQuery={CPU}&rightFrom={from}&rightUntil={until}"
    );
    let answer = get(&format!("/pyroscope/render-diff?{query}")).await;
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    assert_eq!(
        (&answer["leftTicks"], &answer["rightTicks"]),
        (&json!(63), &json!(363))
    );
    assert_eq!(
        answer["flamebearer"]["levels"][0],
        json!([0, 63, 0, 0, 363, 0, 0])
    );
    let answer = get(&format!(
        "/pyroscope/render?query={cpu}&from={from}&until={until}&format=dot"
    ))
    .await;
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("\"main\" -> \"work\" [label=\"60\"]")
    );
    let refused = [
        ("render?query=%7B%7D", "names no type of profiles"),
        ("render", "query is missing"),
        ("render?query=cpu", "is no profile type"),
        ("render?query=a:b:c:d:e&from=never", "from is \"never\""),
        (
            "render?query=a:b:c:d:e&max-nodes=1000000000",
            "from 1 to 500000",
        ),
        ("render?query=a:b:c:d:e&format=png", "expected json or dot"),
    ];
    for (path, says) in refused {
        check_error(
            get(&format!("/pyroscope/{path}")).await,
            400,
            "invalid_argument",
            says,
        )
        .await;
    }
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_in_the_words_of_connect() {
    let scene = Scene::new();
    let check = async |method: &str, question: Value, says: &str| {
        scene
            .check_refused(method, question, 400, "invalid_argument", says)
            .await;
    };
    check(
        "ProfileTypes",
        json!({"start": 5, "end": 4}),
        "start has to be before end",
    )
    .await;
    check("ProfileTypes", json!({"start": "x"}), "is no whole number").await;
    check("ProfileTypes", json!([]), "no such message in JSON").await;
    check("LabelNames", json!({"matchers": ["{"]}), "expected").await;
    check("LabelValues", json!({}), "name is missing").await;
    let with = |extra: Value| {
        let mut question =
            json!({"profileTypeID": CPU, "labelSelector": "{}", "start": START, "end": END});
        for (name, value) in extra.as_object().unwrap() {
            question[name] = value.clone();
        }
        question
    };
    let nodes = with(json!({"maxNodes": 1_000_000_000}));
    check("SelectMergeStacktraces", nodes, "from 1 to 500000").await;
    check(
        "SelectMergeStacktraces",
        with(json!({"maxNodes": -1})),
        "from 1 to 500000",
    )
    .await;
    check(
        "SelectMergeStacktraces",
        with(json!({"profileTypeID": "cpu"})),
        "is no profile type",
    )
    .await;
    check(
        "SelectMergeStacktraces",
        with(json!({"end": i64::MAX.to_string()})),
        "start has to be",
    )
    .await;
    for step in [json!(0), json!(-1), json!("NaN"), json!(0.0001)] {
        check(
            "SelectSeries",
            with(json!({"step": step})),
            "expected seconds",
        )
        .await;
    }
    let unimplemented = async |method: &str, question: Value| {
        scene
            .check_refused(method, question, 501, "unimplemented", "")
            .await;
    };
    unimplemented("SelectMergeSpanProfile", json!({})).await;
    unimplemented("SelectHeatmap", json!({})).await;
    unimplemented("Nothing", json!({})).await;
    let ids = with(json!({"profileIdSelector": ["7c9e6679"]}));
    unimplemented("SelectMergeStacktraces", ids).await;
    let stacks = with(json!({"step": 60, "stackTraceSelector": {"callSite": [{"name": "main"}]}}));
    unimplemented("SelectSeries", stacks).await;
    let answer = scene
        .call("ProfileTypes", "application/proto", vec![0xff; 9])
        .await;
    check_error(answer, 400, "invalid_argument", "no such message").await;
    let answer = scene
        .call("ProfileTypes", "application/connect+proto", Vec::new())
        .await;
    assert_eq!(
        answer.headers()["accept-post"],
        "application/proto, application/json"
    );
    check_error(answer, 415, "unimplemented", "content type").await;
    let answer = scene
        .call("ProfileTypes", "application/json", vec![b' '; 2 << 20])
        .await;
    check_error(answer, 429, "resource_exhausted", "longer than").await;
}

#[tokio::test]
async fn bodies_may_be_compressed_and_clients_impatient() {
    let scene = Scene::new();
    let body = json!({"start": START, "end": END}).to_string();
    let path = "querier.v1.QuerierService/ProfileTypes";
    let json = ("content-type", "application/json");
    let gzip = [json, ("content-encoding", "gzip")];
    let answer = scene
        .post(path, &gzip, proto::compress::gzip(body.as_bytes()))
        .await;
    assert!(answer.text().await.unwrap().contains(CPU));
    let bomb = proto::compress::gzip(&vec![b' '; 8 << 20]);
    check_error(
        scene.post(path, &gzip, bomb).await,
        429,
        "resource_exhausted",
        "unpacked",
    )
    .await;
    let answer = scene
        .post(
            path,
            &[json, ("content-encoding", "br")],
            body.clone().into(),
        )
        .await;
    check_error(answer, 501, "unimplemented", "plain or gzip").await;
    let answer = scene
        .post(
            path,
            &[json, ("connect-timeout-ms", "soon")],
            body.clone().into(),
        )
        .await;
    check_error(answer, 400, "invalid_argument", "ten digits").await;
    let answer = scene
        .post(path, &[json, ("connect-timeout-ms", "0")], body.into())
        .await;
    check_error(answer, 504, "deadline_exceeded", "took longer").await;
    let answer = scene
        .post("settings.v1.SettingsService/Get", &[json], b"{}".to_vec())
        .await;
    assert_eq!(
        (answer.status(), answer.text().await.unwrap()),
        (StatusCode::OK, "{}".to_owned())
    );
    let answer = scene
        .post("settings.v1.SettingsService/Set", &[json], b"{}".to_vec())
        .await;
    check_error(answer, 501, "unimplemented", "not kept").await;
    let answer = scene.server.get(&format!("/{path}")).await;
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
}

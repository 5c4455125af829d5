//! What it comes to: totals, stacks, profiles, differences.

use super::*;

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
    let answer: SelectSeriesResponse = scene.query("SelectSeries", &question).await;
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
    let answer: SelectSeriesResponse = scene.query("SelectSeries", &question).await;
    assert_eq!(answer.series, [kubelet]);
    (question.limit, question.group_by) = (None, Vec::new());
    let answer: SelectSeriesResponse = scene.query("SelectSeries", &question).await;
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
        scene.query("SelectMergeStacktraces", &question).await;
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
        scene.query("SelectMergeStacktraces", &question).await;
    assert_eq!(answer.flamegraph.unwrap().names, ["total", "other"]);
    let calls = ["main", "work"].map(|name| CallSite {
        name: name.to_owned(),
    });
    question.stack_trace_selector = Some(StackTraceSelector {
        call_site: calls.into(),
        go_pgo: None,
    });
    let answer: SelectMergeStacktracesResponse =
        scene.query("SelectMergeStacktraces", &question).await;
    assert_eq!(answer.flamegraph.unwrap().total, 60);
    let question = stacktraces(CPU, r#"{service_name="nobody"}"#);
    let answer: SelectMergeStacktracesResponse =
        scene.query("SelectMergeStacktraces", &question).await;
    assert_eq!(answer.flamegraph, None);
    let question = stacktraces(
        CPU,
        r#"{__profile_type__="memory:inuse_space:bytes:space:bytes"}"#,
    );
    let answer: SelectMergeStacktracesResponse =
        scene.query("SelectMergeStacktraces", &question).await;
    assert_eq!(answer.flamegraph, None);
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
    let answer: DiffResponse = scene.query("Diff", &question).await;
    let graph = answer.flamegraph.unwrap();
    assert_eq!(
        (graph.left_ticks, graph.right_ticks, graph.total),
        (63, 300, 363)
    );
    assert_eq!(graph.levels[0].values, [0, 63, 0, 0, 300, 0, 0]);
    scene
        .refuses(
            "Diff",
            json!({"left": {}}),
            400,
            "invalid_argument",
            "right is missing",
        )
        .await;
}

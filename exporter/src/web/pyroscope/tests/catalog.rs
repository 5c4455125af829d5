//! What there is: types, labels, series, statistics.

use super::*;

#[tokio::test]
async fn types_are_those_of_the_range() {
    let scene = Scene::new();
    let mut question = ProfileTypesRequest {
        start: START,
        end: END,
    };
    let answer: ProfileTypesResponse = scene.query("ProfileTypes", &question).await;
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
    let answer: ProfileTypesResponse = scene.query("ProfileTypes", &question).await;
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
    let answer: NamesResponse = scene.query("LabelNames", &question).await;
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
    let answer: NamesResponse = scene.query("LabelNames", &question).await;
    assert!(answer.names.is_empty());

    let values = |name: &str, matchers: &[&str]| LabelValuesRequest {
        name: name.to_owned(),
        matchers: matchers.iter().map(|text| (*text).to_owned()).collect(),
        start: START,
        end: END,
    };
    let answer: NamesResponse = scene
        .query("LabelValues", &values("service_name", &[]))
        .await;
    assert_eq!(answer.names, ["etcd", "kubelet"]);
    let matchers = [r#"{__profile_type__="memory:inuse_space:bytes:space:bytes"}"#];
    let answer: NamesResponse = scene
        .query("LabelValues", &values("service_name", &matchers))
        .await;
    assert_eq!(answer.names, ["etcd"]);
    let either = [
        r#"{service_name="etcd",__name__="memory"}"#,
        r#"{service_name="kubelet"}"#,
    ];
    let answer: NamesResponse = scene
        .query("LabelValues", &values("__profile_type__", &either))
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
    let answer: SeriesResponse = scene.query("Series", &question).await;
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
    let server = crate::web::tests::start_over(empty.path());
    let scene = Scene {
        server,
        _folder: empty,
    };
    let answer: GetProfileStatsResponse = scene
        .query("GetProfileStats", &GetProfileStatsRequest {})
        .await;
    assert!(!answer.data_ingested);
}

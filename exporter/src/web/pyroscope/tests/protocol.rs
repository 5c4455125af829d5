//! Codecs, errors, compression, the older paths.

use super::*;

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
            .refuses(method, question, 400, "invalid_argument", says)
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
            .refuses(method, question, 501, "unimplemented", "")
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

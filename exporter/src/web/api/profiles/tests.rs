//! The paths as their clients see them, over real sockets.

use std::fmt::Write as _;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::web::testing::{CPU, HOSTILE, IN_USE, MINUTE, START, Scene};

impl Scene {
    async fn get(&self, path: &str, params: &[(&str, &str)]) -> reqwest::Response {
        let mut query = String::new();
        for (name, value) in params {
            let _ = write!(query, "&{name}=");
            value.bytes().for_each(|byte| {
                let _ = write!(query, "%{byte:02X}");
            });
        }
        self.server
            .get(&format!("/api/v1/profile/{path}?{query}"))
            .await
    }

    /// The answer about the whole archive.
    async fn ask(&self, path: &str, params: &[(&str, &str)]) -> Value {
        let (from, to) = (START.to_string(), (START + 60 * MINUTE).to_string());
        let all = [&[("from", &*from), ("to", &*to)], params].concat();
        let answer = self.get(path, &all).await;
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    async fn check_refused(&self, path: &str, params: &[(&str, &str)], says: &str) {
        let answer = self.get(path, params).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {params:?}: {text}");
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(error["error"].as_str().unwrap().contains(says), "{text}");
    }
}

#[tokio::test]
async fn types_are_told_with_their_targets() {
    let scene = Scene::new();
    let answer = scene.ask("types", &[]).await;
    let types: Vec<_> = answer["types"]
        .as_array()
        .unwrap()
        .iter()
        .map(|known| {
            (
                known["id"].as_str().unwrap(),
                known["targets"].as_array().unwrap().len(),
            )
        })
        .collect();
    assert_eq!(types, [(IN_USE, 1), (CPU, 2)]);
    let labels = json!({"job": "etcd", "instance": "a:1", "zone": "<b>"});
    assert_eq!(answer["types"][1]["targets"][0]["labels"], labels);
    let answer = scene.ask("types", &[("query", r#"{job="kubelet"}"#)]).await;
    assert_eq!(answer["types"][0]["id"], CPU);
    assert_eq!(answer["types"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn amounts_are_summed_and_states_are_means() {
    let scene = Scene::new();
    let etcd = ("query", r#"{service_name="etcd"}"#);
    let answer = scene.ask("flamegraph", &[("type", CPU), etcd]).await;
    assert_eq!(answer["names"], json!(["total", HOSTILE, "main", "work"]));
    assert_eq!(
        answer["levels"],
        json!([[0, 63, 0, 0], [0, 63, 0, 2], [0, 3, 3, 1, 0, 60, 60, 3]])
    );
    assert_eq!(answer["total"], 63);
    assert_eq!(answer["captures"], 3);
    assert_eq!(answer["is_delta"], true);
    assert_eq!(answer["unit"], "nanoseconds");
    let answer = scene.ask("flamegraph", &[("type", IN_USE)]).await;
    assert_eq!(answer["total"], 2020);
    assert_eq!(answer["is_delta"], false);
    let answer = scene
        .ask("flamegraph", &[("type", CPU), etcd, ("max_nodes", "2")])
        .await;
    assert_eq!(
        answer["levels"],
        json!([[0, 63, 0, 0], [0, 63, 0, 1], [0, 63, 63, 2]])
    );
    let answer = scene
        .ask("flamegraph", &[("type", CPU), ("query", r#"{job="none"}"#)])
        .await;
    assert_eq!(
        (&answer["total"], &answer["levels"]),
        (&json!(0), &json!([]))
    );
}

#[tokio::test]
async fn two_ranges_are_compared() {
    let scene = Scene::new();
    let times = [0, 1, 3].map(|minute| (START + minute * MINUTE).to_string());
    let sides = [
        ("left_from", &*times[0]),
        ("left_to", &*times[1]),
        ("right_from", &*times[1]),
        ("right_to", &*times[2]),
    ];
    let params = [&sides[..], &[("type", CPU), ("query", r#"{job="etcd"}"#)]].concat();
    let answer = scene.ask("diff", &params).await;
    assert_eq!(
        (&answer["left_total"], &answer["right_total"]),
        (&json!(11), &json!(52))
    );
    assert_eq!(answer["scale"], 2.0);
    let row = json!({"name": "work", "left_self": 10, "right_self": 50, "left_total": 10, "right_total": 50});
    assert_eq!(answer["table"][0], row);
    assert_eq!(answer["levels"][0], json!([0, 11, 0, 0, 52, 0, 0]));
    let params = [
        &sides[..],
        &[("type", CPU), ("left_query", r#"{job="kubelet"}"#)],
    ]
    .concat();
    assert_eq!(scene.ask("diff", &params).await["left_total"], 100);
}

#[tokio::test]
async fn the_timeline_has_the_totals_of_all_targets() {
    let scene = Scene::new();
    let answer = scene
        .ask("timeline", &[("type", CPU), ("step", "120000")])
        .await;
    assert_eq!(
        answer["points"],
        json!([[START, 131.0], [START + 2 * MINUTE, 232.0]])
    );
    let answer = scene
        .ask("timeline", &[("type", IN_USE), ("step", "120000")])
        .await;
    assert_eq!(
        answer["points"],
        json!([[START, 1500.0], [START + 2 * MINUTE, 3060.0]])
    );
    assert_eq!(
        scene.ask("timeline", &[("type", CPU)]).await["step"],
        30_000
    );
}

#[tokio::test]
async fn labels_of_samples_have_their_totals() {
    let answer = Scene::new().ask("labels", &[("type", IN_USE)]).await;
    let expected = json!([{"name": "state", "values": [{"value": "<i>", "total": 2020}]}]);
    assert_eq!(answer["labels"], expected);
}

#[tokio::test]
async fn samples_are_chosen_by_their_labels() {
    let scene = Scene::new();
    for (samples, total) in [(r#"{state="<i>"}"#, 2020), (r#"{state!="<i>"}"#, 0)] {
        let params = [("type", IN_USE), ("samples", samples)];
        let answer = scene.ask("flamegraph", &params).await;
        assert_eq!(answer["total"], total, "{samples}");
        assert_eq!(answer["captures"], 3, "{samples}");
    }
    let refused = &[("type", IN_USE), ("samples", "{state}")];
    scene.check_refused("flamegraph", refused, "samples").await;
    scene
        .check_refused("diff", &[("type", IN_USE), ("samples", "{")], "samples")
        .await;
}

#[tokio::test]
async fn files_are_those_of_other_tools() {
    let scene = Scene::new();
    let (from, to) = (START.to_string(), (START + 60 * MINUTE).to_string());
    let get = async |format: &str| {
        let params = [
            ("type", CPU),
            ("from", &*from),
            ("to", &*to),
            ("format", format),
        ];
        let answer = scene.get("export", &params).await;
        assert_eq!(answer.status(), StatusCode::OK, "{format}");
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(policy.contains("sandbox"), "{policy}");
        let name = answer.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .to_owned();
        (name, answer.bytes().await.unwrap())
    };
    let (name, pprof) = get("pprof").await;
    assert_eq!(
        name,
        format!("attachment; filename=\"process_cpu.cpu.{START}.pb.gz\"")
    );
    let pprof = proto::compress::decompress(&pprof, 1 << 20).unwrap();
    assert_eq!(proto::pprof::decode(&pprof).unwrap().total(0), 363);
    let (_, folded) = get("folded").await;
    assert_eq!(
        String::from_utf8_lossy(&folded),
        format!("main;{HOSTILE} 3\nmain;work 360\n")
    );
    let (_, speedscope) = get("speedscope").await;
    let speedscope: Value = serde_json::from_slice(&speedscope).unwrap();
    assert_eq!(speedscope["profiles"][0]["endValue"], 363);
    let (name, svg) = get("svg").await;
    assert!(name.ends_with(".svg\""), "{name}");
    let svg = String::from_utf8_lossy(&svg);
    assert!(
        svg.contains("&lt;/script&gt;") && !svg.contains("<script>alert"),
        "{svg}"
    );
    let diff = [
        ("type", CPU),
        ("format", "diff-svg"),
        ("left_from", &*from),
        ("left_to", &*to),
        ("right_from", &*from),
        ("right_to", &*to),
    ];
    let answer = scene.get("export", &diff).await;
    assert_eq!(answer.headers()["content-type"], "image/svg+xml");
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_with_a_sentence() {
    let scene = Scene::new();
    scene
        .check_refused("types", &[("query", "{")], "query: expected")
        .await;
    scene
        .check_refused("types", &[("query", r#"{a=~"("}"#)], "regular expression")
        .await;
    scene
        .check_refused("types", &[("from", "soon")], "from is \"soon\"")
        .await;
    scene
        .check_refused(
            "types",
            &[("from", "5"), ("to", "5")],
            "from has to be before to",
        )
        .await;
    scene
        .check_refused(
            "types",
            &[("to", "99999999999999999999")],
            "expected milliseconds",
        )
        .await;
    scene
        .check_refused("flamegraph", &[], "type is missing")
        .await;
    scene
        .check_refused("flamegraph", &[("type", "cpu")], "is no profile type")
        .await;
    let nodes = &[("type", "a:b:c:d:e"), ("max_nodes", "1000000000")];
    scene
        .check_refused("flamegraph", nodes, "from 1 to 500000")
        .await;
    let step = &[("type", "a:b:c:d:e"), ("from", "0"), ("step", "1000")];
    scene
        .check_refused("timeline", step, "step has to be")
        .await;
    scene
        .check_refused(
            "export",
            &[("type", "a:b:c:d:e"), ("format", "png")],
            "expected one of pprof",
        )
        .await;
    let answer = scene
        .get(
            "export",
            &[("type", CPU), ("format", "svg"), ("to", "5000")],
        )
        .await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

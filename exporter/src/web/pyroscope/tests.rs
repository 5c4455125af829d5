//! The calls as Grafana's data source (protobuf) and Profiles Drilldown (JSON) make them.

mod catalog;
mod protocol;
mod select;

use prost::Message;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::messages::*;
use crate::web::testing::{CPU, HOSTILE, IN_USE, MINUTE, START, Scene};

const END: i64 = START + 60 * MINUTE;

impl Scene {
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
    async fn query<Q, A>(&self, method: &str, question: &Q) -> A
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

    async fn refuses(&self, method: &str, question: Value, status: u16, code: &str, says: &str) {
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

//! TLS, mutual TLS, HTTP/2 and certificates that change.

use std::convert::Infallible;
use std::path::PathBuf;

use bytes::Bytes;
use exporter::tls::ClientTlsOptions;
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

use super::server::{Pki, Server, Then, answer};
use super::{Client, ClientOptions, Endpoint, request};

fn options(pki: &Pki, client: Option<&str>) -> ClientOptions {
    let file =
        |suffix: &str| client.map(|name| -> PathBuf { pki.path(&format!("{name}.{suffix}")) });
    let tls = ClientTlsOptions {
        ca_file: Some(pki.path("ca.crt")),
        cert_file: file("crt"),
        key_file: file("key"),
        ..ClientTlsOptions::default()
    };
    ClientOptions {
        tls,
        ..ClientOptions::default()
    }
}

async fn outcome(options: &ClientOptions, server: &Server) -> String {
    let endpoint = Endpoint::Https(server.address.to_string());
    match Client::new(options).unwrap().get(&request(endpoint)).await {
        Ok(response) => String::from_utf8_lossy(&response.body).into_owned(),
        Err(error) => error.reason().into_owned(),
    }
}

#[tokio::test]
async fn mutual_tls_needs_a_certificate_of_the_right_authority() {
    let pki = Pki::new();
    pki.issue("client", "client");
    let server = Server::start_tls(answer("200 OK", b"ok"), pki.acceptor("127.0.0.1", &[])).await;
    assert_eq!(outcome(&options(&pki, Some("client")), &server).await, "ok");
    assert_eq!(outcome(&options(&pki, None), &server).await, "tls");
    let other = Pki::new();
    other.issue("client", "client");
    assert_eq!(
        outcome(&options(&other, Some("client")), &server).await,
        "tls"
    );
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_unless_that_name_is_asked_for() {
    let pki = Pki::new();
    pki.issue("client", "client");
    let server = Server::start_tls(answer("200 OK", b"ok"), pki.acceptor("etcd.local", &[])).await;
    let mut options = options(&pki, Some("client"));
    assert_eq!(outcome(&options, &server).await, "tls");
    options.tls.server_name = Some("etcd.local".into());
    assert_eq!(outcome(&options, &server).await, "ok");
}

#[tokio::test]
async fn a_renewed_client_certificate_is_used_for_the_next_request() {
    let pki = Pki::new();
    let other = Pki::new();
    other.issue("client", "client");
    for suffix in ["crt", "key"] {
        let name = format!("client.{suffix}");
        std::fs::copy(other.path(&name), pki.path(&name)).unwrap();
    }
    let server = Server::start_tls(answer("200 OK", b"ok"), pki.acceptor("127.0.0.1", &[])).await;
    let client = Client::new(&options(&pki, Some("client"))).unwrap();
    let request = request(Endpoint::Https(server.address.to_string()));
    assert!(client.get(&request).await.is_err());
    pki.issue("client", "client");
    let response = client.get(&request).await.unwrap();
    assert_eq!(&response.body[..], b"ok");
}

#[tokio::test]
async fn a_client_certificate_is_not_shown_to_another_host() {
    let pki = Pki::new();
    pki.issue("client", "client");
    let end = Server::start(answer("200 OK", b"end"), Then::Close).await;
    let moved = format!("302 Found\r\nlocation: https://{}/", end.address);
    let start = Server::start_tls(answer(&moved, b""), pki.acceptor("127.0.0.1", &[])).await;
    assert_eq!(
        outcome(&options(&pki, Some("client")), &start).await,
        "redirect"
    );
}

#[tokio::test]
async fn a_missing_certificate_is_told_over_http2_too() {
    let pki = Pki::new();
    let acceptor = pki.acceptor("127.0.0.1", &[b"h2"]);
    let server = Server::start_tls(answer("200 OK", b"ok"), acceptor).await;
    for _ in 0..20 {
        assert_eq!(outcome(&options(&pki, None), &server).await, "tls");
    }
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_offers_it() {
    let pki = Pki::new();
    pki.issue("client", "client");
    let acceptor = pki.acceptor("127.0.0.1", &[b"h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = TokioIo::new(acceptor.accept(stream).await.unwrap());
        let echo = service_fn(async |request: hyper::Request<hyper::body::Incoming>| {
            let text = format!("{:?} {}", request.version(), request.uri());
            Ok::<_, Infallible>(hyper::Response::new(Full::<Bytes>::from(text)))
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        server.serve_connection(stream, echo).await
    });
    let client = Client::new(&options(&pki, Some("client"))).unwrap();
    let response = client
        .get(&request(Endpoint::Https(address.to_string())))
        .await
        .unwrap();
    let expected = format!("HTTP/2.0 https://{address}/metrics?a=b%20c");
    assert_eq!(String::from_utf8_lossy(&response.body), expected);
}

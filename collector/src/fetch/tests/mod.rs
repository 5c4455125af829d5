//! The client against servers that misbehave.

mod http1;
pub(crate) mod server;
mod tls;

use std::time::Duration;

use exporter::auth::{Credentials, SecretSource};

use super::{Client, ClientOptions, Endpoint, FetchError, Redirects, Request, Response, report};
use server::{Server, Then, answer};

const LIMIT: usize = 64 * 1024;

fn request(endpoint: Endpoint) -> Request {
    Request {
        endpoint,
        path: "/metrics".into(),
        params: vec![("a".into(), "b c".into())],
        accept: "text/plain".into(),
        timeout: Duration::from_secs(20),
        body_limit: LIMIT,
    }
}

fn to(server: &Server) -> Endpoint {
    Endpoint::Http(server.address.to_string())
}

async fn get(server: &Server) -> Result<Response, FetchError> {
    Client::new(&ClientOptions::default())
        .unwrap()
        .get(&request(to(server)))
        .await
}

async fn check_reason(answer: Vec<u8>, reason: &str) {
    let server = Server::start(answer, Then::Close).await;
    let error = get(&server).await.expect_err(reason);
    assert_eq!(error.reason(), reason, "{}", report(&error));
}

#[tokio::test]
async fn a_body_comes_with_its_type_and_the_request_as_asked() {
    let page = answer(
        "200 OK\r\ncontent-type: text/plain; version=0.0.4",
        b"up 1\n",
    );
    let server = Server::start(page, Then::Close).await;
    let response = get(&server).await.unwrap();
    assert_eq!(&response.body[..], b"up 1\n");
    assert_eq!(response.content_type, "text/plain; version=0.0.4");
    let head = server.seen().remove(0);
    assert!(
        head.starts_with("get /metrics?a=b%20c http/1.1\r\n"),
        "{head}"
    );
    for line in [
        "accept: text/plain",
        "x-prometheus-scrape-timeout-seconds: 20",
    ] {
        assert!(head.contains(line), "{head}");
    }
}

#[tokio::test]
async fn a_long_body_comes_whole_with_a_length_and_without() {
    let body: Vec<u8> = (0..3_000_000u32).map(|idx| (idx * 7 / 3) as u8).collect();
    let until_the_end = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), body.clone()].concat();
    for answer in [answer("200 OK", &body), until_the_end] {
        let server = Server::start(answer, Then::Close).await;
        let long = Request {
            body_limit: body.len(),
            ..request(to(&server))
        };
        let response = Client::new(&ClientOptions::default())
            .unwrap()
            .get(&long)
            .await
            .unwrap();
        assert!(response.body == body);
    }
}

#[tokio::test]
async fn gzip_and_zstd_bodies_are_decompressed() {
    let gzip = proto::compress::gzip(b"up 1\n");
    // A frame of one raw block, RFC 8878 section 3.1.1: magic, single segment, size, block header.
    let zstd = [&b"\x28\xb5\x2f\xfd\x20\x05\x29\x00\x00"[..], b"up 1\n"].concat();
    for (encoding, body) in [("gzip", gzip), ("zstd", zstd)] {
        let head = format!("200 OK\r\ncontent-encoding: {encoding}");
        let server = Server::start(answer(&head, &body), Then::Close).await;
        let response = get(&server).await.expect(encoding);
        assert_eq!(&response.body[..], b"up 1\n", "{encoding}");
        assert_eq!(response.wire_bytes, body.len());
    }
}

#[tokio::test]
async fn bodies_over_the_limit_are_refused_whichever_way_they_come() {
    let long = vec![b'a'; LIMIT + 1];
    check_reason(answer("200 OK", &long), "body_too_large").await;
    let bomb = proto::compress::gzip(&vec![0; 10_000_000]);
    assert!(bomb.len() < LIMIT);
    check_reason(
        answer("200 OK\r\ncontent-encoding: gzip", &bomb),
        "body_too_large",
    )
    .await;
    let lie = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999999\r\n\r\n".to_vec();
    check_reason(lie, "body_too_large").await;
    let endless = [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), long].concat();
    check_reason(endless, "body_too_large").await;
}

#[tokio::test]
async fn damaged_and_unknown_encodings_are_refused() {
    let mut cut = proto::compress::gzip(&[7; 1000]);
    cut.truncate(cut.len() / 2);
    check_reason(answer("200 OK\r\ncontent-encoding: gzip", &cut), "decode").await;
    check_reason(answer("200 OK\r\ncontent-encoding: br", b"x"), "decode").await;
}

#[tokio::test]
async fn broken_answers_have_a_reason() {
    check_reason(
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort".to_vec(),
        "http",
    )
    .await;
    check_reason(b"SSH-2.0-OpenSSH\r\n".to_vec(), "http").await;
    check_reason(Vec::new(), "http").await;
}

#[tokio::test]
async fn an_error_status_shows_the_start_of_its_body() {
    let server = Server::start(
        answer("404 Not Found", b"Unknown\n\x1b[31mprofile"),
        Then::Close,
    );
    let error = get(&server.await).await.unwrap_err();
    assert_eq!(error.reason(), "status_404");
    assert_eq!(
        error.to_string(),
        "server answered 404: Unknown [31mprofile"
    );
}

#[tokio::test]
async fn a_body_that_never_ends_times_out() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nslow".to_vec();
    for answer in [head, Vec::new()] {
        let server = Server::start(answer, Then::Hang).await;
        let hasty = Request {
            timeout: Duration::from_millis(50),
            ..request(to(&server))
        };
        let client = Client::new(&ClientOptions::default()).unwrap();
        assert_eq!(client.get(&hasty).await.unwrap_err().reason(), "timeout");
    }
}

#[tokio::test]
async fn nobody_listening_is_told_apart_from_no_such_socket() {
    let gone = Server::start("", Then::Close).await;
    let address = gone.address.to_string();
    gone.stop().await;
    let client = Client::new(&ClientOptions::default()).unwrap();
    let reason_of = async |endpoint| client.get(&request(endpoint)).await.unwrap_err().reason();
    assert_eq!(
        reason_of(Endpoint::Http(address)).await,
        "connection_refused"
    );
    assert_eq!(
        reason_of(Endpoint::Unix("/nonexistent.sock".into())).await,
        "no_socket"
    );
    assert_eq!(
        reason_of(Endpoint::Http("no host".into())).await,
        "invalid_url"
    );
    assert_eq!(
        reason_of(Endpoint::Http("host.invalid:1".into())).await,
        "dns"
    );
}

#[tokio::test]
async fn unix_sockets_are_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("debug.sock");
    server::serve_unix(&path, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    let client = Client::new(&ClientOptions::default()).unwrap();
    let response = client.get(&request(Endpoint::Unix(path))).await.unwrap();
    assert_eq!(&response.body[..], b"ok");
}

fn with_token() -> ClientOptions {
    let token = SecretSource::Inline("s3cret".into());
    let credentials = Credentials::Token {
        scheme: "Bearer".into(),
        token,
    };
    ClientOptions {
        credentials: Some(credentials),
        ..ClientOptions::default()
    }
}

#[tokio::test]
async fn a_redirect_takes_no_credentials_to_another_host() {
    let end = Server::start(answer("200 OK", b"end"), Then::Close).await;
    let location = format!("302 Found\r\nlocation: http://{}/end", end.address);
    let start = Server::start(answer(&location, b""), Then::Close).await;
    let client = Client::new(&with_token()).unwrap();
    let response = client.get(&request(to(&start))).await.unwrap();
    assert_eq!(&response.body[..], b"end");
    assert!(start.seen()[0].contains("authorization: bearer s3cret"));
    assert!(end.seen()[0].starts_with("get /end "));
    assert!(
        !end.seen()[0].contains("authorization"),
        "{}",
        end.seen()[0]
    );
}

#[tokio::test]
async fn redirects_in_a_circle_end() {
    let server = Server::start(answer("301 Moved\r\nlocation: /metrics", b""), Then::Close).await;
    assert_eq!(get(&server).await.unwrap_err().reason(), "redirect");
    assert_eq!(server.seen().len(), 11);
}

#[tokio::test]
async fn a_redirect_is_an_error_where_it_is_not_to_be_followed() {
    let server = Server::start(answer("302 Found\r\nlocation: /x", b""), Then::Close).await;
    let refuse = ClientOptions {
        follow_redirects: Redirects::Refuse,
        ..Default::default()
    };
    let client = Client::new(&refuse).unwrap();
    let error = client.get(&request(to(&server))).await.unwrap_err();
    assert_eq!(error.reason(), "status_302");
}

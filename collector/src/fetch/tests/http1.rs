//! Connections of HTTP/1.1 and what they carry: several answers on one, and none twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Client, ClientOptions, Endpoint, LIMIT, Request, Response, report, request};

/// A server that gives each request of a connection the next of these answers, and closes the
/// connection after the last.
struct Script {
    address: String,
    n_connections: Arc<AtomicUsize>,
}

impl Script {
    async fn start(answers: &'static [&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let n_connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&n_connections);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(play(stream, answers));
            }
        });
        Self {
            address,
            n_connections,
        }
    }

    fn request(&self) -> Request {
        request(Endpoint::Http(self.address.clone()))
    }

    fn n_connections(&self) -> usize {
        self.n_connections.load(Ordering::Relaxed)
    }
}

/// `\n` stands for the end of a line; what is between two `|` is written apart.
async fn play(mut stream: TcpStream, answers: &[&str]) {
    for answer in answers {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        for piece in answer.replace('\n', "\r\n").split('|') {
            let _ = stream.write_all(piece.as_bytes()).await;
            tokio::task::yield_now().await;
        }
    }
}

fn client() -> Client {
    Client::new(&ClientOptions::default()).unwrap()
}

async fn get(client: &Client, request: &Request) -> String {
    match client.get(request).await {
        Ok(Response { body, .. }) => String::from_utf8_lossy(&body).into_owned(),
        Err(error) => report(&error),
    }
}

const ONE: &str = "HTTP/1.1 200 OK\nContent-Length: 3\n\none";
const TWO: &str = "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\ntw\n1\no\n0\n\n";

#[tokio::test]
async fn one_connection_carries_many_answers() {
    let server = Script::start(&[ONE, TWO, ONE]).await;
    let client = client();
    for expected in ["one", "two", "one"] {
        assert_eq!(get(&client, &server.request()).await, expected);
    }
    assert_eq!(server.n_connections(), 1);
}

#[tokio::test]
async fn an_answer_comes_whole_however_it_is_cut() {
    for answers in [
        &["HTT|P/1.1 200 O|K\nContent-Len|gth: 3\n|\n|o|ne"] as &[&str],
        &["HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n|3|\n|one|\n0|\n|\n"],
        &[
            "HTTP/1.1 100 Continue\n\n|HTTP/1.1 103 Early\nLink: x\n\nHTTP/1.1 200 OK\nContent-Length: 3\n\none",
        ],
        &["HTTP/1.0 200 OK\n\no|ne"],
    ] {
        let server = Script::start(answers).await;
        assert_eq!(
            get(&client(), &server.request()).await,
            "one",
            "{answers:?}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_the_server_closed_is_replaced() {
    let server = Script::start(&[ONE]).await;
    let client = client();
    for _ in 0..3 {
        assert_eq!(get(&client, &server.request()).await, "one");
    }
    assert_eq!(server.n_connections(), 3);
}

#[tokio::test]
async fn an_answer_that_was_not_asked_for_is_nobodys() {
    let double =
        "HTTP/1.1 200 OK\nContent-Length: 3\n\noneHTTP/1.1 200 OK\nContent-Length: 5\n\nwrong";
    let server = Script::start(Box::leak(Box::new([double, TWO]))).await;
    let client = client();
    assert_eq!(get(&client, &server.request()).await, "one");
    assert_eq!(get(&client, &server.request()).await, "one");
    assert_eq!(server.n_connections(), 2);
}

#[tokio::test]
async fn a_connection_is_used_again_after_a_short_error_only() {
    const SHORT: &str = "HTTP/1.1 503 Ill\nContent-Length: 4\n\nback";
    let server = Script::start(&[SHORT, ONE]).await;
    let client = client();
    assert_eq!(
        get(&client, &server.request()).await,
        "server answered 503: back"
    );
    assert_eq!(get(&client, &server.request()).await, "one");
    assert_eq!(server.n_connections(), 1);

    let long = format!(
        "HTTP/1.1 503 Ill\nContent-Length: 9999\n\n{}",
        "x".repeat(300)
    );
    let server = Script::start(Box::leak(Box::new([&*long.leak(), ONE]))).await;
    let told = get(&client, &server.request()).await;
    assert!(told.starts_with("server answered 503: xxx"), "{told}");
    assert_eq!(told.matches('x').count(), 200);
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_though_it_comes_at_once() {
    let long = format!("HTTP/1.1 200 OK\n\n{}", "x".repeat(2000));
    let server = Script::start(Box::leak(Box::new([&*long.leak()]))).await;
    let short = Request {
        body_limit: 1000,
        ..server.request()
    };
    assert_eq!(
        get(&client(), &short).await,
        "body is larger than 1000 bytes"
    );
}

#[tokio::test]
async fn a_status_counts_though_its_body_is_cut() {
    for head in [
        "Content-Length: 50",
        "Transfer-Encoding: chunked",
        "Connection: close",
    ] {
        let answer = format!("HTTP/1.1 500 Ill\n{head}\n\n4\nback\n");
        let server = Script::start(Box::leak(Box::new([&*answer.leak()]))).await;
        let told = get(&client(), &server.request()).await;
        assert!(told.starts_with("server answered 500: "), "{told}");
        assert!(told.ends_with("back"), "{told}");
    }
}

#[tokio::test]
async fn a_broken_answer_is_told() {
    for (answer, says) in [
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nzz\n",
            "bad chunk: bad size",
        ),
        (
            "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n5\nab",
            "before the end of the answer",
        ),
        (
            "HTTP/1.1 200 OK\nContent-Length: 1, 2\n\na",
            "bad content length",
        ),
        ("HTTP/1.1 101 Upgrade\n\n", "upgrade to another protocol"),
        ("", "without an answer"),
    ] {
        let server = Script::start(Box::leak(Box::new([answer]))).await;
        let told = get(&client(), &server.request()).await;
        assert!(told.contains(says), "{answer:?}: {told}");
    }
    let chunk = format!(
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n{:x}\n",
        LIMIT + 1
    );
    let server = Script::start(Box::leak(Box::new([&*chunk.leak()]))).await;
    assert_eq!(
        get(&client(), &server.request()).await,
        format!("body is larger than {LIMIT} bytes")
    );
}

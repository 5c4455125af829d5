//! Looking at a machine that the test makes: a folder for its root, and small servers.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinHandle;

use super::endpoints::{Door, Endpoint, Key, Place, Trust};
use super::*;
use crate::config::{Global, ProfileSpec, Scheme};

const PAGE: &[Page] = &[Page::All("/metrics")];

fn endpoint(port: u16, keys: &'static [Key]) -> Endpoint {
    let place = Place::Port(port);
    let door = Door {
        place,
        keys,
        knock: "/metrics",
        answer: "known_metric",
        pages: PAGE,
    };
    Endpoint {
        job: "known",
        doors: vec![door],
    }
}

fn base() -> Job {
    Job {
        profiles: ProfileSpec::defaults(),
        ..Job::new("local", &Global::default())
    }
}

async fn answer(mut stream: impl AsyncReadExt + AsyncWrite + Unpin, body: &str) -> io::Result<()> {
    let mut request = [0; 4096];
    let n_bytes = stream.read(&mut request).await?;
    if n_bytes > 0 {
        let length = body.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
        stream.write_all(format!("{head}{body}").as_bytes()).await?;
    }
    stream.shutdown().await
}

/// A server that answers everything with `body`, and counts the requests that it got.
async fn serve(body: &'static str) -> (u16, Arc<AtomicUsize>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let n_connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&n_connections);
    let task = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::Relaxed);
            let _ = answer(stream, body).await;
        }
    });
    (port, n_connections, task)
}

async fn scanned(endpoint: Endpoint, root: &Path) -> LocalScan {
    let mut scan = LocalScan::of(vec![endpoint], root);
    scan.refresh().await;
    scan
}

async fn check_missing(endpoint: Endpoint, root: &Path, reason: &str) {
    let scan = scanned(endpoint, root).await;
    assert!(scan.groups(&base()).is_empty());
    let problem = scan.problems().next().expect("no reason is given").reason;
    assert!(problem.contains(reason), "{problem}");
}

#[tokio::test]
async fn what_answers_as_expected_becomes_a_target_with_its_own_job() {
    let (port, _, _server) = serve("known_metric 1\n").await;
    let root = tempfile::tempdir().unwrap();
    let scan = scanned(endpoint(port, &[Key::Plain]), root.path()).await;
    let groups = scan.groups(&base());
    assert_eq!(groups[0].job.name, "known");
    assert_eq!(groups[0].targets, [format!("127.0.0.1:{port}")]);
    assert_eq!(
        (groups[0].job.scheme, groups[0].job.metrics_enabled),
        (Scheme::Http, true)
    );
    assert_eq!(groups[0].job.profiles, base().profiles);
    assert_eq!(scan.problems().count(), 0);
}

#[tokio::test]
async fn a_socket_with_profiles_alone_is_not_asked_for_metrics() {
    let root = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(root.path().join("debug.sock")).unwrap();
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = answer(stream, "/usr/bin/known\0").await;
        }
    });
    let place = Place::Socket("debug.sock");
    let pages = &[Page::Profiles];
    let knock = "/debug/pprof/cmdline";
    let door = Door {
        place,
        keys: &[Key::Plain],
        knock,
        answer: "known",
        pages,
    };
    let scan = scanned(
        Endpoint {
            job: "known",
            doors: vec![door],
        },
        root.path(),
    )
    .await;
    let groups = scan.groups(&base());
    assert_eq!(
        groups[0].targets,
        [format!("unix://{}/debug.sock", root.path().display())]
    );
    assert!(!groups[0].job.metrics_enabled);
    server.abort();
}

#[tokio::test]
async fn what_does_not_open_is_reported_with_the_reason() {
    let root = tempfile::tempdir().unwrap();
    let (port, _, server) = serve("something_else 1\n").await;
    check_missing(
        endpoint(port, &[Key::Plain]),
        root.path(),
        "does not mention",
    )
    .await;
    const LOCKED: &[Key] = &[Key::Certificate {
        trust: Trust::Anyone,
        cert: "etc/pki/client.crt",
    }];
    check_missing(endpoint(port, LOCKED), root.path(), "etc/pki/client.crt").await;
    server.abort();
    let _ = server.await;
    check_missing(
        endpoint(port, &[Key::Plain]),
        root.path(),
        "nothing listens there",
    )
    .await;
}

#[tokio::test]
async fn the_first_door_that_opens_counts() {
    let (port, _, _server) = serve("known_metric 1\n").await;
    let (other, _, _other_server) = serve("known_metric 1\n").await;
    let mut both = endpoint(port, &[Key::Plain]);
    both.doors.extend(endpoint(other, &[Key::Plain]).doors);
    let root = tempfile::tempdir().unwrap();
    let scan = scanned(both, root.path()).await;
    assert_eq!(scan.groups(&base()).len(), 1);
    assert_eq!(
        scan.groups(&base())[0].targets,
        [format!("127.0.0.1:{port}")]
    );
}

#[tokio::test]
async fn what_stops_answering_stays_a_target_for_a_while() {
    let (port, n_connections, server) = serve("known_metric 1\n").await;
    let root = tempfile::tempdir().unwrap();
    let mut scan = scanned(endpoint(port, &[Key::Plain]), root.path()).await;
    let after_first = n_connections.load(Ordering::Relaxed);
    server.abort();
    let _ = server.await;
    scan.refresh().await;
    assert_eq!(scan.groups(&base()).len(), 1);
    assert_eq!(n_connections.load(Ordering::Relaxed), after_first);
}

#[tokio::test]
async fn a_better_door_that_stays_shut_is_reported() {
    const LOCKED: &[Key] = &[Key::Certificate {
        trust: Trust::Anyone,
        cert: "etc/pki/client.crt",
    }];
    let (port, _, _server) = serve("known_metric 1\n").await;
    let (other, _, _other_server) = serve("known_metric 1\n").await;
    let mut both = endpoint(port, LOCKED);
    both.doors.extend(endpoint(other, &[Key::Plain]).doors);
    let root = tempfile::tempdir().unwrap();
    let scan = scanned(both, root.path()).await;
    assert_eq!(
        scan.groups(&base())[0].targets,
        [format!("127.0.0.1:{other}")]
    );
    let problem = scan.problems().next().expect("nothing is said").reason;
    assert!(
        problem.starts_with(&format!("127.0.0.1:{port}: /")) && problem.contains("client.crt"),
        "{problem}"
    );
}

#[tokio::test]
async fn who_refuses_us_is_not_asked_again_at_once() {
    let (port, n_connections, _server) = serve("something_else 1\n").await;
    let root = tempfile::tempdir().unwrap();
    let mut scan = scanned(endpoint(port, &[Key::Plain]), root.path()).await;
    scan.refresh().await;
    assert_eq!(n_connections.load(Ordering::Relaxed), 1);
    assert_eq!(patience(0), FIRST_PATIENCE);
    assert_eq!(patience(1), 2 * FIRST_PATIENCE);
    assert_eq!(patience(u32::MAX), KEEP);
}

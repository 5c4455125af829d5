//! Mutual TLS, and files that change under a running forwarder.

use std::path::Path;
use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::super::{Protocol, ReceiverOptions};
use super::fixture::{Fixture, options, points, scrape};
use super::receiver::Receiver;
use crate::tls::{ClientTlsOptions, ServerTls, ServerTlsOptions};

/// Writes `ca.crt`, and certificates for `receiver.test` and for the client, over what is there.
fn write_certificates(dir: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    write(dir, "ca.crt", &ca);
    for name in ["receiver.test", "client.test"] {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        write(dir, &format!("{name}.crt"), &certificate.pem());
        write(dir, &format!("{name}.key"), &key.serialize_pem());
    }
}

fn write(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join("staged"), text).unwrap();
    std::fs::rename(dir.join("staged"), dir.join(name)).unwrap();
}

/// Serves on `listener` with mutual TLS; each connection uses the server's files as they are.
async fn serve(listener: TcpListener, receiver: Receiver, dir: std::path::PathBuf) {
    let server = ServerTls::new(&ServerTlsOptions {
        cert_file: dir.join("receiver.test.crt"),
        key_file: dir.join("receiver.test.key"),
        client_ca_file: Some(dir.join("ca.crt")),
    })
    .unwrap();
    let acceptor = TlsAcceptor::from(server.current());
    loop {
        let (connection, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(receiver.router());
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Ok(stream) = acceptor.accept(connection).await {
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        });
    }
}

/// Options for a receiver on loopback whose certificate is for `receiver.test`.
fn tls_options(port: u16, protocol: Protocol, dir: &Path) -> ReceiverOptions {
    let mut options = options("", protocol);
    options.endpoint = format!("https://127.0.0.1:{port}");
    options.tls = ClientTlsOptions {
        ca_file: Some(dir.join("ca.crt")),
        cert_file: Some(dir.join("client.test.crt")),
        key_file: Some(dir.join("client.test.key")),
        server_name: Some("receiver.test".to_owned()),
        insecure_skip_verify: false,
    };
    options
}

async fn check_survives_a_change_of_all_certificates(protocol: Protocol) {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write_certificates(ours.path());
    write_certificates(theirs.path());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let receiver = Receiver::new([]);
    tokio::spawn(serve(listener, receiver.clone(), theirs.path().to_owned()));

    let fixture = Fixture::new();
    fixture.append([scrape(1, &[1.0])]).await;
    let running = fixture.forward(tls_options(port, protocol, ours.path()));
    let refused = async {
        while fixture.counted("leadsman_otlp_retries_total", &["connect"]) < 2 {
            tokio::task::yield_now().await;
        }
    };
    let refused = tokio::time::timeout(std::time::Duration::from_secs(20), refused).await;
    refused.expect("an unknown certificate is refused");
    for name in ["ca.crt", "client.test.crt", "client.test.key"] {
        write(
            ours.path(),
            name,
            &std::fs::read_to_string(theirs.path().join(name)).unwrap(),
        );
    }
    receiver.wait_for(1).await;
    running.stop().await;
    assert_eq!(points(&receiver.received()), [(1, 1.0)]);
    assert_eq!(fixture.counted("leadsman_otlp_dropped_items_total", &[]), 0);
}

#[tokio::test]
async fn certificates_may_change_under_a_grpc_forwarder() {
    check_survives_a_change_of_all_certificates(Protocol::Grpc).await;
}

#[tokio::test]
async fn certificates_may_change_under_an_http_forwarder() {
    check_survives_a_change_of_all_certificates(Protocol::HttpProtobuf).await;
}

#[tokio::test]
async fn files_that_cannot_be_used_are_an_error_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let options = tls_options(1, Protocol::Grpc, dir.path());
    let registry = prometheus::Registry::new();
    let metrics = Arc::new(super::super::OtlpMetrics::new(&registry).unwrap());
    let error = super::super::Forwarder::new(options, metrics).unwrap_err();
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("ca.crt"), "{cause}");
}

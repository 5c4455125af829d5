//! Servers that behave as badly as a test asks for: bytes in, bytes out.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedIssuer, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

/// A server of HTTP/1.1 that gives every request the same answer and closes.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

/// From a path and query to an answer.
type Route = Arc<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

fn constant(answer: impl Into<Vec<u8>>) -> Route {
    let answer = answer.into();
    Arc::new(move |_| answer.clone())
}

/// What a server does after the answer's bytes.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    Close,
    Hang,
}

impl Server {
    pub(crate) async fn start(answer: impl Into<Vec<u8>>, then: Then) -> Self {
        Self::accepting(constant(answer), then, None).await
    }

    pub(crate) async fn start_tls(answer: impl Into<Vec<u8>>, tls: TlsAcceptor) -> Self {
        Self::accepting(constant(answer), Then::Close, Some(tls)).await
    }

    /// A server whose answer depends on the request's path and query.
    pub(crate) async fn routed(route: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::accepting(Arc::new(route), Then::Close, None).await
    }

    async fn accepting(route: Route, then: Then, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (route, log, tls) = (Arc::clone(&route), Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &*route, then, &log).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &*route, then, &log).await;
                            }
                        }
                    }
                });
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    /// Closes the listening socket.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// The heads of the requests so far, in lower case.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection on a unix socket.
pub(crate) fn serve_unix(path: &Path, answer: &'static [u8]) {
    let listener = UnixListener::bind(path).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(
            stream,
            &|_: &str| answer.to_vec(),
            Then::Close,
            &Mutex::default(),
        )
        .await;
    });
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    route: &(dyn Fn(&str) -> Vec<u8> + Send + Sync),
    then: Then,
    seen: &Mutex<Vec<String>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let answer = route(head.split(' ').nth(1).unwrap_or(""));
    seen.lock().unwrap().push(head);
    let _ = stream.write_all(&answer).await;
    let _ = stream.flush().await;
    match then {
        Then::Close => drop(stream.shutdown().await),
        Then::Hang => std::future::pending().await,
    }
}

/// An answer with a length.
pub(crate) fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A certificate authority with one server and one client certificate, in a temporary folder.
pub(crate) struct Pki {
    pub(crate) folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let pki = Self {
            folder: tempfile::tempdir().unwrap(),
            issuer,
        };
        std::fs::write(pki.path("ca.crt"), pki.issuer.pem()).unwrap();
        pki
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Writes `NAME.crt` and `NAME.key`.
    pub(crate) fn issue(&self, name: &str, host: &str) {
        let key = KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{name}.crt")), cert.pem()).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }

    /// A server for `host` that asks for a client certificate of this authority.
    pub(crate) fn acceptor(&self, host: &str, alpn: &[&[u8]]) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = exporter::tls::crypto_provider();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
                .build()
                .unwrap();
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(
                vec![cert.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        TlsAcceptor::from(Arc::new(config))
    }
}

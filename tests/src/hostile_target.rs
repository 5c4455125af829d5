//! A target that answers as no target should, in clear text or over TLS.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Nothing, and it keeps the connection.
    Never,
    /// A head, then a byte a second.
    Drip,
    /// A head, then comment lines without end.
    Endless,
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
    /// These bytes after a while, and the end of the connection.
    Late(Duration, Vec<u8>),
    /// These bytes, and at the next request on the same connection just its end.
    Once(Vec<u8>),
    /// The request, where a server could put it: the status, a redirect and the body.
    Echo(u16),
}

/// A running target; it ends when dropped.
pub struct HostileTarget {
    /// Where it listens.
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    _stop: DropGuard,
}

/// The files of a server's certificate and key, read at each connection.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Certificate chain.
    pub cert_file: PathBuf,
    /// Key.
    pub key_file: PathBuf,
}

/// An answer of status 200 with these header lines (each with its `\r\n`) and this body.
pub fn page(headers: &str, body: impl AsRef<[u8]>) -> Answer {
    let body = body.as_ref();
    let head = format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
        body.len()
    );
    Answer::Bytes([head.as_bytes(), body].concat())
}

/// A metrics page in text.
pub fn text(body: impl AsRef<[u8]>) -> Answer {
    page("Content-Type: text/plain; version=0.0.4\r\n", body)
}

/// 64 MiB of comment lines in less than 1 MiB.
pub fn bomb(compress: impl FnOnce(&[u8]) -> std::io::Result<Vec<u8>>) -> Result<Vec<u8>> {
    let plain = b"# boom\n".repeat((4 << 20) / 7);
    Ok(compress(&plain)?.repeat(16))
}

/// One gzip member.
pub fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// One zstd frame.
pub fn zstd(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    zstd::encode_all(plain, 3)
}

impl HostileTarget {
    /// Starts it in clear text.
    pub async fn start(answer: Answer) -> Result<Self> {
        Self::listen(answer, None).await
    }

    /// Starts it over TLS, with the certificate that is in the files at the time.
    pub async fn tls(answer: Answer, identity: Identity) -> Result<Self> {
        Self::listen(answer, Some(identity)).await
    }

    /// The heads of the requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    async fn listen(answer: Answer, identity: Option<Identity>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (stop, heads) = (CancellationToken::new(), Arc::default());
        let seen = Arc::clone(&heads);
        let accepting = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, identity) = (answer.clone(), identity.clone());
                tokio::spawn(serve(stream, answer, identity, Arc::clone(&seen)));
            }
        };
        tokio::spawn(stop.clone().run_until_cancelled_owned(accepting));
        Ok(Self {
            address,
            heads,
            _stop: stop.drop_guard(),
        })
    }
}

/// Errors end the connection, which is what they mean.
async fn serve(
    stream: TcpStream,
    answer: Answer,
    identity: Option<Identity>,
    heads: Arc<Mutex<Vec<String>>>,
) -> Result<()> {
    match identity {
        None => respond(stream, answer, &heads).await,
        Some(identity) => {
            let acceptor = TlsAcceptor::from(Arc::new(identity.server_config()?));
            respond(acceptor.accept(stream).await?, answer, &heads).await
        }
    }
}

impl Identity {
    pub(crate) fn server_config(&self) -> Result<ServerConfig> {
        let chain = CertificateDer::pem_file_iter(&self.cert_file)?.collect::<Result<_, _>>()?;
        let key = PrivateKeyDer::from_pem_file(&self.key_file)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        Ok(ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?)
    }
}

async fn respond(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answer: Answer,
    heads: &Mutex<Vec<String>>,
) -> Result<()> {
    let head = read_head(&mut stream).await?;
    heads
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(head.clone());
    const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    match answer {
        Answer::Never => std::future::pending().await,
        Answer::Drip => {
            stream.write_all(HEAD).await?;
            loop {
                stream.write_all(b"#").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        Answer::Endless => {
            stream.write_all(HEAD).await?;
            let lines = b"# and on\n".repeat(8 << 10);
            loop {
                stream.write_all(&lines).await?;
            }
        }
        Answer::Bytes(bytes) => stream.write_all(&bytes).await?,
        Answer::Late(pause, bytes) => {
            tokio::time::sleep(pause).await;
            stream.write_all(&bytes).await?;
        }
        Answer::Once(bytes) => {
            stream.write_all(&bytes).await?;
            read_head(&mut stream).await?;
        }
        Answer::Echo(status) => stream.write_all(&echo(status, &head)).await?,
    }
    Ok(stream.shutdown().await?)
}

fn echo(status: u16, head: &str) -> Vec<u8> {
    let authorization = head
        .lines()
        .find(|line| line.to_ascii_lowercase().starts_with("authorization:"))
        .and_then(|line| Some(line.split_once(':')?.1.trim()))
        .unwrap_or("nothing");
    let path = authorization.replace(' ', "/");
    format!(
        "HTTP/1.1 {status} {authorization}\r\nConnection: close\r\nLocation: ftp://elsewhere/{path}\r\n\
         Content-Type: {authorization}\r\nContent-Length: {}\r\n\r\n{authorization}",
        authorization.len()
    )
    .into_bytes()
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.context("no whole request")?);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

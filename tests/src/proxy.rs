//! A TCP proxy that can go away, hang, or answer rubbish, and come back: an unreliable network
//! before a target or a receiver.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::wait::{PATIENCE, until};

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They go through.
    Pass,
    /// Nobody listens.
    Away,
    /// They are closed at once.
    Close,
    /// They are taken, and nothing comes back.
    Hang,
    /// They are answered with what is no answer.
    Rubbish,
}

/// A running proxy; it ends when dropped.
pub struct Proxy {
    /// Where it listens, unless it is away.
    pub address: SocketAddr,
    upstream: SocketAddr,
    running: Option<DropGuard>,
}

impl Proxy {
    /// Starts it on a free port.
    pub async fn start(upstream: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok(Self {
            address,
            upstream,
            running: Some(serve(listener, upstream, Mode::Pass)),
        })
    }

    /// Ends every connection; from now on new ones fare like this.
    pub async fn set(&mut self, mode: Mode) -> Result<()> {
        self.running = None;
        if mode == Mode::Away {
            return Ok(());
        }
        let listener = until("the proxy's port to be free", PATIENCE, || {
            TcpListener::bind(self.address)
        })
        .await?;
        self.running = Some(serve(listener, self.upstream, mode));
        Ok(())
    }
}

fn serve(listener: TcpListener, upstream: SocketAddr, mode: Mode) -> DropGuard {
    let stop = CancellationToken::new();
    let ended = stop.clone();
    let accepting = async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = connect(stream, upstream, mode);
            tokio::spawn(ended.clone().run_until_cancelled_owned(connection));
        }
    };
    tokio::spawn(stop.clone().run_until_cancelled_owned(accepting));
    stop.drop_guard()
}

/// Errors end the connection, which is what they mean.
async fn connect(mut stream: TcpStream, upstream: SocketAddr, mode: Mode) -> std::io::Result<()> {
    match mode {
        Mode::Pass => {
            let mut upstream = TcpStream::connect(upstream).await?;
            copy_bidirectional(&mut stream, &mut upstream).await?;
        }
        Mode::Away | Mode::Close => {}
        Mode::Hang => std::future::pending().await,
        Mode::Rubbish => stream.write_all(b"\0rubbish\r\n\r\n").await?,
    }
    Ok(())
}

//! An OTLP receiver of metrics, HTTP and gRPC on one port, that answers each request as it is
//! told, and keeps what each request held and whether it took it.

mod line;
mod wire;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Code;

use self::line::{Cut, Lines};
use self::wire::{Message, Wire};
use crate::hostile_target::Identity;

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It is taken.
    Take,
    /// It is taken but for so many points, says the answer.
    TakeBut(i64),
    /// It is taken; the answer comes after this time.
    TakeSlowly(Duration),
    /// It is taken; the answer begins, and the connection ends.
    TakeAndBreakOff,
    /// It is taken; the answer never ends.
    TakeAndGoOn,
    /// It is taken; there is no answer.
    TakeInSilence,
    /// The connection ends when the head of the request is there.
    Close,
    /// It is too long: 413, or RESOURCE_EXHAUSTED that says so.
    TooLong,
    /// An HTTP status, with `Retry-After` where there is one.
    Http(u16, Option<&'static str>),
    /// A gRPC status, with `RetryInfo` where there is a wait.
    Grpc(Code, Option<Duration>),
}

/// What it never takes.
#[derive(Clone, Copy, Debug)]
pub enum Refuses {
    /// Nothing.
    Nothing,
    /// Messages that are longer than so many bytes.
    LongerThan(usize),
    /// zstd, with this HTTP status or UNIMPLEMENTED, and a text that says nothing.
    Zstd(u16),
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it was there as a whole.
    pub at: Instant,
    /// Points of `scrapes_total`: (time in ms, value).
    pub points: Vec<(u64, f64)>,
    /// All points in it.
    pub n_points: usize,
    /// Whether it was taken.
    pub is_taken: bool,
    /// Whether it was answered, as far as the sender can know.
    pub is_answered: bool,
    /// What it was compressed with.
    pub encoding: String,
}

/// A running receiver; it ends when dropped.
pub struct ToldReceiver {
    /// Where it listens.
    pub address: SocketAddr,
    desk: Desk,
    _stop: DropGuard,
}

/// What all requests share.
#[derive(Clone)]
struct Desk {
    refuses: Refuses,
    script: Arc<Mutex<VecDeque<Reply>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl ToldReceiver {
    /// Starts it in clear text. The script is for the first requests; all others are taken.
    pub async fn start(refuses: Refuses, script: Vec<Reply>) -> Result<Self> {
        Self::listen(refuses, script, None).await
    }

    /// Starts it over TLS, with the certificate that is in the files at the time; takes all.
    pub async fn tls(identity: Identity) -> Result<Self> {
        Self::listen(Refuses::Nothing, Vec::new(), Some(identity)).await
    }

    async fn listen(
        refuses: Refuses,
        script: Vec<Reply>,
        identity: Option<Identity>,
    ) -> Result<Self> {
        let desk = Desk {
            refuses,
            script: Arc::new(Mutex::new(script.into())),
            seen: Arc::default(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().fallback(serve).with_state(desk.clone());
        let service = router.into_make_service_with_connect_info::<Cut>();
        let stop = CancellationToken::new();
        let serving = axum::serve(Lines::new(listener, identity), service).into_future();
        tokio::spawn(stop.clone().run_until_cancelled_owned(serving));
        Ok(Self {
            address,
            desk,
            _stop: stop.drop_guard(),
        })
    }

    /// The requests that came so far.
    pub fn seen(&self) -> Vec<Seen> {
        locked(&self.desk.seen).clone()
    }

    /// How much of the script has not been used.
    pub fn n_replies_left(&self) -> usize {
        locked(&self.desk.script).len()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error ends the connection: the sender has broken the protocol, and the test will miss it.
async fn serve(
    State(desk): State<Desk>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: Request,
) -> Response {
    match desk.answer(&cut, request).await {
        Ok(response) => response,
        Err(error) => {
            eprintln!("a request that cannot be read: {error:#}");
            cut.now()
        }
    }
}

impl Desk {
    async fn answer(&self, cut: &Cut, request: Request) -> Result<Response> {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            // Somebody scrapes a target that had this port before.
            return Ok(StatusCode::METHOD_NOT_ALLOWED.into_response());
        }
        let wire = Wire::of(&head);
        let authorization = head.headers.get("authorization");
        let authorization = authorization.map_or("nothing", |value| value.to_str().unwrap_or(""));
        let text = format!("as told\x1b[31m, you sent {authorization}");
        if matches!(locked(&self.script).front(), Some(Reply::Close)) {
            locked(&self.script).pop_front();
            return Ok(cut.now());
        }
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        let message = wire.read(&body).context("not an OTLP request")?;
        let reply = self.reply(&wire, &message);
        self.keep(&wire, &message, &reply);
        Ok(match reply {
            Reply::Take => wire.success(0),
            Reply::TakeBut(n_rejected) => wire.success(n_rejected),
            Reply::TakeSlowly(wait) => {
                tokio::time::sleep(wait).await;
                wire.success(0)
            }
            Reply::TakeInSilence => std::future::pending().await,
            Reply::TakeAndGoOn => wire.endless(),
            Reply::TakeAndBreakOff => {
                let cut = cut.clone();
                tokio::spawn(async move {
                    // Time for the head to leave; if it does not, the answer breaks off before it.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    cut.now()
                });
                wire.endless_silence()
            }
            Reply::Close => cut.now(),
            Reply::TooLong => wire.too_long(),
            Reply::Http(status, retry_after) => {
                let status = StatusCode::from_u16(status)?;
                let body = Body::from(text);
                match retry_after {
                    Some(wait) => (status, [("retry-after", wait)], body).into_response(),
                    None => (status, body).into_response(),
                }
            }
            Reply::Grpc(code, wait) => wire::grpc_status(code, &text, wait),
        })
    }

    /// What the script says, unless the message is one that is never taken.
    fn reply(&self, wire: &Wire, message: &Message) -> Reply {
        match self.refuses {
            Refuses::LongerThan(most) if message.n_bytes > most => Reply::TooLong,
            Refuses::Zstd(status) if wire.encoding() == "zstd" => match wire.is_grpc() {
                true => Reply::Grpc(Code::Unimplemented, None),
                false => Reply::Http(status, None),
            },
            _ => locked(&self.script).pop_front().unwrap_or(Reply::Take),
        }
    }

    fn keep(&self, wire: &Wire, message: &Message, reply: &Reply) {
        let is_taken = !matches!(
            reply,
            Reply::Http(..) | Reply::Grpc(..) | Reply::TooLong | Reply::Close
        );
        let is_lost = match reply {
            Reply::TakeAndBreakOff | Reply::TakeInSilence => true,
            Reply::TakeAndGoOn => wire.is_grpc(),
            _ => false,
        };
        locked(&self.seen).push(Seen {
            at: Instant::now(),
            points: message.points.clone(),
            n_points: message.n_points,
            is_taken,
            is_answered: !is_lost,
            encoding: wire.encoding().to_owned(),
        });
    }
}

//! Which ports are listened on, without a connection: a server that wants TLS writes a line into
//! its log for every connection that is only looked at.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

use super::endpoints::Place;

/// The state LISTEN in `/proc/net/tcp` (`TCP_LISTEN` of the kernel's `tcp_states.h`).
const LISTEN: &str = "0A";
/// Addresses that are reached by connecting to 127.0.0.1, as `/proc/net/tcp` and `tcp6` write
/// them: 127.0.0.1, 0.0.0.0, `::` and `::ffff:127.0.0.1`, in words of the machine's byte order.
const REACHED_BY_LOOPBACK: [&str; 4] = [
    "0100007F",
    "00000000",
    "00000000000000000000000000000000",
    "0000000000000000FFFF00000100007F",
];

/// What is on this machine answers at once.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Who listens at a moment.
#[derive(Clone, Debug)]
pub(super) struct Listeners {
    /// Ports that are reached by the loopback address; `None` if the kernel does not tell.
    ports: Option<HashSet<u16>>,
}

/// Why a place is not heard of.
#[derive(Debug)]
pub(super) enum Silence {
    /// Nobody is there, as far as can be told.
    Nobody(String),
    /// Only others may look.
    Forbidden(String),
}

/// What we may not do, and as whom.
pub(super) fn forbidden(what: &str) -> String {
    let user = rustix::process::geteuid().as_raw();
    format!("user {user} may not {what}: run leadsman as a user who may, or give it a group")
}

impl Listeners {
    /// Asks the kernel.
    pub(super) fn now() -> Self {
        Self {
            ports: listening_ports(),
        }
    }

    /// Whether someone listens there, or else why that is not known.
    pub(super) async fn check(&self, place: Place, root: &Path) -> Result<(), Silence> {
        let connected = match (place, &self.ports) {
            (Place::Port(port), Some(ports)) if ports.contains(&port) => Ok(()),
            (Place::Port(_), Some(_)) => Err(io::ErrorKind::ConnectionRefused.into()),
            (Place::Port(port), None) => within(TcpStream::connect(("127.0.0.1", port)))
                .await
                .map(drop),
            // A socket's file outlives its program; programs do not note who looks at it.
            (Place::Socket(path), _) => {
                within(UnixStream::connect(root.join(path))).await.map(drop)
            }
        };
        connected.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                Silence::Nobody("nothing listens there".to_owned())
            }
            io::ErrorKind::PermissionDenied => Silence::Forbidden(forbidden("connect to it")),
            _ => Silence::Nobody(error.to_string()),
        })
    }
}

async fn within<T>(connect: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(CONNECT_TIMEOUT, connect).await?
}

fn listening_ports() -> Option<HashSet<u16>> {
    let v4 = std::fs::read_to_string("/proc/self/net/tcp").ok()?;
    // Absent where IPv6 is switched off.
    let v6 = std::fs::read_to_string("/proc/self/net/tcp6").unwrap_or_default();
    Some(
        v4.lines()
            .chain(v6.lines())
            .filter_map(listening_port)
            .collect(),
    )
}

/// Such as `0: 0100007F:094B 00000000:0000 0A …`: index, local address, remote address, state.
fn listening_port(line: &str) -> Option<u16> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (address, port) = fields.next()?.split_once(':')?;
    let is_listening = fields.nth(1)? == LISTEN && REACHED_BY_LOOPBACK.contains(&address);
    u16::from_str_radix(port, 16).ok().filter(|_| is_listening)
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    #[test]
    fn listeners_that_loopback_reaches_are_found() {
        let port = |address: &str, state: &str| {
            listening_port(&format!(
                "   3: {address} 00000000:0000 {state} 00000000:00000000 00:0"
            ))
        };
        assert_eq!(port("0100007F:094B", "0A"), Some(2379));
        assert_eq!(port("00000000:094B", "0A"), Some(2379));
        assert_eq!(
            port("00000000000000000000000000000000:094B", "0A"),
            Some(2379)
        );
        assert_eq!(
            port("0100007F:094B", "01"),
            None,
            "a connection, not a listener"
        );
        assert_eq!(port("0200000A:094B", "0A"), None, "another address");
        assert_eq!(
            listening_port("  sl  local_address rem_address   st tx_queue"),
            None
        );
    }

    #[test]
    fn our_own_listener_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(listening_ports().unwrap().contains(&port));
    }
}

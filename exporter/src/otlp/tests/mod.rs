//! Forwarders against real receivers, in this process: tonic and axum on one port.

mod delivery;
mod fixture;
mod receiver;
mod retries;
mod shutdown;
mod tls;

//! One target, as its soundings see it.

use std::sync::Arc;

use super::context::Context;
use super::gate::TargetGate;
use super::status::StatusCell;
use crate::discovery::{Address, DiscoveredTarget};
use crate::fetch::{Client, Endpoint, FetchError, Request, Response};

/// One target with what its soundings share.
pub(super) struct Site {
    pub(super) context: Arc<Context>,
    pub(super) target: DiscoveredTarget,
    pub(super) status: StatusCell,
    pub(super) gate: Arc<TargetGate>,
}

impl Site {
    pub(super) fn job(&self) -> &str {
        self.target.target.job()
    }

    pub(super) fn instance(&self) -> &str {
        self.target.target.instance()
    }

    pub(super) fn endpoint(&self) -> Result<Endpoint, FetchError> {
        match &self.target.address {
            Address::Unix(path) => Ok(Endpoint::Unix(path.clone())),
            Address::Tcp(address) => Endpoint::new(self.target.scheme.as_str(), address),
        }
    }
}

/// Fetches from one site. The client is made at the first fetch, and while it cannot be made (a
/// certificate is not there yet) each fetch tries again.
#[derive(Default)]
pub(super) struct Fetcher {
    client: Option<Arc<Client>>,
}

impl Fetcher {
    pub(super) async fn get(
        &mut self,
        site: &Site,
        request: &Request,
    ) -> Result<Response, FetchError> {
        let client = match &self.client {
            Some(client) => client,
            None => {
                let client = site.context.clients.get(&site.target.job.http)?;
                self.client.insert(client)
            }
        };
        client.get(request).await
    }
}

/// Runs work that may take milliseconds without holding up the other soundings of this thread.
pub(super) fn heavy<T>(n_bytes: usize, work: impl FnOnce() -> T) -> T {
    /// Text of this size takes about a millisecond to parse.
    const HEAVY_BYTES: usize = 512 * 1024;
    use tokio::runtime::{Handle, RuntimeFlavor};
    let can_move = Handle::try_current()
        .is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread);
    if n_bytes >= HEAVY_BYTES && can_move {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

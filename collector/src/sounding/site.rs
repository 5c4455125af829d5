//! One target, as its soundings see it.

use std::sync::Arc;

use tokio::sync::Notify;

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
    /// Asks for all profiles of the target at once.
    pub(super) call: Arc<Notify>,
}

impl Site {
    pub(super) fn job(&self) -> &str {
        self.target.target.job()
    }

    pub(super) fn instance(&self) -> &str {
        self.target.target.instance()
    }

    /// An error with its causes on one line, without the secrets that the target was sent.
    pub(super) fn report(&self, error: &(dyn std::error::Error + 'static)) -> String {
        self.target.job.http.report(error)
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

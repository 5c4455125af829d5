//! What all soundings share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use baseline::profiles::ProfileProgram;
use baseline::signals::Program;
use proto::target::TargetId;
use storage::log::Appender;
use tokio::sync::Notify;

use super::clock::Clock;
use super::gate::Gate;
use super::metrics::SoundingMetrics;
use crate::fetch::{Client, ClientOptions, FetchError};

/// What all soundings share.
pub(super) struct Context {
    pub(super) appender: Appender,
    pub(super) metrics: SoundingMetrics,
    pub(super) gate: Gate,
    pub(super) clock: Clock,
    pub(super) clients: Clients,
    pub(super) calls: Calls,
    /// The signals that are computed of each scrape.
    pub(super) program: Arc<Program>,
    /// Those that are computed of each profile.
    pub(super) profile_program: Arc<ProfileProgram>,
}

/// HTTP clients, one for each set of options that is in use: the targets of a job share its
/// certificates and its pool.
#[derive(Debug, Default)]
pub(super) struct Clients {
    known: Mutex<Vec<(ClientOptions, Weak<Client>)>>,
}

impl Clients {
    pub(super) fn get(&self, options: &ClientOptions) -> Result<Arc<Client>, FetchError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, client)| client.strong_count() > 0);
        let found = known.iter().find(|(candidate, _)| candidate == options);
        if let Some(client) = found.and_then(|(_, client)| client.upgrade()) {
            return Ok(client);
        }
        let client = Arc::new(Client::new(options)?);
        known.push((options.clone(), Arc::downgrade(&client)));
        Ok(client)
    }
}

/// How the profiles of each target are called for.
#[derive(Debug, Default)]
pub(super) struct Calls(Mutex<HashMap<TargetId, Arc<Notify>>>);

impl Calls {
    pub(super) fn of(&self, target: TargetId) -> Arc<Notify> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(calls.entry(target).or_default())
    }

    pub(super) fn forget(&self, target: TargetId) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.remove(&target);
    }

    /// Calls for all profiles of a target. `false` if it is not sounded.
    pub(super) fn call(&self, target: TargetId) -> bool {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls
            .get(&target)
            .inspect(|call| call.notify_waiters())
            .is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::Redirects;

    #[test]
    fn equal_options_share_a_client_while_it_is_in_use() {
        let clients = Clients::default();
        let options = ClientOptions::default();
        let other = ClientOptions {
            follow_redirects: Redirects::Refuse,
            ..options.clone()
        };
        let first = clients.get(&options).unwrap();
        assert!(Arc::ptr_eq(&first, &clients.get(&options).unwrap()));
        assert!(!Arc::ptr_eq(&first, &clients.get(&other).unwrap()));
        drop(first);
        clients.get(&other).unwrap();
        assert_eq!(clients.known.lock().unwrap().len(), 1);
    }
}

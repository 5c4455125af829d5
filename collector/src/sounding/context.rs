//! What all soundings share.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use storage::log::Appender;

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

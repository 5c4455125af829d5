//! A message for a receiver, and shorter ones with the same items.

use bytes::Bytes;
use proto::otlp::{Fragment, logs, metrics, profiles, traces};

use super::signal::Signal;

/// A message ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) signal: Signal,
    /// The encoded `Export*ServiceRequest`.
    pub(super) body: Bytes,
    /// Data points, profiles, spans or log records in it.
    pub(super) n_items: usize,
    /// What profiles it was made of: their dictionary has to be made anew when they are divided.
    parts: Vec<profiles::Part>,
}

impl Request {
    /// The same items in their order, in messages of at most `limit` bytes unless a single item
    /// is longer. `None` if it cannot be divided.
    pub(super) fn divide(&self, limit: usize) -> Option<Vec<Self>> {
        let requests = match self.signal {
            Signal::Metrics => {
                let fragments = metrics::to_fragments(&self.body, limit).ok()?;
                join(self.signal, fragments, limit)
            }
            Signal::Traces => {
                let fragments = traces::to_fragments(&self.body, limit).ok()?;
                join(self.signal, fragments, limit)
            }
            Signal::Logs => join(self.signal, logs::to_fragments(&self.body).ok()?, limit),
            Signal::Profiles => of_profiles(&self.parts, limit),
        };
        (requests.len() > 1).then_some(requests)
    }
}

/// Puts fragments one behind the other, as many as fit into a message.
pub(super) fn join(signal: Signal, fragments: Vec<Fragment>, limit: usize) -> Vec<Request> {
    let mut n_left: usize = fragments.iter().map(|fragment| fragment.bytes.len()).sum();
    let mut joined: Vec<Fragment> = Vec::new();
    for mut fragment in fragments {
        let length = fragment.bytes.len();
        match joined.last_mut() {
            Some(last) if last.bytes.len() + length <= limit => {
                last.bytes.extend_from_slice(&fragment.bytes);
                last.n_items += fragment.n_items;
            }
            _ => {
                fragment
                    .bytes
                    .reserve_exact(limit.min(n_left).saturating_sub(length));
                joined.push(fragment);
            }
        }
        n_left -= length;
    }
    let requests = joined.into_iter().map(|fragment| Request {
        signal,
        body: fragment.bytes.into(),
        n_items: fragment.n_items,
        parts: Vec::new(),
    });
    requests.collect()
}

/// Profiles in requests of at most `limit` bytes.
pub(super) fn of_profiles(parts: &[profiles::Part], limit: usize) -> Vec<Request> {
    let requests = profiles::to_requests(parts, limit).into_iter();
    let requests = requests.map(|request| Request {
        signal: Signal::Profiles,
        body: request.fragment.bytes.into(),
        n_items: request.fragment.n_items,
        parts: request.parts,
    });
    requests.collect()
}

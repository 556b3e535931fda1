//! `Data`: what the cluster stores, and what it remembers of its clients.

use crate::types::{Pairs, Set};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How many clients are remembered: those that have changed something last. A change that is
/// repeated after so many others have come is done again.
pub(crate) const CLIENTS: usize = 1000;

/// The pairs, and the clients. Every node has the same, as far as it has applied the log.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Data {
    pub(crate) pairs: Pairs,
    pub(crate) clients: Clients,
}

/// The last change of each client.
pub(crate) type Clients = BTreeMap<u64, Last>;

/// A client's number of a change, and the place of that in the log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Last {
    number: u64,
    index: u64,
}

impl Data {
    /// Does a change, which is at this place in the log, unless it was done before.
    pub(crate) fn set(&mut self, set: Set, index: u64) {
        let (client, number) = (set.client, set.number);
        if self.clients.get(&client).is_some_and(|last| last.number >= number) {
            return;
        }
        self.clients.insert(client, Last { number, index });
        if self.clients.len() > CLIENTS {
            let oldest = self.clients.iter().min_by_key(|(_, last)| last.index);
            let oldest = *oldest.expect("there are many").0;
            self.clients.remove(&oldest);
        }
        self.pairs.insert(set.key, set.value);
    }
}

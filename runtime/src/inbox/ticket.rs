//! `Ticket`: held by offloaded work; tells the core when it is dropped.

use super::injector::{Injector, Message};
use crate::key::Key;
use std::sync::Arc;

/// The right to finish an entry of a core's in-flight table, from any thread. The entry is finished
/// when the ticket is dropped, however that happens.
#[derive(Debug)]
pub(crate) struct Ticket {
    core: Arc<Injector>,
    key: Key,
}

impl Ticket {
    pub(crate) fn new(core: Arc<Injector>, key: Key) -> Self {
        Self { core, key }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.core.push(Message::Finish(self.key));
    }
}

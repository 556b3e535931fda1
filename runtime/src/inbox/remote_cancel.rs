//! `RemoteCancel`: what another thread wants to be done about a scope of this core.

use super::injector::{Injector, Message};
use crate::sys::shared::AtomicBool;
use crate::tree::NodeId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The wish that a scope be cancelled; stands in the core's queue once at most.
#[derive(Debug)]
pub(crate) struct RemoteCancel {
    scope: NodeId,
    core: Arc<Injector>,
    sent: AtomicBool,
}

impl RemoteCancel {
    pub(crate) fn new(scope: NodeId, core: Arc<Injector>) -> Arc<Self> {
        Arc::new(Self { scope, core, sent: AtomicBool::new(false) })
    }

    /// The scope that it is about, a number that means something on its own core only.
    pub(crate) fn scope(&self) -> NodeId {
        self.scope
    }

    /// The core of that scope.
    pub(crate) fn core(&self) -> &Arc<Injector> {
        &self.core
    }

    /// Sends the request to the core, once; when the core is gone, it is dropped.
    pub(crate) fn send(self: &Arc<Self>) {
        if !self.sent.swap(true, Ordering::SeqCst) {
            self.core.push(Message::Cancel(Arc::clone(self)));
        }
    }
}

//! `RemoteWake`: what another thread wants to be done about a task of this core.

use super::injector::{Injector, Message};
use crate::sys::shared::AtomicBool;
use crate::tree::NodeId;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The wish that a task be woken, that any code on any thread may keep.
#[derive(Debug)]
pub(crate) struct RemoteWake {
    task: NodeId,
    core: Arc<Injector>,
    /// The wish stands in the core's queue, so that another wake adds nothing: the queue never
    /// holds more entries than there are wakers.
    pending: AtomicBool,
}

impl RemoteWake {
    pub(crate) fn new(task: NodeId, core: Arc<Injector>) -> Arc<Self> {
        Arc::new(Self { task, core, pending: AtomicBool::new(false) })
    }

    /// The task that it is about, a number that means something on its own core only.
    pub(crate) fn task(&self) -> NodeId {
        self.task
    }

    /// The core of that task.
    pub(crate) fn core(&self) -> &Arc<Injector> {
        &self.core
    }

    /// Sends the wish to the core, unless it stands there already.
    pub(crate) fn send(self: &Arc<Self>) {
        if !self.pending.swap(true, Ordering::SeqCst) {
            self.core.push(Message::Wake(Arc::clone(self)));
        }
    }

    /// The core has taken the wish out of its queue, and wakes the task that comes back.
    pub(crate) fn taken(&self) -> NodeId {
        // Before the task is polled: what is woken after this is a new wake. Not a mere store:
        // a thread that found it pending relies on this poll to see what it did before the wake.
        self.pending.swap(false, Ordering::SeqCst);
        self.task
    }
}

//! The queue by which other threads wake this core's tasks.

use super::remote_cancel::RemoteCancel;
use super::remote_wake::RemoteWake;
use super::team;
use super::unparker::Unparker;
use crate::context;
use crate::key::Key;
use crate::sys::shared::{AtomicBool, Queue, fence};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What another thread asks of this core.
pub(crate) enum Message {
    /// To wake a task.
    Wake(Arc<RemoteWake>),
    /// To cancel a scope.
    Cancel(Arc<RemoteCancel>),
    /// To note that offloaded work has ended.
    Finish(Key),
    /// To do something here.
    Run(Box<dyn FnOnce() + Send>),
}

/// What other threads ask of one core. Bounded by the number of wakers, handles and tickets
/// that can ask: each stands here once at most, to wake, to cancel or to finish; what is to be run
/// here is counted among the children of the nursery that sent it, or was sent by a spawner.
pub(crate) struct Injector {
    queue: Queue<Message>,
    /// Wakes the core if it sleeps; at most one system call for each time that it does.
    unparker: Arc<Unparker>,
    /// The core is gone: a message is dropped, because no core will take it.
    closed: AtomicBool,
}

/// The injector of the core that this thread runs.
pub(crate) fn current() -> Option<Arc<Injector>> {
    context::with_core(|core| Arc::clone(&core.injector))
}

impl std::fmt::Debug for Injector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Injector").field("queued", &self.queue.len()).finish_non_exhaustive()
    }
}

impl Injector {
    pub(crate) fn new(unparker: Arc<Unparker>) -> Arc<Self> {
        Arc::new(Self { queue: Queue::new(), unparker, closed: AtomicBool::new(false) })
    }

    /// Queues a message and makes sure that the core sees it.
    pub(super) fn push(&self, message: Message) {
        if self.closed.load(Ordering::SeqCst) {
            return;
        }
        self.queue.push(message);
        if self.unparker.claim() && !team::ring_with_next_enter(self) {
            self.unparker.ring();
        }
        if self.closed.load(Ordering::SeqCst) {
            // The core closed the queue between the check and the push, and may have missed this
            // message.
            self.close();
        }
    }

    /// Has the core do something in its next turn.
    pub(crate) fn run(&self, job: impl FnOnce() + Send + 'static) {
        self.push(Message::Run(Box::new(job)));
    }

    /// The messages that are queued now; what is pushed meanwhile is drained next time.
    pub(crate) fn drain(&self) -> impl Iterator<Item = Message> {
        (0..self.queue.len()).map_while(|_| self.queue.pop())
    }

    /// Wakes the core by its doorbell, where a message by way of this thread's ring will not do.
    pub(super) fn ring(&self) {
        self.unparker.ring();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The core is gone. What is queued, and what is pushed from now on, is dropped.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // With the fence of `claim`: either this finds what was pushed, or the thread that pushed
        // finds the queue closed.
        fence(Ordering::SeqCst);
        // Each queued message holds this queue: emptying it breaks the circle.
        while self.queue.pop().is_some() {}
    }
}

//! `Offload`: work that another thread does, as if it were an operation of the kernel.
//!
//! The work stands in the table of operations, under the same rules: a nursery returns only when
//! the work has ended, the work is asked once to stop when it is cancelled or its future is
//! dropped, and a scope that adopts it waits for it.

use super::future::OpHandle;
use crate::driver::{self, Abandoned, OpInfo, Orphan, Recall, Refused};
use crate::fd::SharedFd;
use crate::inbox::{self, Ticket};
use crate::ring::Completion;
use crate::scope;
use crate::tree::NodeId;
use crate::wake::{Waiter, budget, stay};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of offloaded work. Resolves when the ticket was dropped, to the scope to which the
/// work belonged; the maker of the future keeps what the work has made. Resolves to an error at
/// once, when as many operations are in flight as may be: then the work never began.
pub(crate) struct Offload {
    name: &'static &'static str,
    start: Option<Box<dyn FnOnce(Ticket) -> Recall>>,
    flight: Option<OpHandle>,
    /// Is open until the work has ended, also without the future.
    on: Option<SharedFd>,
}

impl Offload {
    /// `name` is what dumps and instruments call the work. `start` is called in the first poll: it
    /// sends the work on its way, with the ticket, and gives back how to recall it. Neither waits.
    pub(crate) fn new(
        name: &'static &'static str,
        start: impl FnOnce(Ticket) -> Recall + 'static,
    ) -> Self {
        Self { name, start: Some(Box::new(start)), flight: None, on: None }
    }

    /// Work on a descriptor, by its number, which is not given to anything else before the work has
    /// ended.
    pub(crate) fn on(mut self, fd: Option<SharedFd>) -> Self {
        self.on = fd;
        self
    }

    fn start(&mut self, cx: &Context<'_>) -> Poll<io::Error> {
        assert!(self.start.is_some(), "offloaded work is not polled after its end");
        let driver = driver::expect_current("offloaded work");
        let core = inbox::current().expect("a driver runs on a core");
        let scope = scope::current().expect("code of a runtime runs in a scope");
        let waiter = Waiter::of(cx);
        let info = OpInfo::new(self.name, None);
        let begun = driver.borrow_mut().submit_offloaded(info, scope, waiter);
        let key = match begun {
            Ok(key) => key,
            // A drop point: it never begins.
            Err(Refused::Cancelled(_)) => return stay(cx),
            Err(Refused::Full(..)) if scope::is_in_cancelled(scope) => return stay(cx),
            Err(Refused::Full(error, _)) => return budget::proceed(cx).map(|()| error),
        };
        let start = self.start.take().expect("it was there");
        self.flight = Some(OpHandle { driver: driver.clone(), key });
        let recall = start(Ticket::new(core, key));
        driver.borrow_mut().set_recall(key, recall);
        Poll::Pending
    }
}

impl Future for Offload {
    type Output = io::Result<Option<NodeId>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(flight) = &self.flight else {
            return self.start(cx).map(Err);
        };
        let landed = ready!(flight.poll(cx));
        self.flight = None;
        Poll::Ready(Ok(landed.scope))
    }
}

impl Drop for Offload {
    fn drop(&mut self) {
        let Some(OpHandle { driver, key }) = self.flight.take() else { return };
        // What is not handed over goes after the borrow: a close borrows the driver, too.
        let mut on = self.on.take();
        let keep = || Box::new(Kept { _on: on.take() }) as Box<dyn Orphan>;
        let (abandoned, held) = driver.borrow_mut().abandon(key, keep);
        match abandoned {
            Abandoned::Withdrawn(waiter) | Abandoned::HandedOver(waiter) => drop(waiter),
            Abandoned::Finished(completion) => {
                _ = driver::dispose(&driver, completion.is_success(), || false);
            }
        }
        held.into_iter().for_each(scope::look_again);
    }
}

/// What is kept for offloaded work: it owns the rest.
struct Kept {
    _on: Option<SharedFd>,
}

impl Orphan for Kept {
    fn dispose(self: Box<Self>, _: Completion) -> bool {
        false
    }
}

impl fmt::Debug for Offload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.flight.as_ref().map(|flight| flight.key);
        f.debug_struct("Offload").field("key", &key).finish_non_exhaustive()
    }
}

//! `Standing`: a wait that stays with an object while the code that polls it goes elsewhere.
//!
//! A trait of polled reads has no future that could own a wait: each call begins where the last one
//! has stopped, and may come from another task. So the object keeps the wait. The wait belongs to
//! the scope that has polled it: it is cancelled with the scope, and when the scope closes, and is
//! begun anew when another scope polls the object.
//!
//! ```text
//!                      1                      2
//!   (nothing) ───────────────────▶ stands ◀─────────┐
//!       ▲                            │ └────────────┘
//!       ├──────────── 3 ─────────────┤
//!       └──────────── 4 ─────────────┘
//! ```
//!
//! | arrow | taken by | when |
//! |---|---|---|
//! | 1 | `Standing::poll` | nothing was begun |
//! | 2 | `Standing::poll` | the same scope polls again |
//! | 3 | `Standing::poll` | the wait has resolved, or was cancelled |
//! | 4 | `Standing::poll` | another scope polls, which takes arrow 1 then |
//! | 4 | its drop | the object goes |

use super::poll::PollOp;
use super::second_try::SecondTry;
use super::{Op, OpHandle};
use crate::fd::SharedFd;
use crate::ring::Interest;
use crate::scope;
use crate::tree::NodeId;
use crate::wake::{Waiter, budget};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A future, kept between polls, and the scope in which it was begun.
pub(crate) struct Standing<F>(RefCell<Option<(F, Option<NodeId>)>>);

impl<F: Future + Unpin> Standing<F> {
    /// Goes on with what stands here; or begins it, if nothing does, or what does belongs to
    /// another scope.
    pub(crate) fn poll(&self, begin: impl FnOnce() -> F, cx: &mut Context<'_>) -> Poll<F::Output> {
        let here = scope::current();
        // Taken out while it is polled: a foreign waker runs foreign code, which may come back.
        let stands = self.0.take().filter(|(_, scope)| *scope == here);
        let mut future = stands.map_or_else(begin, |(future, _)| future);
        let polled = Pin::new(&mut future).poll(cx);
        if polled.is_pending() {
            drop(self.0.replace(Some((future, here))));
        }
        polled
    }

    /// What stands here, unless it is polled just now.
    fn with<R>(&self, f: impl FnOnce(&F) -> R) -> Option<R> {
        self.0.try_borrow().ok()?.as_ref().map(|(future, _)| f(future))
    }

    /// Whether anything stands here, for whichever scope.
    fn is_begun(&self) -> bool {
        self.0.borrow().is_some()
    }
}

impl<F> Default for Standing<F> {
    fn default() -> Self {
        Self(RefCell::new(None))
    }
}

impl<F> fmt::Debug for Standing<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stands = self.0.try_borrow().is_ok_and(|inside| inside.is_some());
        f.write_str(if stands { "waiting" } else { "resting" })
    }
}

/// A wait that ends, if it is given up, where that is done: the descriptor may be closed with it,
/// and the nursery in which an object is dropped waits for its close.
#[derive(Debug)]
struct Armed(Op<PollOp>);

impl Future for Armed {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        self.0.end_here();
    }
}

/// One direction of a descriptor, for code that polls. The waker of the last poll is woken.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    wait: Standing<Armed>,
    /// The last try has found nothing more, so another one would be in vain.
    drained: Cell<bool>,
    /// The turn was over at the last poll.
    suspended: Cell<bool>,
    second_try: SecondTry,
}

impl Readiness {
    /// Ready when the direction is.
    ///
    /// # Errors
    ///
    /// The code that polls is cancelled; or too much is in flight.
    pub(crate) fn poll(
        &self,
        fd: &SharedFd,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.second_try.hear()?;
        self.second_try.overtake();
        self.poll_wait(fd, interest, cx)
    }

    fn poll_wait(
        &self,
        fd: &SharedFd,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(self.wait.poll(|| Armed(PollOp::new(fd.clone(), interest)), cx));
        self.drained.set(false);
        Poll::Ready(result)
    }

    /// Ready when a try is worth a system call: what was not tried since it was ready, or never,
    /// may be ready still, and what was drained may be ready again. A drop point in a cancelled
    /// scope.
    ///
    /// # Errors
    ///
    /// As [`poll`](Self::poll).
    pub(crate) fn poll_worth(
        &self,
        fd: &SharedFd,
        interest: Interest,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        self.second_try.hear()?;
        let waits = self.wait.is_begun();
        if waits || self.drained.get() && !ready!(self.second_try.poll(cx)) {
            return self.poll_wait(fd, interest, cx);
        }
        ready!(scope::poll_drop_point(cx));
        let mut suspended = self.suspended.take();
        let polled = budget::proceed_once(&mut suspended, cx);
        self.suspended.set(suspended);
        polled.map(Ok)
    }

    /// Takes the waiter of what is waited for, to be woken to look at something else.
    pub(crate) fn nudge(&self) -> Waiter {
        let nudged = self.wait.with(|wait| wait.0.flight().map(OpHandle::nudge));
        nudged.flatten().unwrap_or(Waiter::Nobody)
    }

    /// What a try has shown: whether there is nothing more to be had, or no more room.
    pub(crate) fn set_drained(&self, drained: bool) {
        self.drained.set(drained);
    }

    /// As [`set_drained`](Self::set_drained), after a read that was short or not: what was drained
    /// may be ready again soon.
    pub(crate) fn set_short(&self, short: bool) {
        self.drained.set(short);
        self.second_try.set_due(short);
    }

    /// Tries when a try is worth it, until one does not say that it would block.
    ///
    /// # Errors
    ///
    /// The errors of the try, and those of [`poll`](Self::poll).
    pub(crate) fn poll_try<T>(
        &self,
        fd: &SharedFd,
        interest: Interest,
        cx: &mut Context<'_>,
        mut attempt: impl FnMut() -> io::Result<T>,
    ) -> Poll<io::Result<T>> {
        loop {
            if let Err(error) = ready!(self.poll_worth(fd, interest, cx)) {
                return Poll::Ready(Err(error));
            }
            let result = attempt();
            let in_vain =
                matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            self.second_try.tell(!in_vain);
            if !in_vain {
                return Poll::Ready(result);
            }
            self.set_drained(true);
        }
    }
}

//! `Standing`: a wait that stays with an object while the code that polls it goes elsewhere.
//!
//! A trait of polled reads has no future that could own a wait: each call begins where the last one
//! has stopped, and may come from another task. So the object keeps the wait. It stands in the
//! scope that has polled it: cancelled with that, cancelled when that closes, and begun anew when
//! another scope polls the object.
//!
//! ```text
//!                   a poll: nothing was begun            the same scope polls again
//!   (nothing) ───────────────────────────────▶ stands ◀──────────────┐
//!       ▲                                        │ └─────────────────┘
//!       ├──────── resolved, or cancelled ────────┤
//!       └── dropped: the object goes, or another scope polls
//! ```
//!
//! The one that tells of what comes to be read is not over with its first answer, and is begun once
//! for all waits of a scope.

use super::{Many, Op, OpHandle, PollMany, PollOp};
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

/// A wait, kept between polls, and the scope in which it was begun.
pub(crate) struct Standing<F>(RefCell<Option<(F, Option<NodeId>)>>);

impl<F: Future + Unpin> Standing<F> {
    /// Goes on with what stands here; or begins it, if nothing does, or what does belongs to
    /// another scope.
    pub(crate) fn poll(&self, begin: impl FnOnce() -> F, cx: &mut Context<'_>) -> Poll<F::Output> {
        self.go_on(begin, |future| {
            let polled = Pin::new(future).poll(cx);
            let stays = polled.is_pending();
            (polled, stays)
        })
    }
}

impl<F> Standing<F> {
    /// The same in another way than to poll a future; which tells whether it stays.
    fn go_on<R>(&self, begin: impl FnOnce() -> F, step: impl FnOnce(&mut F) -> (R, bool)) -> R {
        let here = scope::current();
        // Taken out while it is polled: a foreign waker runs foreign code, which may come back.
        let stands = self.0.take().filter(|(_, scope)| *scope == here);
        let mut wait = stands.map_or_else(begin, |(wait, _)| wait);
        let (result, stays) = step(&mut wait);
        if stays {
            drop(self.0.replace(Some((wait, here))));
        }
        result
    }

    /// What stands here, unless it is polled just now.
    fn with<R>(&self, f: impl FnOnce(&F) -> R) -> Option<R> {
        self.0.try_borrow().ok()?.as_ref().map(|(wait, _)| f(wait))
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

/// What tells of all that comes to be read. It ends, if it is given up, as a wait does.
#[derive(Debug)]
struct Watch(Many<PollMany>);

impl Watch {
    /// Ready when something has come since it was last; says whether nothing comes any more.
    /// That is once in a turn, so it spends nothing of that.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut ended = ready!(self.0.poll_next(cx))?;
        // One try is enough for all.
        while self.0.is_answered()
            && let Poll::Ready(answer) = self.0.poll_next(cx)
        {
            ended |= answer?;
        }
        Poll::Ready(Ok(ended))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.end_here();
    }
}

/// One direction of a descriptor, for code that polls. The waker of the last poll is woken.
#[derive(Debug, Default)]
pub(crate) struct Readiness {
    /// Of the code that waits, and does not try.
    wait: Standing<Armed>,
    /// Of the code that tries to read, and waits only when a try has found nothing more: then each
    /// wait is for what comes, and none has to be begun.
    watch: Standing<Box<Watch>>,
    /// The last try has found nothing more, so another one would be in vain.
    drained: Cell<bool>,
    /// The end has come, perhaps behind bytes that are to be read: it will not be told of again.
    ended: Cell<bool>,
    /// The turn was over at the last poll.
    suspended: Cell<bool>,
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
        let result = ready!(self.wait.poll(|| Armed(PollOp::new(fd.clone(), interest)), cx));
        self.drained.set(false);
        Poll::Ready(result)
    }

    /// Ready when a try is worth a system call: what was not tried since it was ready, or never,
    /// may be ready still. A drop point in a cancelled scope.
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
        if self.wait.is_begun() || self.drained.get() && interest == Interest::Writable {
            return self.poll(fd, interest, cx);
        }
        if self.drained.get() {
            return self.poll_watch(fd, cx);
        }
        ready!(scope::poll_drop_point(cx));
        let mut suspended = self.suspended.take();
        let polled = budget::proceed_once(&mut suspended, cx);
        self.suspended.set(suspended);
        polled.map(Ok)
    }

    fn poll_watch(&self, fd: &SharedFd, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let begin = || Box::new(Watch(PollMany::new(fd.clone())));
        let ended = ready!(self.watch.go_on(begin, |watch| (watch.poll(cx), true)));
        self.drained.set(false);
        self.ended.set(self.ended.get() || ended.as_ref().is_ok_and(|ended| *ended));
        Poll::Ready(ended.map(drop))
    }

    /// Takes the waiters of what is waited for, to be woken to look at something else.
    pub(crate) fn nudge(&self) -> [Waiter; 2] {
        let wait = self.wait.with(|wait| wait.0.flight().map(OpHandle::nudge));
        let watch = self.watch.with(|watch| watch.0.flight().map(OpHandle::nudge));
        [wait, watch].map(|nudged| nudged.flatten().unwrap_or_default())
    }

    /// What a try has shown that was done in part or in whole: whether there is nothing more to be
    /// had, or no more room. The end may be there behind all.
    pub(crate) fn set_drained(&self, drained: bool) {
        self.drained.set(drained && !self.ended.get());
    }

    /// Tries when a try is worth it, until one does not say that it would block.
    ///
    /// # Errors
    ///
    /// Those of the try, and as [`poll`](Self::poll).
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
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.drained.set(true),
                result => return Poll::Ready(result),
            }
        }
    }
}

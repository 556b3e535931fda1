//! `Accepting`: an accept whose connection is not lost when its future is dropped.
//!
//! ```text
//!            1 wait                  2 poll_op: a connection
//!   begun ────────────▶ in flight ───────────────────────────▶ the caller
//!     ▲                  │    │ 3 wait: another accept was cut short
//!     │                  │    └──────▶ interrupted ── 4 poll_op: it has ended ──┐
//!     └──────────────────┼──────────────────────────────────────────────────────┘
//!                        │ 5 give_up: dropped, or a parked connection came first
//!                        ▼
//!                    abandoned ── 6 Parked::leave ──▶ parked ── 7 Parked::take ──▶ an accept
//! ```
//!
//! What is interrupted may still be answered (2), or given up (5).
//!
//! The kernel wakes one accept for each connection. If that one is cancelled, the connection stays
//! in the backlog, and the others sleep on beside it (measured on 6.18: always, when it comes just
//! before the cancel). So when an accept ends without a connection, those that wait on the same
//! listener ask the kernel anew.

use super::waiting::{Seat, Waiting};
use crate::fd::SharedFd;
use crate::op::{Accept, Op};
use crate::scope::{is_cancelled, is_here_cancelled, poll_drop_point};
use crate::wake::budget;
use socket2::SockAddr;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// A connection, and the address of its peer.
pub(super) type Accepted = (SharedFd, SockAddr);

/// The connections of a listener that came for accepts which were dropped, oldest first. There are
/// never more than accepts were in flight at a time, and what an `Incoming` had not given out. They
/// are closed with the listener.
#[derive(Debug, Default)]
pub(super) struct Parked {
    connections: RefCell<VecDeque<Accepted>>,
    /// Accepts that have ended without a connection. Each may have been woken for one.
    cut_short: Cell<u64>,
    /// The accepts in flight.
    pub(super) waiting: Waiting,
}

impl Parked {
    pub(super) fn is_empty(&self) -> bool {
        self.connections.borrow().is_empty()
    }

    /// Takes the oldest.
    pub(super) fn take(&self) -> Option<Accepted> {
        self.connections.borrow_mut().pop_front()
    }

    /// How many accepts have ended without a connection.
    pub(super) fn cut_short(&self) -> u64 {
        self.cut_short.get()
    }

    /// An accept whose future was dropped has ended. Tells whether it has left a connection.
    pub(super) fn leave(&self, outcome: io::Result<Accepted>) -> bool {
        match outcome {
            Ok(connection) => {
                self.connections.borrow_mut().push_back(connection);
                self.waiting.wake();
                true
            }
            Err(error) => {
                self.ended(&error);
                false
            }
        }
    }

    /// An accept has ended without a connection.
    pub(super) fn ended(&self, error: &io::Error) {
        if is_cancelled(error) {
            self.cut_short.set(self.cut_short.get() + 1);
            self.waiting.wake();
        }
    }
}

/// The next connection of a listener: one that is parked, or else the kernel's next.
#[derive(Debug)]
pub(super) struct Accepting<'a> {
    listener: &'a SharedFd,
    parked: &'a Rc<Parked>,
    op: Op<Accept>,
    seat: Option<Seat<'a>>,
    /// How many others had been cut short when the kernel was asked to end this one, or before.
    seen: u64,
    /// The kernel was asked to end this accept, so that it can be asked anew.
    interrupted: bool,
    /// A connection was there already, when the turn was over.
    suspended: bool,
}

impl<'a> Accepting<'a> {
    pub(super) fn new(listener: &'a SharedFd, parked: &'a Rc<Parked>) -> Self {
        let op = Accept::new(listener.clone());
        Self { listener, parked, op, seat: None, seen: 0, interrupted: false, suspended: false }
    }

    /// The kernel's answer. If that only says that the accept was `interrupted`,
    /// the kernel is asked anew.
    fn poll_op(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let was_in_flight = self.op.flight().is_some();
        let outcome = ready!(Pin::new(&mut self.op).poll(cx));
        self.seat = None;
        let Err(error) = &outcome else { return Poll::Ready(outcome) };
        if was_in_flight && self.interrupted && is_cancelled(error) && !is_here_cancelled() {
            self.op = Accept::new(self.listener.clone());
            self.interrupted = false;
            return Poll::Pending;
        }
        self.parked.ended(error);
        Poll::Ready(outcome)
    }

    /// Asks the kernel, or goes on waiting for it; and takes a seat, to be woken if a connection is
    /// parked.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let cut_short = self.parked.cut_short();
        match self.op.flight() {
            None => {
                let resolved = self.poll_op(cx);
                if resolved.is_ready() {
                    return resolved;
                }
            }
            Some(flight) if self.seen != cut_short => self.interrupted |= flight.interrupt(),
            Some(_) => {}
        }
        self.seen = cut_short;
        self.seat = self.op.flight().map(|flight| Seat::new(&self.parked.waiting, flight));
        Poll::Pending
    }

    /// The future is done with its accept. A connection that the kernel finds for it all the same
    /// is parked, unless the listener is gone: then it is closed, and its peer sees the end.
    fn give_up(&mut self) {
        self.seat = None;
        if self.op.flight().is_some() {
            let parked = Rc::downgrade(self.parked);
            self.op.abandon(move |outcome| {
                parked.upgrade().is_some_and(|parked| parked.leave(outcome))
            });
        }
    }
}

impl Future for Accepting<'_> {
    type Output = io::Result<Accepted>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.op.flight().is_some()
            && let Poll::Ready(outcome) = self.poll_op(cx)
        {
            return Poll::Ready(outcome);
        }
        // In a cancelled scope, the accept still gets its own answer, and no parked connection.
        ready!(poll_drop_point(cx));
        if self.op.flight().is_none() && !self.parked.is_empty() {
            // When the turn is over, the connection stays for the next poll, or for another accept.
            ready!(budget::proceed_once(&mut self.suspended, cx));
        }
        match self.parked.take() {
            Some(connection) => {
                self.give_up();
                Poll::Ready(Ok(connection))
            }
            None => self.wait(cx),
        }
    }
}

impl Drop for Accepting<'_> {
    fn drop(&mut self) {
        self.give_up();
    }
}

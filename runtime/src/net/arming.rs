//! `Arming`: the owner of a stream of receives, which keeps to its share of the pool.

use super::armed::{Keeps, Receives};
use crate::op::{Multishot, OpHandle, RecvMany};
use crate::pool::Buffers;
use crate::scope::is_here_cancelled;
use crate::wake::budget;
use std::cell::Cell;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The owner of what is armed, by turns.
#[derive(Debug)]
pub(super) struct Arming<'a, K: Keeps> {
    kept: &'a Rc<K>,
    /// The number of what this owner has armed last.
    number: u64,
    /// How many buffers the owner has given to its caller that have not gone back.
    pub(super) held: Rc<Cell<usize>>,
    /// The owner held more than its share, and still holds half of that.
    has_enough: bool,
    /// Something was there already, when the turn was over.
    suspended: bool,
}

/// The outcome of a poll.
#[derive(Debug)]
pub(super) enum Next<T> {
    Come(T),
    /// Nothing; the connection has come to its end.
    End,
    /// Nothing more: it is over, is to take no more of the pool, or was disarmed by another
    /// receive.
    Over,
}

impl<'a, K: Keeps> Arming<'a, K> {
    pub(super) fn new(kept: &'a Rc<K>) -> Self {
        Self { kept, number: 0, held: Rc::default(), has_enough: false, suspended: false }
    }

    pub(super) fn kept(&self) -> &'a Rc<K> {
        self.kept
    }

    /// Whether the owner's own receives are armed, from that pool.
    pub(super) fn is_armed(&self, pool: &Rc<Buffers>) -> bool {
        self.kept.armed().is(self.number, pool)
    }

    /// Arms the receives of the owner, where none are armed.
    pub(super) fn arm(&mut self, receives: Receives<K>) {
        self.number = self.kept.armed().arm(receives);
    }

    /// Disarms the owner's own receives. Tells whether they were armed.
    pub(super) fn disarm(&self) -> bool {
        self.kept.disarm_number(self.number)
    }

    /// Where the kernel has what is armed.
    pub(super) fn flight(&self) -> Option<OpHandle> {
        self.kept.armed().flight(self.number)
    }

    /// Whether the owner is to take no more out of the pool.
    pub(super) fn has_enough(&mut self, pool: &Buffers) -> bool {
        let most = RecvMany::half_share(pool);
        self.has_enough = self.held.get() > if self.has_enough { most / 2 } else { most };
        self.has_enough
    }

    /// What comes next for what is armed.
    pub(super) fn poll(
        &mut self,
        pool: &Buffers,
        cx: &mut Context<'_>,
    ) -> Poll<Next<<K::Receives as Multishot>::Item>> {
        let kept = self.kept;
        let Some(mut receives) = kept.armed().lend(self.number) else {
            return Poll::Ready(Next::Over);
        };
        if receives.is_over() || self.has_enough(pool) {
            return Poll::Ready(Next::Over);
        }
        if receives.is_answered() {
            // When the turn is over, what has come stays for the next turn.
            ready!(budget::proceed_unless(is_here_cancelled, &mut self.suspended, cx));
        }
        receives.poll(cx).map(|next| next.map_or(Next::End, Next::Come))
    }
}

impl<K: Keeps> Drop for Arming<'_, K> {
    fn drop(&mut self) {
        self.disarm();
    }
}

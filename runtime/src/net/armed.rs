//! `Armed`: the receives of a stream for which the kernel was asked once, beside all others.
//!
//! ```text
//!            1 arm                 2 lend: its code polls it
//!   nothing ─────────▶ armed ◀──────────────────────────────▶ lent
//!      ▲                 │                                      │ 3 disarm: meanwhile
//!      │ 3 disarm        │                                      ▼
//!      └─────────────────┴── when the poll is over ── lent, and to be disarmed
//! ```
//!
//! The armed receive is kept here, and not with its owner, so that another receive of the same
//! connection can end it and get the bytes in their order, whatever the owner does: also if the
//! owner is forgotten, while it waits or not. An owner that waits is woken, and receives beside the
//! other.

use super::claims::{Claim, Claims};
use super::waiting::{Waiting, readable};
use crate::fd::SharedFd;
use crate::op::{Ended, Many, Multishot, Op, OpHandle};
use crate::pool::Buffers;
use crate::scope::{is_cancelled, is_here_cancelled};
use crate::wake::Waiter;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Where what comes for receives that were dropped is kept, of one connection or socket; and what
/// is armed.
pub(super) trait Keeps: fmt::Debug + Sized + 'static {
    type Receives: Multishot + fmt::Debug;

    fn armed(&self) -> &Armed<Self>;

    fn claims(&self) -> &Claims;

    /// What waits for something to be left here.
    fn waiting(&self) -> &Waiting;

    /// Whether nothing is kept.
    fn is_empty(&self) -> bool;

    /// Keeps an answer. Tells whether there was something to be kept, and for whom.
    fn keep(self: &Rc<Self>, answer: <Self::Receives as Multishot>::Item) -> bool;

    /// The right of receives that were dropped to leave what they receive.
    fn claim(self: &Rc<Self>) -> Claim<Self> {
        Claim::new(self, Self::claims)
    }

    /// Whether dropped receives have left something, or may.
    fn has_left(&self) -> bool {
        self.claims().are_made() || !self.is_empty()
    }

    /// Whether there is something, or may be, that comes before what the kernel has.
    fn comes_first(&self) -> bool {
        self.has_left() || self.armed().is_there()
    }

    /// Waits until dropped receives can add nothing more: what they leave comes before anything
    /// else. So does what a stream of receives has: the kernel is asked to end it.
    ///
    /// # Errors
    ///
    /// As with [`Claims::settled`].
    async fn settled(self: &Rc<Self>) -> io::Result<()> {
        self.disarm();
        self.claims().settled(|| self.is_empty()).await
    }

    /// Waits until something can be received: what was left, or what the kernel has.
    ///
    /// # Errors
    ///
    /// Cancellation, and the limit of operations in flight.
    async fn readable(self: &Rc<Self>, socket: &SharedFd) -> io::Result<()> {
        if self.comes_first() {
            self.settled().await?;
            if !self.is_empty() {
                return Ok(());
            }
        }
        readable(socket, self.waiting(), || !self.is_empty()).await
    }

    /// Ends what is armed: what has come for it is kept.
    fn disarm(self: &Rc<Self>) {
        let claim = || Some(self.claim());
        let armed = match &mut *self.armed().place.borrow_mut() {
            Place::Lent(heir) => return *heir = heir.take().or_else(claim),
            place => std::mem::take(place),
        };
        if let Place::Taken(receives) = armed {
            receives.give_up(self.claim());
        }
    }

    /// Disarms what is armed if it has this number. Tells whether it had.
    fn disarm_number(self: &Rc<Self>, number: u64) -> bool {
        let has = self.armed().has(number);
        if has {
            self.disarm();
        }
        has
    }
}

/// At most one per connection or socket.
#[derive(Debug)]
pub(super) struct Armed<K: Keeps> {
    place: RefCell<Place<K>>,
    /// The number of the last.
    last: Cell<u64>,
}

#[derive(Debug)]
enum Place<K: Keeps> {
    Free,
    /// In a box: it is lent for each answer.
    Taken(Box<Receives<K>>),
    /// Lent to code that polls, with what is to inherit from it after that, if it was disarmed
    /// meanwhile: by foreign code, of a waker.
    Lent(Option<Claim<K>>),
}

/// One request for many receives, and what comes of it.
#[derive(Debug)]
pub(super) struct Receives<K: Keeps> {
    many: Many<K::Receives>,
    begun: bool,
    /// Tells of the end, beside which the kernel may leave the receives asleep. Measured on 6.18:
    /// if more was there than it takes at a time (33 buffers), and the end behind it, that comes
    /// with the same event as the rest of the data, and is not looked for again. Messages have
    /// none.
    end: Option<Op<Ended>>,
    socket: SharedFd,
    pool: Rc<Buffers>,
    number: u64,
}

impl<K: Keeps> Receives<K> {
    pub(super) fn new(many: Many<K::Receives>, socket: &SharedFd, pool: &Rc<Buffers>) -> Self {
        let (socket, pool) = (socket.clone(), Rc::clone(pool));
        Self { many, begun: false, end: None, socket, pool, number: 0 }
    }

    /// Receives that come to an end.
    pub(super) fn ending(self) -> Self {
        let end = Some(Ended::new(self.socket.clone()));
        Self { end, ..self }
    }

    pub(super) fn is_answered(&self) -> bool {
        self.many.is_answered()
    }

    /// Whether the kernel has answered for the last time, and that was taken.
    pub(super) fn is_over(&self) -> bool {
        self.begun && self.many.flight().is_none()
    }

    /// The next answer; or `None` if there is none, and the connection has come to its end.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<<K::Receives as Multishot>::Item>> {
        if let Poll::Ready(answer) = self.many.poll_next(cx) {
            self.begun = true;
            return Poll::Ready(Some(answer));
        }
        self.begun |= self.many.flight().is_some();
        while self.begun
            && let Some(end) = &mut self.end
        {
            let outcome = ready!(Pin::new(end).poll(cx));
            let was_cancelled = outcome.is_err_and(|error| is_cancelled(&error));
            self.end = None;
            if !was_cancelled {
                return Poll::Ready(None);
            }
            // In a scope that is cancelled, the receives are as well, and have an answer, too. Else
            // this wait was cancelled with the scope in which it began, which is not this one.
            if !is_here_cancelled() {
                self.end = Some(Ended::new(self.socket.clone()));
            }
        }
        Poll::Pending
    }

    /// Ends the receives: what comes of them all the same is kept. The code that waits is woken.
    fn give_up(mut self: Box<Self>, claim: Claim<K>) {
        let waiter = self.many.flight().map_or(Waiter::Nobody, OpHandle::nudge);
        self.many.abandon(move |answer| claim.keep(answer));
        drop(self);
        waiter.wake();
    }
}

impl<K: Keeps> Armed<K> {
    /// Whether something is armed.
    pub(super) fn is_there(&self) -> bool {
        !matches!(*self.place.borrow(), Place::Free)
    }

    /// Whether the armed receives have this number.
    fn has(&self, number: u64) -> bool {
        matches!(&*self.place.borrow(), Place::Taken(receives) if receives.number == number)
    }

    /// Whether the armed receives have this number, and are from that pool.
    pub(super) fn is(&self, number: u64, pool: &Rc<Buffers>) -> bool {
        let place = self.place.borrow();
        matches!(&*place, Place::Taken(it) if it.number == number && Rc::ptr_eq(&it.pool, pool))
    }

    /// Where the kernel has the armed receives, if they have this number.
    pub(super) fn flight(&self, number: u64) -> Option<OpHandle> {
        match &*self.place.borrow() {
            Place::Taken(it) if it.number == number => it.many.flight().cloned(),
            _ => None,
        }
    }

    /// Arms receives, where none are armed, and gives them a number.
    pub(super) fn arm(&self, receives: Receives<K>) -> u64 {
        assert!(!self.is_there(), "what was armed has bytes that come first");
        let number = self.last.get() + 1;
        self.last.set(number);
        self.place.replace(Place::Taken(Box::new(Receives { number, ..receives })));
        number
    }

    /// What has this number, to be polled: nothing is borrowed meanwhile, because foreign wakers
    /// run foreign code.
    pub(super) fn lend(&self, number: u64) -> Option<Lent<'_, K>> {
        let taken = self.has(number).then(|| self.place.replace(Place::Lent(None)));
        let Place::Taken(receives) = taken? else { unreachable!("it was there") };
        Some(Lent { armed: self, receives: Some(receives) })
    }
}

impl<K: Keeps> Default for Armed<K> {
    fn default() -> Self {
        Self { place: RefCell::default(), last: Cell::default() }
    }
}

#[expect(clippy::derivable_impls, reason = "derived, it would ask that of what keeps")]
impl<K: Keeps> Default for Place<K> {
    fn default() -> Self {
        Self::Free
    }
}

/// Receives that are lent. They go back when this is dropped.
pub(super) struct Lent<'a, K: Keeps> {
    armed: &'a Armed<K>,
    receives: Option<Box<Receives<K>>>,
}

impl<K: Keeps> Deref for Lent<'_, K> {
    type Target = Receives<K>;

    fn deref(&self) -> &Receives<K> {
        self.receives.as_ref().expect("only a drop takes it")
    }
}

impl<K: Keeps> DerefMut for Lent<'_, K> {
    fn deref_mut(&mut self) -> &mut Receives<K> {
        self.receives.as_mut().expect("only a drop takes it")
    }
}

impl<K: Keeps> Drop for Lent<'_, K> {
    fn drop(&mut self) {
        let Some(receives) = self.receives.take() else { return };
        match self.armed.place.take() {
            Place::Lent(Some(heir)) => receives.give_up(heir),
            Place::Lent(None) => drop(self.armed.place.replace(Place::Taken(receives))),
            Place::Free | Place::Taken(_) => unreachable!("nothing is armed while it is lent"),
        }
    }
}

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
//! It is found here, and not with its owner, so that another receive of the same connection can end
//! it and get the bytes in their order, whatever its owner does: also if that is forgotten, with a
//! wait for the next or without. An owner that waits is woken, and receives beside the other.

use super::claims::Claim;
use super::unread::Unread;
use crate::fd::SharedFd;
use crate::op::{Ended, Leased, Many, Op, OpHandle, RecvMany};
use crate::pool::Buffers;
use crate::scope::{is_cancelled, is_here_cancelled};
use crate::wake::Waiter;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// At most one per connection.
#[derive(Debug, Default)]
pub(super) struct Armed {
    place: RefCell<Place>,
    /// The number of the last.
    last: Cell<u64>,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Free,
    Taken(Receives),
    /// Lent to code that polls, with what is to inherit from it after that, if it was disarmed
    /// meanwhile: by foreign code, of a waker.
    Lent(Option<Claim<Unread>>),
}

/// One request for many receives, and what comes of it.
#[derive(Debug)]
pub(super) struct Receives {
    many: Many<RecvMany>,
    begun: bool,
    /// Tells of the end, beside which the kernel may leave the receives asleep. Measured on 6.18:
    /// if more was there than it takes at a time (33 buffers), and the end behind it, that comes
    /// with the same event as the rest of the data, and is not looked for again.
    end: Option<Op<Ended>>,
    socket: SharedFd,
    pool: Rc<Buffers>,
    number: u64,
}

impl Receives {
    pub(super) fn new(socket: &SharedFd, pool: &Rc<Buffers>, held: &Rc<Cell<usize>>) -> Self {
        Self {
            many: RecvMany::new(socket.clone(), pool, held),
            begun: false,
            end: Some(Ended::new(socket.clone())),
            socket: socket.clone(),
            pool: Rc::clone(pool),
            number: 0,
        }
    }

    pub(super) fn is_answered(&self) -> bool {
        self.many.is_answered()
    }

    /// Whether the kernel has answered for the last time, and that was taken.
    pub(super) fn is_over(&self) -> bool {
        self.begun && self.many.flight().is_none()
    }

    /// The next answer; or `None` if there is none, and the connection has come to its end.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Leased>>> {
        if let Poll::Ready(answer) = self.many.poll_next(cx) {
            self.begun = true;
            return Poll::Ready(Some(answer));
        }
        self.begun |= self.many.flight().is_some();
        while self.begun
            && let Some(end) = &mut self.end
        {
            match ready!(Pin::new(end).poll(cx)) {
                // It was cancelled with the scope in which it began, which is not this one.
                Err(error) if is_cancelled(&error) && !is_here_cancelled() => {
                    self.end = Some(Ended::new(self.socket.clone()));
                }
                _ => {
                    self.end = None;
                    return Poll::Ready(None);
                }
            }
        }
        Poll::Pending
    }

    /// Ends it: what comes of it all the same is left there. The code that waits for it is woken.
    fn give_up(mut self, claim: Claim<Unread>) {
        let waiter = self.many.flight().map_or(Waiter::Nobody, OpHandle::nudge);
        self.many.abandon(move |leased| claim.leave_lease(leased));
        drop(self);
        waiter.wake();
    }
}

impl Armed {
    /// Whether something is armed.
    pub(super) fn is_there(&self) -> bool {
        !matches!(*self.place.borrow(), Place::Free)
    }

    /// Whether it is what got this number.
    fn has(&self, number: u64) -> bool {
        matches!(&*self.place.borrow(), Place::Taken(receives) if receives.number == number)
    }

    /// Whether it is what got this number, from that pool.
    pub(super) fn is(&self, number: u64, pool: &Rc<Buffers>) -> bool {
        let place = self.place.borrow();
        matches!(&*place, Place::Taken(it) if it.number == number && Rc::ptr_eq(&it.pool, pool))
    }

    /// Arms it, where nothing is, and gives it a number.
    pub(super) fn arm(&self, receives: Receives) -> u64 {
        assert!(!self.is_there(), "what was armed has bytes that come first");
        let number = self.last.get() + 1;
        self.last.set(number);
        self.place.replace(Place::Taken(Receives { number, ..receives }));
        number
    }

    /// What has this number, to be polled: nothing is borrowed meanwhile, because foreign wakers
    /// run foreign code.
    pub(super) fn lend(&self, number: u64) -> Option<Lent<'_>> {
        let taken = self.has(number).then(|| self.place.replace(Place::Lent(None)));
        let Place::Taken(receives) = taken? else { unreachable!("it was there") };
        Some(Lent { armed: self, receives: Some(receives) })
    }
}

impl Unread {
    /// Ends what is armed: what has come for it is left here.
    pub(super) fn disarm(self: &Rc<Self>) {
        let claim = || Some(self.claim());
        let armed = match &mut *self.armed.place.borrow_mut() {
            Place::Lent(heir) => return *heir = heir.take().or_else(claim),
            place => std::mem::take(place),
        };
        if let Place::Taken(receives) = armed {
            receives.give_up(self.claim());
        }
    }

    /// The same, if it has this number. Tells whether it had.
    pub(super) fn disarm_number(self: &Rc<Self>, number: u64) -> bool {
        let has = self.armed.has(number);
        if has {
            self.disarm();
        }
        has
    }
}

/// Goes back when it is dropped.
pub(super) struct Lent<'a> {
    armed: &'a Armed,
    receives: Option<Receives>,
}

impl Deref for Lent<'_> {
    type Target = Receives;

    fn deref(&self) -> &Receives {
        self.receives.as_ref().expect("only a drop takes it")
    }
}

impl DerefMut for Lent<'_> {
    fn deref_mut(&mut self) -> &mut Receives {
        self.receives.as_mut().expect("only a drop takes it")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let Some(receives) = self.receives.take() else { return };
        let place = self.armed.place.take();
        match place {
            Place::Lent(Some(heir)) => receives.give_up(heir),
            Place::Lent(None) => drop(self.armed.place.replace(Place::Taken(receives))),
            Place::Free | Place::Taken(_) => unreachable!("nothing is armed while it is lent"),
        }
    }
}

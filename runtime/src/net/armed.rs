//! `Armed`: the receives of a stream for which the kernel was asked once, beside all others.
//!
//! ```text
//!            arm                   wait: its code awaits the next
//!   nothing ─────▶ armed and idle ◀──────────────────────────────▶ armed and waited for
//!      ▲                │
//!      └── disarm ──────┘ by its owner, or by another receive: what has come for it comes first
//! ```
//!
//! It is found here, and not with its owner, so that another receive of the same connection can end
//! it and get the bytes in their order, whatever its owner does: also if it is forgotten.

use crate::fd::SharedFd;
use crate::op::{Ended, Leased, Many, Op, RecvMany};
use crate::pool::Buffers;
use crate::scope::{is_cancelled, is_here_cancelled};
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
    receives: RefCell<Option<Receives>>,
    /// The number of the last.
    last: Cell<u64>,
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
    is_waited_for: bool,
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
            is_waited_for: false,
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

    /// Ends it: what comes of it all the same is for `heir`.
    pub(super) fn give_up(mut self, heir: impl FnMut(io::Result<Leased>) -> bool + 'static) {
        self.many.abandon(heir);
    }
}

impl Armed {
    /// Something is armed, and nothing waits for what comes of it.
    pub(super) fn is_idle(&self) -> bool {
        self.receives.borrow().as_ref().is_some_and(|receives| !receives.is_waited_for)
    }

    /// Whether something is armed.
    pub(super) fn is_there(&self) -> bool {
        self.receives.borrow().is_some()
    }

    /// Whether it is what got this number, from that pool.
    pub(super) fn is(&self, number: u64, pool: &Rc<Buffers>) -> bool {
        let receives = self.receives.borrow();
        let is = |it: &Receives| it.number == number && Rc::ptr_eq(&it.pool, pool);
        receives.as_ref().is_some_and(is)
    }

    /// Arms it, and gives it a number.
    pub(super) fn arm(&self, receives: Receives) -> u64 {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.receives.replace(Some(Receives { number, ..receives }));
        number
    }

    /// Takes out what `is` says.
    fn take_if(&self, is: impl FnOnce(&Receives) -> bool) -> Option<Receives> {
        let mut receives = self.receives.borrow_mut();
        if receives.as_ref().is_some_and(is) { receives.take() } else { None }
    }

    /// Takes out what nothing waits for.
    pub(super) fn take_idle(&self) -> Option<Receives> {
        self.take_if(|receives| !receives.is_waited_for)
    }

    /// Takes out what has this number.
    pub(super) fn take(&self, number: u64) -> Option<Receives> {
        self.take_if(|receives| receives.number == number)
    }

    /// What has this number, to be polled: nothing is borrowed meanwhile, because foreign wakers
    /// run foreign code.
    pub(super) fn lent(&self, number: u64) -> Option<Lent<'_>> {
        Some(Lent { armed: self, receives: Some(self.take(number)?) })
    }

    /// What has this number is waited for, until the guard goes.
    pub(super) fn wait(&self, number: u64) -> Waits<'_> {
        let waits = Waits { armed: self, number };
        waits.set(true);
        waits
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
        self.armed.receives.replace(self.receives.take());
    }
}

/// Something is waited for, while this lives.
pub(super) struct Waits<'a> {
    armed: &'a Armed,
    number: u64,
}

impl Waits<'_> {
    fn set(&self, is_waited_for: bool) {
        if let Some(receives) = &mut *self.armed.receives.borrow_mut()
            && receives.number == self.number
        {
            receives.is_waited_for = is_waited_for;
        }
    }
}

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.set(false);
    }
}

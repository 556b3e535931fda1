//! `Unread`: what receives that were dropped have taken out of a stream.

use super::detached::Kept;
use super::waiting::{Seat, Waiting};
use crate::buf::{self, BufResult, IoBuf, IoBufMut};
use crate::driver::{self, Driver, DriverRef};
use crate::op::{Hold, Received};
use crate::scope;
use crate::yield_now::consume_budget;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::task::Poll;

/// The bytes that come next in a stream, before those that the kernel has; and what comes after
/// them, if that was an error: the socket tells it once. The end of the stream needs no keeping,
/// because the kernel repeats it.
///
/// A receive does not start while there is any of this. So it is never more than what the buffers
/// held of the receives that were in flight at a time: one, unless several tasks share the stream.
#[derive(Debug, Default)]
pub(super) struct Unread {
    bytes: RefCell<VecDeque<u8>>,
    error: RefCell<Option<io::Error>>,
    /// Receives that were dropped, and may still take something.
    claims: Cell<usize>,
    /// The driver that has those receives. It answers all of them before its runtime returns,
    /// unless that breaks down, or the process was forked: then a receive in another driver does
    /// not wait for them.
    driver: RefCell<Weak<RefCell<Driver>>>,
    /// Receives that have to wait for the claims.
    waiting: Waiting,
}

impl Unread {
    /// Bytes and an error that another core has kept, if there are any.
    pub(super) fn with((bytes, error): Kept) -> Option<Self> {
        let unread = Self { bytes: bytes.into(), error: error.into(), ..Self::default() };
        (!unread.is_empty()).then_some(unread)
    }

    /// Takes the bytes and the error that are kept.
    pub(super) fn take_all(&self) -> Kept {
        (self.bytes.take(), self.error.take())
    }

    /// Whether there is something, or may be, that comes before what the kernel has.
    pub(super) fn comes_first(&self) -> bool {
        self.is_claimed() || !self.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.bytes.borrow().is_empty() && self.error.borrow().is_none()
    }

    /// Whether dropped receives may still add something.
    fn is_claimed(&self) -> bool {
        let is_here = |driver: DriverRef| Rc::as_ptr(&driver) == self.driver.borrow().as_ptr();
        self.claims.get() > 0 && driver::current().is_some_and(is_here)
    }

    /// Waits until dropped receives can add nothing more: their bytes come before anything else.
    /// The kernel was asked to cancel them, so that is soon. In a cancelled scope this is a
    /// drop point, unless there is nothing to wait for and to take.
    ///
    /// # Errors
    ///
    /// Cancellation, and the limit of operations in flight.
    pub(super) async fn settled(&self) -> io::Result<()> {
        if !self.is_claimed() && !self.is_empty() && !scope::is_here_cancelled() {
            // The await returns at once; unless the scope is cancelled meanwhile, or there are new
            // claims.
            consume_budget().await;
        }
        if !self.is_claimed() && !self.is_empty() {
            scope::drop_point().await;
        }
        if self.is_claimed() { self.claims_end().await } else { Ok(()) }
    }

    async fn claims_end(&self) -> io::Result<()> {
        let mut hold = pin!(Hold::new());
        let mut seat = None;
        poll_fn(|cx| {
            if let Poll::Ready(error) = hold.as_mut().poll(cx) {
                return Poll::Ready(Err(error));
            }
            let Some(flight) = hold.flight() else { return Poll::Pending };
            if !self.is_claimed() {
                return Poll::Ready(Ok(()));
            }
            seat = Some(Seat::new(&self.waiting, flight));
            Poll::Pending
        })
        .await
    }

    /// Takes what comes next into a buffer, behind its first `skip` bytes; `None` if nothing was
    /// kept.
    pub(super) fn take(
        &self,
        buffer: &mut impl IoBufMut,
        skip: usize,
    ) -> Option<io::Result<usize>> {
        let mut bytes = self.bytes.borrow_mut();
        if bytes.is_empty() {
            return self.error.take().map(Err);
        }
        let length = buf::fill(buffer, skip, bytes.make_contiguous());
        bytes.drain(..length);
        if bytes.is_empty() {
            // Streams rarely have unread bytes, so the memory goes.
            bytes.shrink_to_fit();
        }
        Some(Ok(length))
    }

    /// Says what would be lost with the stream's last reader.
    ///
    /// # Errors
    ///
    /// Something would be.
    pub(super) fn check(&self) -> io::Result<()> {
        let text = match (self.claims.get(), self.bytes.borrow().len()) {
            (0, 0) => return self.error.take().map_or(Ok(()), Err),
            (0, kept) => {
                format!("{kept} bytes were received for a read that was dropped: read them first")
            }
            _ => "a read that was dropped is still in flight, and what it receives would be lost: \
                  read again first"
                .to_owned(),
        };
        Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
    }

    /// The right of a receive that is dropped to leave what it receives.
    pub(super) fn claim(self: &Rc<Self>) -> Claim {
        self.claims.set(self.claims.get() + 1);
        if let Some(driver) = driver::current() {
            self.driver.replace(Rc::downgrade(&driver));
        }
        Claim(Rc::clone(self))
    }
}

/// A receive that was dropped and may still take something. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Claim(Rc<Unread>);

impl Claim {
    /// Leaves what was received, and the first `skip` bytes of the buffer, which were received
    /// before. Tells whether anything was left: there was something, and the stream still exists.
    pub(super) fn leave<B: IoBuf>(self, skip: usize, outcome: BufResult<Received, B>) -> bool {
        let (result, buffer) = outcome;
        let (length, error) = match result {
            Ok(received) => (skip + received.length, None),
            Err(error) if scope::is_cancelled(&error) => (skip, None),
            Err(error) => (skip, Some(error)),
        };
        if Rc::strong_count(&self.0) == 1 || length == 0 && error.is_none() {
            return false;
        }
        self.0.bytes.borrow_mut().extend(&buffer.as_bytes()[..length]);
        if error.is_some() {
            self.0.error.replace(error);
        }
        true
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let left = self.0.claims.get() - 1;
        self.0.claims.set(left);
        if left == 0 {
            self.0.waiting.wake();
        }
    }
}

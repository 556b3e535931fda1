//! `Unread`: what receives that were dropped have taken out of a stream.

use super::armed::{Armed, Keeps};
use super::claims::Claims;
use super::detached::Kept;
use super::waiting::Waiting;
use crate::buf::{self, IoBufMut};
use crate::op::{Control, Leased, RecvMany};
use crate::pool::Lease;
use crate::scope;
use crate::sys::Space;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

/// The bytes that come next in a stream, before those that the kernel has; and what comes after
/// them, if that was an error: the socket tells it once. The end of the stream needs no keeping,
/// because the kernel repeats it.
///
/// A receive does not start while there is any of this. So it is never more than what the buffers
/// held of the receives that were in flight at a time: one, unless several tasks share the stream.
#[derive(Debug, Default)]
pub(super) struct Unread {
    bytes: RefCell<VecDeque<u8>>,
    /// What came along with some of the bytes, and how many come before those.
    along: RefCell<VecDeque<(usize, Control)>>,
    error: RefCell<Option<io::Error>>,
    claims: Claims,
    /// What waits until something can be read.
    waiting: Waiting,
    /// The stream of receives that the kernel has, if there is one.
    armed: Armed<Self>,
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

    /// Whether dropped receives may still add something.
    pub(super) fn is_claimed(&self) -> bool {
        self.claims.are_made()
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
        drop(bytes);
        // What came along with them is not asked for: it is closed.
        drop(self.remove(length));
        Some(Ok(length))
    }

    /// Takes what comes next, as [`take`](Self::take), with what came along. As in the kernel, it
    /// ends where something else came along.
    pub(super) fn take_msg(
        &self,
        buffer: &mut impl IoBufMut,
    ) -> Option<io::Result<(usize, Control)>> {
        let mut bytes = self.bytes.borrow_mut();
        if bytes.is_empty() {
            return self.error.take().map(Err);
        }
        let end = self.along.borrow().iter().map(|(before, _)| *before).find(|before| *before > 0);
        let end = end.unwrap_or(bytes.len());
        let length = buf::fill(buffer, 0, &bytes.make_contiguous()[..end]);
        drop(bytes);
        Some(Ok((length, self.remove(length).pop().unwrap_or_default())))
    }

    /// Removes the first bytes. Returns what came along with them.
    fn remove(&self, length: usize) -> Vec<Control> {
        let mut bytes = self.bytes.borrow_mut();
        bytes.drain(..length);
        if bytes.is_empty() {
            // Streams rarely have unread bytes, so the memory goes.
            bytes.shrink_to_fit();
        }
        let mut along = self.along.borrow_mut();
        let removed = along.iter().take_while(|(before, _)| *before < length).count();
        let removed = along.drain(..removed).map(|(_, control)| control).collect();
        along.iter_mut().for_each(|(before, _)| *before -= length);
        removed
    }

    /// Takes what comes next as bytes of their own, at most so many.
    pub(super) fn take_lease(&self, most: usize) -> Option<io::Result<Lease>> {
        let length = self.bytes.borrow().len().min(most);
        let mut bytes = Vec::with_capacity(length);
        let taken = self.take(&mut bytes, 0)?;
        Some(taken.map(|_| Lease::owned(bytes)))
    }

    /// Takes what comes next into memory that is lent for this call, as [`take`](Self::take).
    pub(super) fn take_into(&self, space: &mut Space<'_>) -> Option<io::Result<usize>> {
        let bytes = self.bytes.borrow();
        if bytes.is_empty() {
            return self.error.take().map(Err);
        }
        let length = space.fill(bytes.iter().copied());
        drop(bytes);
        // As in `take`.
        drop(self.remove(length));
        Some(Ok(length))
    }

    /// Takes what comes next into several buffers, one after the other, as [`take`](Self::take).
    pub(super) fn take_each(&self, buffers: &mut [impl IoBufMut]) -> Option<io::Result<usize>> {
        let mut taken = 0;
        for buffer in buffers.iter_mut().filter(|buffer| buffer.io_capacity() > 0) {
            if taken > 0 && self.bytes.borrow().is_empty() {
                break;
            }
            match self.take(buffer, 0)? {
                Ok(length) => taken += length,
                Err(error) => return Some(Err(error)),
            }
        }
        Some(Ok(taken))
    }

    /// Says what would be lost with the stream's last reader.
    ///
    /// # Errors
    ///
    /// Something would be.
    pub(super) fn check(self: &Rc<Self>) -> io::Result<()> {
        self.disarm();
        let text = match (self.claims.count(), self.bytes.borrow().len()) {
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

    /// Copies what comes next into a buffer, as [`take`](Self::take), and leaves it here. An error
    /// is taken: the socket tells it once.
    pub(super) fn peek(&self, buffer: &mut impl IoBufMut) -> Option<io::Result<usize>> {
        let mut bytes = self.bytes.borrow_mut();
        match bytes.is_empty() {
            true => self.error.take().map(Err),
            false => Some(Ok(buf::fill(buffer, 0, bytes.make_contiguous()))),
        }
    }

    /// Leaves what a dropped receive has taken, buffer by buffer, and then its error, if it is one
    /// of the connection. Tells whether anything was left: there was something, and the stream
    /// still exists.
    pub(super) fn leave(self: &Rc<Self>, parts: &[&[u8]], result: io::Result<()>) -> bool {
        self.leave_msg(parts, result.map(|()| Control::default()))
    }

    /// As [`leave`](Self::leave), with what came along.
    pub(super) fn leave_msg(self: &Rc<Self>, parts: &[&[u8]], result: io::Result<Control>) -> bool {
        let (control, error) = match result {
            Ok(control) => (control, None),
            Err(error) => (Control::default(), Some(error)),
        };
        let error = error.filter(is_news);
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if Rc::strong_count(self) == 1 || length == 0 && error.is_none() {
            return false;
        }
        let mut bytes = self.bytes.borrow_mut();
        if !control.is_empty() {
            self.along.borrow_mut().push_back((bytes.len(), control));
        }
        parts.iter().for_each(|part| bytes.extend(*part));
        drop(bytes);
        if error.is_some() {
            self.error.replace(error);
        }
        self.waiting.wake();
        true
    }
}

impl Keeps for Unread {
    type Receives = RecvMany;

    fn armed(&self) -> &Armed<Self> {
        &self.armed
    }

    fn claims(&self) -> &Claims {
        &self.claims
    }

    fn waiting(&self) -> &Waiting {
        &self.waiting
    }

    fn is_empty(&self) -> bool {
        self.bytes.borrow().is_empty() && self.error.borrow().is_none()
    }

    /// Keeps it as bytes: the buffer goes back to its pool.
    fn keep(self: &Rc<Self>, leased: io::Result<Leased>) -> bool {
        match leased {
            Ok(Leased { lease, .. }) => self.leave(&[&lease], Ok(())),
            Err(error) => self.leave(&[], Err(error)),
        }
    }
}

/// Whether an error is one of the connection: not of a receive that was to end, was not to wait, or
/// found no buffer.
pub(super) fn is_news(error: &io::Error) -> bool {
    let passing = [libc::EAGAIN, libc::ENOBUFS].map(Some);
    !scope::is_cancelled(error) && !passing.contains(&error.raw_os_error())
}

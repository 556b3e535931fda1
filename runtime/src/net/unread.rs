//! `Unread`: what receives that were dropped have taken out of a stream.

use super::claims::{Claim, Claims};
use super::detached::Kept;
use crate::buf::{self, IoBufMut};
use crate::scope;
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
    error: RefCell<Option<io::Error>>,
    claims: Claims,
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
        self.claims.are_made() || !self.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.bytes.borrow().is_empty() && self.error.borrow().is_none()
    }

    /// Waits until dropped receives can add nothing more: their bytes come before anything else.
    ///
    /// # Errors
    ///
    /// As of [`Claims::settled`].
    pub(super) async fn settled(&self) -> io::Result<()> {
        self.claims.settled(|| self.is_empty()).await
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
    pub(super) fn check(&self) -> io::Result<()> {
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

    /// The right of a receive that is dropped to leave what it receives.
    pub(super) fn claim(self: &Rc<Self>) -> Claim<Self> {
        Claim::new(self, |unread| &unread.claims)
    }

    /// Leaves what a dropped receive has taken, buffer by buffer, and then its error, unless that
    /// is a cancellation. Tells whether anything was left: there was something, and the stream
    /// still exists.
    pub(super) fn leave(self: &Rc<Self>, parts: &[&[u8]], result: io::Result<()>) -> bool {
        let error = result.err().filter(|error| !scope::is_cancelled(error));
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if Rc::strong_count(self) == 1 || length == 0 && error.is_none() {
            return false;
        }
        let mut bytes = self.bytes.borrow_mut();
        parts.iter().for_each(|part| bytes.extend(*part));
        if error.is_some() {
            self.error.replace(error);
        }
        true
    }
}

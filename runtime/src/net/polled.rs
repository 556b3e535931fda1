//! `Polled`: a stream for code that polls, with memory that it lends for the length of a call.
//!
//! ```text
//!   poll_read ─▶ unread bytes? ─▶ worth a try? ─▶ recv(MSG_DONTWAIT) ─▶ the caller
//!                                  ▲    │ no: drained    │ would block
//!                                  │    ▼                ▼
//!                                  ├── poll, by the ring, kept by the stream
//!                                  └── or the task's next poll, for a second try on a busy core
//! ```
//!
//! The socket itself goes on blocking, as the ring wants it; so both ways can be used in turn.

use super::armed::Keeps;
use super::stream::Stream;
use crate::op::{PollOp, Readiness, Standing};
use crate::ring::Interest;
use crate::scope;
use crate::sys::Space;
use crate::wake::budget;
use std::future::Future;
use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// What the kernel is not to do: wait, or send a signal.
pub(super) const NOW: libc::c_int = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;

/// Bytes of several buffers that are copied into one: a head and a short body. To send that is a
/// system call which takes the kernel less than one with a list of buffers does, by more than the
/// copy costs.
const JOINED: usize = 1024;

type Settling = Pin<Box<dyn Future<Output = io::Result<()>>>>;

/// The waits of a stream or a socket, one for each direction; and one for receives that were
/// dropped and have not ended.
#[derive(Debug, Default)]
pub(super) struct Polled {
    pub(super) read: Readiness,
    pub(super) write: Readiness,
    settling: Standing<Settling>,
}

impl Polled {
    /// Whether something is kept that comes before what the kernel has.
    pub(super) fn poll_kept<K: Keeps>(
        &self,
        kept: &Rc<K>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<bool>> {
        if !kept.comes_first() {
            return Poll::Ready(Ok(false));
        }
        let settling = || -> Settling {
            let kept = Rc::clone(kept);
            Box::pin(async move { kept.settled().await })
        };
        ready!(self.settling.poll(settling, cx))?;
        Poll::Ready(Ok(kept.comes_first()))
    }
}

/// The bytes of all parts, in their order.
fn length(parts: &[IoSlice<'_>]) -> usize {
    parts.iter().map(|part| part.len()).sum()
}

/// The parts one after the other, for which there has to be room.
fn join<'a>(parts: &[IoSlice<'_>], room: &'a mut [u8]) -> &'a [u8] {
    let mut done = 0;
    for part in parts {
        room[done..done + part.len()].copy_from_slice(part);
        done += part.len();
    }
    &room[..done]
}

impl Stream {
    // --- without waiting ---------------------------------------------------------------------

    pub(super) fn try_read(&self, space: &mut Space<'_>) -> io::Result<usize> {
        if space.len() == 0 {
            return Ok(0);
        }
        if let Some(unread) = self.inbound().unread() {
            unread.disarm();
            if unread.is_claimed() {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            if let Some(result) = unread.take_into(space) {
                return result;
            }
        }
        space.recv(self.fd())
    }

    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.socket().send_with_flags(bytes, NOW)
    }

    pub(super) fn try_write_vectored(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if length(parts) <= JOINED {
            return self.try_write(join(parts, &mut [0; JOINED]));
        }
        // More of them are an error for the kernel.
        let parts = &parts[..parts.len().min(libc::UIO_MAXIOV as usize)];
        self.socket().send_vectored_with_flags(parts, NOW)
    }

    // --- waiting -----------------------------------------------------------------------------

    pub(crate) fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.inbound().unread_or_new().readable(self.fd())
    }

    pub(crate) async fn writable(&self) -> io::Result<()> {
        PollOp::new(self.fd().clone(), Interest::Writable).await
    }

    pub(super) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if ready!(self.poll_unread(cx))? {
            return Poll::Ready(Ok(()));
        }
        self.polled().read.poll(self.fd(), Interest::Readable, cx)
    }

    pub(super) fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.polled().write.poll(self.fd(), Interest::Writable, cx)
    }

    fn polled(&self) -> &Polled {
        self.inbound().polled()
    }

    /// Whether something is kept that comes before what the kernel has.
    fn poll_unread(&self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let Some(unread) = self.inbound().unread() else { return Poll::Ready(Ok(false)) };
        self.polled().poll_kept(unread, cx)
    }

    // --- both --------------------------------------------------------------------------------

    pub(crate) fn poll_read(
        &self,
        cx: &mut Context<'_>,
        space: &mut Space<'_>,
    ) -> Poll<io::Result<usize>> {
        if space.len() == 0 {
            ready!(budget::proceed(cx));
            return Poll::Ready(Ok(0));
        }
        while ready!(self.poll_unread(cx))? {
            match self.try_read(space) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
        let read = &self.polled().read;
        let polled = read.poll_try(self.fd(), Interest::Readable, cx, || space.recv(self.fd()));
        if let Poll::Ready(Ok(length)) = polled {
            // Most often: then the next poll waits, or tries after the others had their polls.
            read.set_short(length < space.len());
        }
        polled
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_by(cx, bytes.len(), || self.try_write(bytes))
    }

    pub(crate) fn poll_write_vectored(
        &self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_by(cx, length(parts), || self.try_write_vectored(parts))
    }

    fn poll_write_by(
        &self,
        cx: &mut Context<'_>,
        length: usize,
        attempt: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        if length == 0 {
            // The kernel would say so as well; but it might have to be waited for.
            ready!(budget::proceed(cx));
            return Poll::Ready(Ok(0));
        }
        let write = &self.polled().write;
        let polled = write.poll_try(self.fd(), Interest::Writable, cx, attempt);
        if let Poll::Ready(Ok(sent)) = polled {
            write.set_drained(sent < length);
        }
        polled
    }

    /// Ends the direction that writes. A connection that is gone already is as good.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(scope::poll_drop_point(cx));
        ready!(budget::proceed(cx));
        Poll::Ready(match self.socket().shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            result => result,
        })
    }
}

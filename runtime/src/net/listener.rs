//! `Listener`: a socket of any family that accepts connections.

use super::accepting::{Accepted, Accepting, Parked};
use super::connection::{Arrival, Connected};
use super::incoming::Incoming;
use super::waiting::readable;
use crate::fd::SharedFd;
use crate::op::{Close, nop};
use crate::scope::is_cancelled;
use crate::yield_now::consume_budget;
use socket2::SockRef;
use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, ready};

/// A listening socket. What its methods promise stands at those of
/// [`TcpListener`](super::TcpListener).
#[derive(Debug)]
pub struct Listener {
    fd: SharedFd,
    /// Dropped accepts refer to it weakly: a connection is parked only while the listener is there.
    parked: Rc<Parked>,
}

impl Listener {
    pub(super) fn new(fd: SharedFd) -> Self {
        Self { fd, parked: Rc::default() }
    }

    pub(super) async fn accept<S: Connected>(&self) -> io::Result<(S, S::Address)> {
        loop {
            match Accepting::new(&self.fd, &self.parked).await {
                Err(error) if is_passing(&error) => {}
                outcome => return connection(outcome?),
            }
        }
    }

    /// Waits until something can be accepted.
    pub(super) async fn readable(&self) -> io::Result<()> {
        if !self.parked.is_empty() {
            consume_budget().await;
            return Ok(());
        }
        readable(&self.fd, &self.parked.waiting, || !self.parked.is_empty()).await
    }

    /// Accepts what is there; `None` if that has gone to another core or process.
    pub(super) async fn accept_ready<S: Connected>(&self) -> io::Result<Option<(S, S::Address)>> {
        let mut accepting = Accepting::new(&self.fd, &self.parked);
        let mut after = Some(Box::pin(nop()));
        let outcome = poll_fn(|cx| {
            if let Poll::Ready(outcome) = Pin::new(&mut accepting).poll(cx) {
                return Poll::Ready(Some(outcome));
            }
            // The kernel answers in the order in which it was asked.
            let Some(later) = &mut after else { return Poll::Pending };
            match ready!(later.as_mut().poll(cx)) {
                Err(error) if is_cancelled(&error) => {
                    // So is the accept, which has an answer, too.
                    after = None;
                    Poll::Pending
                }
                _ => Poll::Ready(None),
            }
        });
        match outcome.await {
            None => Ok(None),
            Some(Err(error)) if is_passing(&error) => Ok(None),
            Some(outcome) => connection(outcome?).map(Some),
        }
    }

    pub(super) fn incoming<S: Connected>(&self) -> Incoming<'_, S> {
        Incoming::new(&self.fd, &self.parked)
    }

    pub(super) async fn close(self) -> io::Result<()> {
        let Self { fd, parked } = self;
        drop(parked);
        Close::new(fd.into_sole().await).await
    }

    pub(super) fn into_owned(self) -> io::Result<OwnedFd> {
        self.fd.into_owned()
    }

    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// What was accepted, as the type of connection that it is, and the address of its peer.
pub(super) fn connection<S: Connected>((fd, peer): Accepted) -> io::Result<(S, S::Address)> {
    S::accepted(Arrival(fd, peer))
}

/// Errors of the connection that was to be accepted, not of the listener (accept(2)).
pub(super) fn is_passing(error: &io::Error) -> bool {
    let passing = [
        libc::ECONNABORTED,
        libc::EINTR,
        libc::EPROTO,
        libc::ENETDOWN,
        libc::ENOPROTOOPT,
        libc::EHOSTDOWN,
        libc::ENONET,
        libc::EHOSTUNREACH,
        libc::ENETUNREACH,
    ];
    error.raw_os_error().is_some_and(|code| passing.contains(&code))
}

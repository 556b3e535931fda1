//! `Incoming`: the connections of a listener, for which the kernel is asked once.
//!
//! ```text
//!            1 wait                  2 poll_kernel: a connection, more follow
//!   begun ────────────▶ in flight ────────────────────────────────────────────▶ the caller
//!     ▲                  │  │ │ 3 wait: an accept beside it was cut short
//!     │                  │  │ └──────▶ interrupted ── 4 poll_kernel: it has ended ──┐
//!     ├──────────────────┼──┼───────────────────────────────────────────────────────┘
//!     └── 4 the same ────┘  │ 5 drop
//!                           ▼
//!                       abandoned ── 6 Parked::leave, each that still comes ──▶ parked
//! ```
//!
//! As with [`Accepting`](super::accepting), a connection that comes for a dropped future is parked,
//! and an accept that is cut short beside it may have taken its wake: then the kernel is asked
//! anew.

use super::TcpStream;
use super::accepting::{Accepted, Parked};
use super::connection::Connected;
use super::listener::{connection, is_passing};
use super::waiting::Seat;
use crate::fd::SharedFd;
use crate::op::{AcceptMany, Many};
use crate::scope::{is_here_cancelled, poll_drop_point};
use crate::wake::budget;
use socket2::SockRef;
use std::future::poll_fn;
use std::io;
use std::marker::PhantomData;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Connections one after the other, of a [listener](super::TcpListener::incoming).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     let clients = [TcpStream::connect(address).await?, TcpStream::connect(address).await?];
///     let mut incoming = listener.incoming();
///     for client in &clients {
///         let (_server, peer) = incoming.next().await?;
///         assert_eq!(peer, client.local_addr()?);
///     }
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct Incoming<'a, S: Connected = TcpStream> {
    parked: &'a Rc<Parked>,
    accepts: Many<AcceptMany>,
    seat: Option<Seat<'a>>,
    /// How many accepts had been cut short when the kernel was asked to end this one, or before.
    seen: u64,
    /// A connection was there already, when the turn was over.
    suspended: bool,
    kind: PhantomData<fn() -> S>,
}

impl<'a, S: Connected> Incoming<'a, S> {
    pub(super) fn new(listener: &SharedFd, parked: &'a Rc<Parked>) -> Self {
        let accepts = AcceptMany::new(listener.clone());
        Self { parked, accepts, seat: None, seen: 0, suspended: false, kind: PhantomData }
    }

    /// Waits for the next connection.
    ///
    /// # Cancellation
    ///
    /// In a cancelled task, the connections that have been accepted already are delivered, and then
    /// the cancellation, once. Nothing is lost when the future is dropped: the next call, or
    /// another accept on the listener, gets the connection.
    ///
    /// # Errors
    ///
    /// As [`accept`](super::TcpListener::accept); it can be called again after each of them. When
    /// descriptors or memory run out ([`is_exhausted`](super::is_exhausted)), pause before that.
    pub async fn next(&mut self) -> io::Result<(S, S::Address)> {
        loop {
            match poll_fn(|cx| self.poll_next(cx)).await {
                Ok(accepted) => return connection(accepted),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        loop {
            if self.accepts.flight().is_none() {
                ready!(poll_drop_point(cx));
            }
            // In a cancelled scope, the answers of the kernel are all that this still gets.
            let is_cancelled = is_here_cancelled();
            let is_parked = !is_cancelled && !self.parked.is_empty();
            let is_answered = self.accepts.is_answered();
            if is_answered || is_parked {
                // When the turn is over, what has come stays for the next turn.
                ready!(budget::proceed_unless(|| is_cancelled, &mut self.suspended, cx));
            }
            if let Some(connection) = if is_parked { self.parked.take() } else { None } {
                return Poll::Ready(Ok(connection));
            }
            if !is_answered {
                return self.wait(cx);
            }
            if let Poll::Ready(outcome) = self.poll_kernel(cx) {
                return Poll::Ready(outcome);
            }
            // The accept had ended because the kernel was asked to, and was begun anew.
        }
    }

    fn poll_kernel(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        let outcome = ready!(self.accepts.poll_next(cx)).and_then(named);
        outcome.as_ref().err().into_iter().for_each(|error| self.parked.ended(error));
        Poll::Ready(outcome)
    }

    /// Asks the kernel, or goes on waiting for it; and to be woken if something is left here.
    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        self.seat = None;
        let cut_short = self.parked.cut_short();
        if let Some(flight) = self.accepts.flight().filter(|_| self.seen != cut_short) {
            // The kernel is asked anew when the accept has ended.
            flight.interrupt();
        }
        self.seen = cut_short;
        let polled = self.poll_kernel(cx);
        self.seat = self.accepts.flight().map(|flight| Seat::new(&self.parked.waiting, flight));
        polled
    }
}

/// A connection and the address of its peer. If the peer has given up by now, there is no address.
fn named(fd: SharedFd) -> io::Result<Accepted> {
    match SockRef::from(&fd).peer_addr() {
        Ok(peer) => Ok((fd, peer)),
        Err(error) if error.kind() == io::ErrorKind::NotConnected => {
            Err(io::Error::from_raw_os_error(libc::ECONNABORTED))
        }
        Err(error) => Err(error),
    }
}

impl<S: Connected> Drop for Incoming<'_, S> {
    fn drop(&mut self) {
        self.seat = None;
        let parked = Rc::downgrade(self.parked);
        self.accepts.abandon(move |outcome| {
            let parked = parked.upgrade();
            parked.is_some_and(|parked| parked.leave(outcome.and_then(named)))
        });
    }
}

//! `RecvStream`: receives one after the other, for which the kernel is asked once.
//!
//! ```text
//!           1 arm                       2 poll: something has come, more follows
//!   begun ────────▶ armed, in flight ──────────────────────────────────────────────▶ the caller
//!     ▲              │ 3 no buffer: waits for one as a single receive does
//!     │              │ 4 it holds its share, or the end has come: the kernel is asked to end it
//!     └──────────────┘ 5 another receive has disarmed it: the next is received singly
//! ```
//!
//! A stream that is not armed receives singly: beyond its share of the pool, into memory of its
//! own; when the end has come, in the way that does not sleep beside it.

use super::armed::{Keeps, Receives};
use super::arming::{Arming, Next};
use super::receiving::Inbound;
use super::unread::Unread;
use super::{leasing, starved};
use crate::fd::SharedFd;
use crate::op::{Leased, RecvMany};
use crate::pool::{self, Buffers, Lease, Pool};
use crate::yield_now::consume_budget;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;

/// What a connection receives, one [`Lease`] after the other, of
/// [`recv_stream`](super::TcpStream::recv_stream).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _) = listener.accept().await?;
///     client.write_all("to the end").await.0?;
///     drop(client);
///     let (mut received, mut leases) = (Vec::new(), server.recv_stream());
///     loop {
///         let lease = leases.next().await?;
///         if lease.is_empty() {
///             break;
///         }
///         received.extend_from_slice(&lease);
///     }
///     assert_eq!(received, b"to the end");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct RecvStream<'a> {
    socket: &'a SharedFd,
    inbound: &'a Inbound,
    pool: Option<&'a Pool>,
    arming: Arming<'a, Unread>,
    /// The end of the connection has come, perhaps behind bytes that are to be received.
    is_ending: bool,
}

impl<'a> RecvStream<'a> {
    pub(super) fn new(socket: &'a SharedFd, inbound: &'a Inbound, pool: Option<&'a Pool>) -> Self {
        let arming = Arming::new(inbound.unread_or_new());
        Self { socket, inbound, pool, arming, is_ending: false }
    }

    /// Waits for what comes next: at most one buffer of the pool. An empty lease is the end of the
    /// stream, also each time after that.
    ///
    /// # Cancellation
    ///
    /// In a cancelled task, what was received already is delivered, and then the cancellation,
    /// once. Nothing is lost when the future is dropped: the next call, or another receive of the
    /// connection, gets it.
    ///
    /// # Errors
    ///
    /// As [`recv`](super::TcpStream::recv).
    pub async fn next(&mut self) -> io::Result<Lease> {
        let pool = match pool::choose(self.pool) {
            Ok(pool) => pool,
            Err(error) => {
                consume_budget().await;
                return Err(error);
            }
        };
        let lease = self.receive(&pool).await?;
        self.is_ending |= lease.is_empty();
        Ok(lease)
    }

    async fn receive(&mut self, pool: &Rc<Buffers>) -> io::Result<Lease> {
        let unread = self.arming.kept();
        let mut was_disarmed = false;
        loop {
            let is_armed = self.arming.is_armed(pool);
            if !is_armed || unread.has_left() {
                if let Some(kept) = leasing::kept(self.inbound, pool).await {
                    return kept;
                }
                if is_armed {
                    // Not any more.
                    continue;
                }
            }
            if !is_armed {
                if self.arming.has_enough(pool) {
                    let size = pool.size();
                    return starved::receive_copied(self.socket, self.inbound, size).await;
                }
                // Two that disarm each other would go on with that until something comes.
                if self.is_ending || was_disarmed {
                    return leasing::once(self.socket, self.inbound, pool).await;
                }
                if unread.armed().is_there() {
                    // Armed by another task, while this one waited for what had been.
                    continue;
                }
                let many = RecvMany::new(self.socket.clone(), pool, &self.arming.held);
                self.arming.arm(Receives::new(many, self.socket, pool).ending());
            }
            match poll_fn(|cx| self.arming.poll(pool, cx)).await {
                Next::Come(Err(error)) if starved::is_it(&error) => {
                    self.arming.disarm();
                    return starved::receive(self.socket, self.inbound, pool).await;
                }
                Next::Come(received) => return received.map(|received| self.take(received)),
                next => {
                    self.is_ending |= matches!(next, Next::End);
                    was_disarmed = !self.arming.disarm();
                }
            }
        }
    }

    fn take(&self, Leased { lease, more }: Leased) -> Lease {
        self.inbound.set_more(more);
        lease
    }
}

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
//! While it is not armed, it receives singly: beside its share of the pool, into memory of its own;
//! when the end has come, in the way that does not sleep beside it.

use super::armed::Receives;
use super::receiving::Inbound;
use super::{leasing, starved};
use crate::fd::SharedFd;
use crate::op::{Leased, RecvMany};
use crate::pool::{self, Buffers, Lease, Pool};
use crate::scope::is_here_cancelled;
use crate::wake::budget;
use crate::yield_now::consume_budget;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

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
    /// What it has armed last.
    number: u64,
    /// How many buffers it has given to its caller that have not gone back.
    held: Rc<Cell<usize>>,
    /// It held more than its share, and still holds half of that.
    has_enough: bool,
    /// The end of the connection has come, perhaps behind bytes that are to be received.
    is_ending: bool,
    /// Something was there already, when the turn was over.
    suspended: bool,
}

impl<'a> RecvStream<'a> {
    pub(super) fn new(socket: &'a SharedFd, inbound: &'a Inbound, pool: Option<&'a Pool>) -> Self {
        Self {
            socket,
            inbound,
            pool,
            number: 0,
            held: Rc::default(),
            has_enough: false,
            is_ending: false,
            suspended: false,
        }
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
        let unread = self.inbound.unread_or_new();
        let mut was_disarmed = false;
        loop {
            let is_armed = unread.armed.is(self.number, pool);
            if (!is_armed || unread.has_left())
                && let Some(kept) = leasing::kept(self.inbound, pool).await
            {
                return kept;
            }
            if !is_armed {
                if self.has_enough(pool) {
                    let size = pool.size();
                    return starved::receive_copied(self.socket, self.inbound, size).await;
                }
                // Two that disarm each other would go on with that until something comes.
                if self.is_ending || was_disarmed {
                    return leasing::once(self.socket, self.inbound, pool).await;
                }
                if unread.armed.is_there() {
                    // Armed by another task, while this one waited for what had been.
                    continue;
                }
                let receives = Receives::new(self.socket, pool, &self.held);
                self.number = unread.armed.arm(receives);
            }
            match poll_fn(|cx| self.poll_armed(pool, cx)).await {
                Some(Err(error)) if starved::is_it(&error) => {
                    unread.disarm_number(self.number);
                    return starved::receive(self.socket, self.inbound, pool).await;
                }
                Some(received) => return received.map(|received| self.take(received)),
                None => was_disarmed = !unread.disarm_number(self.number),
            }
        }
    }

    fn take(&self, Leased { lease, more }: Leased) -> Lease {
        self.inbound.set_more(more);
        lease
    }

    /// Whether it is not to take more out of the pool.
    fn has_enough(&mut self, pool: &Buffers) -> bool {
        let most = RecvMany::half_share(pool);
        self.has_enough = self.held.get() > if self.has_enough { most / 2 } else { most };
        self.has_enough
    }

    /// What comes next for what is armed; `None` if that is to be disarmed.
    fn poll_armed(
        &mut self,
        pool: &Buffers,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Leased>>> {
        let unread = self.inbound.unread_or_new();
        let Some(mut receives) = unread.armed.lend(self.number) else { return Poll::Ready(None) };
        if receives.is_over() || self.has_enough(pool) {
            return Poll::Ready(None);
        }
        if receives.is_answered() {
            // When the turn is over, it stays for the next.
            ready!(budget::proceed_unless(is_here_cancelled, &mut self.suspended, cx));
        }
        let next = ready!(receives.poll(cx));
        self.is_ending |= next.is_none();
        Poll::Ready(next)
    }
}

impl Drop for RecvStream<'_> {
    fn drop(&mut self) {
        self.inbound.unread().into_iter().for_each(|unread| {
            unread.disarm_number(self.number);
        });
    }
}

//! `DatagramStream`: datagrams one after the other, for which the kernel is asked once.
//!
//! ```text
//!           1 arm                       2 poll: one has come, more follow
//!   begun ────────▶ armed, in flight ────────────────────────────────────────▶ the caller
//!     ▲              │ 3 no buffer: waits in line for one, or has memory of its own
//!     │              │ 4 it holds its share, or dropped receives have left something
//!     └──────────────┘ 5 another receive has disarmed it
//! ```
//!
//! While it is not armed, it looks for the next and receives it into memory of its own.

use super::armed::{Keeps, Receives};
use super::arming::{Arming, Next};
use super::packets::Packets;
use super::unread_datagrams::UnreadDatagrams;
use super::waiting::Seat;
use super::{Datagram, starved};
use crate::config::POOL_ATTEMPTS;
use crate::fd::SharedFd;
use crate::op::{RawMsg, RecvMsgMany};
use crate::pool::{self, Buffers, Lease, Pool, Pools};
use crate::yield_now::consume_budget;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::Poll;

/// What a socket receives, one datagram after the other, of
/// [`recv_stream`](super::UdpSocket::recv_stream).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::UdpSocket;
/// nestling_runtime::block_on(async {
///     let server = UdpSocket::bind("127.0.0.1:0").await?;
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///     client.connect(server.local_addr()?).await?;
///     let mut datagrams = server.recv_stream();
///     for word in ["one", "two"] {
///         client.send(word).await.0?;
///         let (lease, datagram) = datagrams.next().await?;
///         assert_eq!(&lease[..], word.as_bytes());
///         server.send_to(lease, datagram.from).await.0?; // back to where it came from
///         assert_eq!(client.recv(vec![0; 1500]).await.0?, 3);
///     }
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct DatagramStream<'a> {
    socket: &'a SharedFd,
    pool: Option<&'a Pool>,
    arming: Arming<'a, UnreadDatagrams>,
}

impl<'a> DatagramStream<'a> {
    pub(super) fn new(packets: &'a Packets, pool: Option<&'a Pool>) -> Self {
        Self { socket: packets.fd(), pool, arming: Arming::new(packets.unread()) }
    }

    /// Waits for the next datagram; gives its bytes, and what is told of it.
    ///
    /// # Cancellation
    ///
    /// In a cancelled task, what was received already is delivered, and then the cancellation,
    /// once. Nothing is lost when the future is dropped: the next call, or another receive of the
    /// socket, gets it.
    ///
    /// # Errors
    ///
    /// As [`recv_msg`](super::UdpSocket::recv_msg), after each of which it can be called again; and
    /// `InvalidInput` if the pool belongs to another runtime, or has buffers without room for what
    /// is told of a datagram.
    pub async fn next(&mut self) -> io::Result<(Lease, Datagram)> {
        let pool = match pool::choose(self.pool).and_then(with_room) {
            Ok(pool) => pool,
            Err(error) => {
                consume_budget().await;
                return Err(error);
            }
        };
        self.receive(&pool).await
    }

    async fn receive(&mut self, pool: &Rc<Buffers>) -> io::Result<(Lease, Datagram)> {
        let unread = self.arming.kept();
        let (mut was_disarmed, mut attempts) = (false, POOL_ATTEMPTS);
        loop {
            let is_armed = self.arming.is_armed(pool);
            if !is_armed || unread.has_left() {
                unread.settled().await?;
                if let Some(parcel) = unread.take_parcel() {
                    let (bytes, told) = parcel?;
                    return Ok((Lease::owned(bytes), Datagram::new(told)?));
                }
                if is_armed {
                    // Not any more.
                    continue;
                }
            }
            if !is_armed {
                // Two that disarm each other would go on with that until something comes.
                if was_disarmed || self.arming.has_enough(pool) {
                    unread.readable(self.socket).await?;
                    starved::cancelled().map_or(Ok(()), Err)?;
                    if unread.has_left() {
                        // A datagram that is left comes first.
                        continue;
                    }
                    match self.copied(pool).await {
                        Err(error) if starved::is_empty(&error) => continue,
                        outcome => return outcome,
                    }
                }
                if unread.armed().is_there() {
                    // Armed by another task, while this one waited for what had been.
                    continue;
                }
                let many = RecvMsgMany::new(self.socket.clone(), pool, &self.arming.held);
                self.arming.arm(Receives::new(many, self.socket, pool));
            }
            match self.armed(pool).await {
                Next::Come(Err(error)) if starved::is_it(&error) => {
                    self.arming.disarm();
                    match self.starved(pool, &mut attempts).await {
                        Err(error) if starved::is_empty(&error) => {}
                        outcome => return outcome,
                    }
                }
                Next::Come(received) => return Datagram::leased(received?.read()?),
                Next::End | Next::Over => was_disarmed = !self.arming.disarm(),
            }
        }
    }

    /// What comes of what is armed; nothing more once dropped receives have left something.
    async fn armed(&mut self, pool: &Buffers) -> Next<io::Result<RawMsg>> {
        let unread = self.arming.kept();
        let mut seat = None;
        poll_fn(|cx| {
            if !unread.is_empty() {
                return Poll::Ready(Next::Over);
            }
            let polled = self.arming.poll(pool, cx);
            if polled.is_pending() {
                seat = self.arming.flight().map(|flight| Seat::new(unread.waiting(), &flight));
            }
            polled
        })
        .await
    }

    /// Receives what is there after the kernel has found no buffer. `WouldBlock` if that is
    /// nothing, or there are buffers again.
    async fn starved(
        &self,
        pool: &Rc<Buffers>,
        attempts: &mut u32,
    ) -> io::Result<(Lease, Datagram)> {
        if *attempts == POOL_ATTEMPTS {
            starved::count(Pools::count_starved);
        }
        starved::cancelled().map_or(Ok(()), Err)?;
        if *attempts > 0 && pool.restock() {
            *attempts -= 1;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        *attempts = POOL_ATTEMPTS;
        let buffer = starved::stand_in_line(pool).await?;
        if self.arming.kept().has_left() {
            // A datagram that is left comes first.
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match buffer {
            Some(buffer) => {
                let (told, buffer) =
                    self.arming.kept().receive_at_once(self.socket, buffer).await?;
                Ok((buffer.into_lease(0..told.length), Datagram::new(told)?))
            }
            None => self.copied(pool).await,
        }
    }

    /// Receives what is there into memory of its own, as much as a buffer has room for.
    async fn copied(&self, pool: &Buffers) -> io::Result<(Lease, Datagram)> {
        let bytes = Vec::with_capacity(pool.size() - RecvMsgMany::OVERHEAD);
        let (told, mut bytes) = self.arming.kept().receive_at_once(self.socket, bytes).await?;
        starved::count(Pools::count_copied);
        bytes.shrink_to_fit();
        Ok((Lease::owned(bytes), Datagram::new(told)?))
    }
}

/// The pool, if its buffers have room for a datagram.
fn with_room(pool: Rc<Buffers>) -> io::Result<Rc<Buffers>> {
    if pool.size() > RecvMsgMany::OVERHEAD {
        return Ok(pool);
    }
    let text = format!(
        "a buffer of {} bytes has no room for a datagram: {} of them are for its address and what \
         comes along. Use a pool of larger buffers",
        pool.size(),
        RecvMsgMany::OVERHEAD
    );
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

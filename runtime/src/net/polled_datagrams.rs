//! Datagrams for code that polls, and without waiting, in buffers that are only borrowed.

use super::UdpSocket;
use super::armed::Keeps;
use super::packets::Packets;
use super::polled::NOW;
use super::tcp_listener::not_internet;
use crate::op::PollOp;
use crate::ring::Interest;
use crate::sys::Space;
use socket2::SockAddr;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

/// For code that polls, and for buffers that are only borrowed. A call that does not wait says
/// `WouldBlock` instead; one that waits takes nothing, so nothing is lost when it is dropped. They
/// can be mixed with calls that own their buffers: a datagram that a dropped receive has left comes
/// first.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::UdpSocket;
/// use std::io::ErrorKind;
/// nestling_runtime::block_on(async {
///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
///     let mut buffer = [0; 16];
///     let nothing = socket.try_recv_from(&mut buffer).unwrap_err();
///     assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
///     socket.try_send_to(b"hello", socket.local_addr()?)?;
///     socket.readable().await?;
///     assert_eq!(socket.try_recv_from(&mut buffer)?, (5, socket.local_addr()?));
///     Ok(())
/// })
/// # }
/// ```
impl UdpSocket {
    /// Receives a datagram that is there, and tells its length. What does not fit is lost.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing is there, or if a receive that was dropped is still with the kernel:
    /// what it receives comes first. Else as [`recv`](Self::recv).
    pub fn try_recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.packets.try_recv(&mut buffer.into()).map(|(length, _)| length)
    }

    /// Receives a datagram that is there, and tells its length and where it came from.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.packets.try_recv(&mut buffer.into()).and_then(named)
    }

    /// Sends a datagram where the socket is [connected](Self::connect), if there is room for it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none. Else as [`send`](Self::send).
    pub fn try_send(&self, buffer: &[u8]) -> io::Result<usize> {
        self.socket().send_with_flags(buffer, NOW)
    }

    /// Sends a datagram to an address, if there is room for it.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none. Else as [`send_to`](Self::send_to).
    pub fn try_send_to(&self, buffer: &[u8], to: SocketAddr) -> io::Result<usize> {
        self.socket().send_to_with_flags(buffer, &to.into(), NOW)
    }

    /// Waits until a datagram can be received, or an error.
    ///
    /// # Errors
    ///
    /// The wait was cancelled.
    pub fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.packets.unread().readable(self.packets.fd())
    }

    /// Waits until there is room for a datagram.
    ///
    /// # Errors
    ///
    /// The wait was cancelled.
    pub async fn writable(&self) -> io::Result<()> {
        PollOp::new(self.packets.fd().clone(), Interest::Writable).await
    }

    /// [`readable`](Self::readable) for code that polls. The socket keeps the wait, and wakes the
    /// task of the last poll; each direction has its own. It is ready once for each wait: then try.
    ///
    /// # Cancellation
    ///
    /// As with [`TcpStream::poll_read_ready`](super::TcpStream::poll_read_ready).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.packets.poll_recv_ready(cx)
    }

    /// [`writable`](Self::writable) for code that polls: see
    /// [`poll_recv_ready`](Self::poll_recv_ready).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.packets.polled().write.poll(self.packets.fd(), Interest::Writable, cx)
    }

    /// [`try_recv`](Self::try_recv) that waits until it can. It makes a system call when one is
    /// likely to bring something; else it waits first, as
    /// [`poll_recv_ready`](Self::poll_recv_ready).
    ///
    /// # Errors
    ///
    /// The errors of the attempt, and of the wait.
    pub fn poll_recv(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.packets.poll_recv(cx, &mut buffer.into()).map_ok(|(length, _)| length)
    }

    /// [`try_recv_from`](Self::try_recv_from) that waits until it can, likewise.
    ///
    /// # Errors
    ///
    /// The errors of the attempt, and of the wait.
    pub fn poll_recv_from(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<(usize, SocketAddr)>> {
        self.packets.poll_recv(cx, &mut buffer.into()).map(|received| received.and_then(named))
    }

    /// [`try_send`](Self::try_send) that waits until it can, likewise.
    ///
    /// # Errors
    ///
    /// The errors of the attempt, and of the wait.
    pub fn poll_send(&self, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        self.packets.poll_send(cx, || self.try_send(buffer))
    }

    /// [`try_send_to`](Self::try_send_to) that waits until it can, likewise.
    ///
    /// # Errors
    ///
    /// The errors of the attempt, and of the wait.
    pub fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buffer: &[u8],
        to: SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.packets.poll_send(cx, || self.try_send_to(buffer, to))
    }
}

/// A datagram's length, and where it came from.
type From = (usize, Option<SockAddr>);

fn named((length, from): From) -> io::Result<(usize, SocketAddr)> {
    let from = from.and_then(|from| from.as_socket()).ok_or_else(not_internet)?;
    Ok((length, from))
}

impl Packets {
    fn try_recv(&self, space: &mut Space<'_>) -> io::Result<From> {
        match self.unread().take_into(space) {
            Some(kept) => kept,
            None => space.recv_from(self.fd()).map(|(length, from)| (length, Some(from))),
        }
    }

    fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if ready!(self.polled().poll_kept(self.unread(), cx))? {
            return Poll::Ready(Ok(()));
        }
        self.polled().read.poll(self.fd(), Interest::Readable, cx)
    }

    fn poll_recv(&self, cx: &mut Context<'_>, space: &mut Space<'_>) -> Poll<io::Result<From>> {
        while ready!(self.polled().poll_kept(self.unread(), cx))? {
            match self.try_recv(space) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
        let read = &self.polled().read;
        read.poll_try(self.fd(), Interest::Readable, cx, || self.try_recv(space))
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        attempt: impl FnMut() -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        self.polled().write.poll_try(self.fd(), Interest::Writable, cx, attempt)
    }
}

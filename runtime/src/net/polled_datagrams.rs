//! Datagrams without waiting, in buffers that are only borrowed.

use super::UdpSocket;
use super::polled::NOW;
use super::tcp_listener::not_internet;
use crate::op::PollOp;
use crate::ring::Interest;
use crate::sys::Space;
use std::future::Future;
use std::io;
use std::net::SocketAddr;

/// Without waiting, and with buffers that are only borrowed. A call says `WouldBlock` instead of
/// waiting; what waits takes nothing, so nothing is lost when it is dropped. They can be mixed with
/// calls that own their buffers: a datagram that a dropped receive has left comes first.
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
        let space = &mut Space::from(buffer);
        match self.packets.unread().take_into(space) {
            Some(result) => result.map(|(length, _)| length),
            None => space.recv(self.packets.fd()),
        }
    }

    /// Receives a datagram that is there, and tells its length and where it came from.
    ///
    /// # Errors
    ///
    /// As [`try_recv`](Self::try_recv).
    pub fn try_recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let space = &mut Space::from(buffer);
        let (length, from) = match self.packets.unread().take_into(space) {
            Some(result) => result?,
            None => {
                space.recv_from(self.packets.fd()).map(|(length, from)| (length, Some(from)))?
            }
        };
        let from = from.and_then(|from| from.as_socket()).ok_or_else(not_internet)?;
        Ok((length, from))
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
}

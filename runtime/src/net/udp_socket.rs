//! `UdpSocket`: datagrams over IP.

use super::tcp_listener::not_internet;
use super::unread_datagrams::{Told, UnreadDatagrams};
use super::{ToSocketAddrs, lookup};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{Close, Connect, One, SendMsg, SendOp};
use crate::yield_now::consume_budget;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

/// A UDP socket.
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
///     client.send("hello").await.0?;
///     let (received, buffer) = server.recv_from(vec![0; 1500]).await;
///     let (length, peer) = received?;
///     assert_eq!(&buffer[..length], b"hello");
///     server.send_to("and you", peer).await.0?;
///     assert_eq!(client.recv(vec![0; 1500]).await.0?, 7);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UdpSocket {
    fd: SharedFd,
    unread: Rc<UnreadDatagrams>,
}

/// What [`UdpSocket::recv_msg`] tells of a datagram.
///
/// # Examples
///
/// See [`UdpSocket::recv_msg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram {
    /// Bytes of it that are in the buffer.
    pub length: usize,
    /// Where it came from.
    pub from: SocketAddr,
    /// Whether it was longer than the buffer: the rest of it is lost.
    pub truncated: bool,
}

impl UdpSocket {
    fn from_owned(fd: OwnedFd) -> Self {
        Self { fd: SharedFd::new(fd), unread: Rc::default() }
    }

    /// Receives what comes to an address; of several, or of a host's, to the first where that is
    /// possible.
    ///
    /// # Errors
    ///
    /// The address is no address, in use, or not of this machine; the error names it. Or it is a
    /// name that could not be looked up.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        consume_budget().await;
        let bind = async |address| {
            let domain = Domain::for_address(address);
            let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
            socket.bind(&address.into())?;
            Ok(Self::from_owned(socket.into()))
        };
        lookup::first("bind", address.to_endpoint()?, bind).await
    }

    /// Sends to this address from now on, and receives only what comes from it. What has come
    /// before stays to be received. Of several, to the first where that is possible.
    ///
    /// # Errors
    ///
    /// There is no way there, or the name could not be looked up.
    pub async fn connect(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        consume_budget().await;
        let connect =
            async |address: SocketAddr| Connect::new(self.fd.clone(), address.into()).await;
        lookup::first("connect to", address.to_endpoint()?, connect).await
    }

    /// Sends `buffer` as one datagram where the socket is [connected](Self::connect).
    ///
    /// # Cancellation
    ///
    /// It is sent as a whole or not at all; if it was, that is the result.
    ///
    /// # Errors
    ///
    /// The socket is not connected; the datagram is too long; `ConnectionRefused` if the peer's
    /// machine has refused an earlier one. The buffer comes back in any case.
    pub async fn send<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        SendOp::new(self.fd.clone(), buffer, 0).await
    }

    /// Sends `buffer` as one datagram to an address.
    ///
    /// # Cancellation
    ///
    /// As [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// There is no way there, or the datagram is too long. The buffer comes back in any case.
    pub async fn send_to<B: IoBuf>(&self, buffer: B, to: SocketAddr) -> BufResult<usize, B> {
        let op = SendMsg::new(self.fd.clone(), One(buffer), Some(to.into()));
        let (result, One(buffer)) = op.await;
        (result, buffer)
    }

    /// Receives one datagram into `buffer`, from its start up to its capacity; tells its length.
    /// What does not fit is lost, and [`recv_msg`](Self::recv_msg) tells so. A datagram may have no
    /// bytes.
    ///
    /// # Cancellation
    ///
    /// A datagram that arrives while the receive is cancelled is delivered. Nothing is lost when
    /// the future is dropped, but the buffer: a datagram that comes for it all the same, or an
    /// error, goes to a receive that waits on the socket, or to the next one. It has no more bytes
    /// then than the dropped buffer had room for. If the dropped one is still with the kernel, the
    /// next waits for its end, which comes soon.
    ///
    /// A future that is forgotten (`mem::forget`) keeps what it receives.
    ///
    /// # Errors
    ///
    /// `ConnectionRefused` on a connected socket whose peer's machine has refused a datagram; or
    /// the receive was cancelled. The buffer comes back in any case.
    pub async fn recv<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        let (result, buffer) = self.unread.receive(&self.fd, buffer, false).await;
        (result.map(|told| told.length), buffer)
    }

    /// Receives one datagram, and tells its length and where it came from: see
    /// [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn recv_from<B: IoBufMut>(&self, buffer: B) -> BufResult<(usize, SocketAddr), B> {
        let (result, buffer) = self.recv_msg(buffer).await;
        (result.map(|datagram| (datagram.length, datagram.from)), buffer)
    }

    /// Receives one datagram, and tells all about it: see [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::UdpSocket;
    /// nestling_runtime::block_on(async {
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.send_to("longer than that", socket.local_addr()?).await.0?;
    ///     let (received, buffer) = socket.recv_msg(vec![0; 6]).await;
    ///     assert!(received?.truncated);
    ///     assert_eq!(buffer, b"longer");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn recv_msg<B: IoBufMut>(&self, buffer: B) -> BufResult<Datagram, B> {
        let (result, buffer) = self.unread.receive(&self.fd, buffer, false).await;
        (result.and_then(datagram), buffer)
    }

    /// Looks at the next datagram, as [`recv`](Self::recv), and leaves it to be received.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn peek<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        let (result, buffer) = self.unread.receive(&self.fd, buffer, true).await;
        (result.map(|told| told.length), buffer)
    }

    /// Looks at the next datagram, as [`recv_from`](Self::recv_from), and leaves it to be received.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn peek_from<B: IoBufMut>(&self, buffer: B) -> BufResult<(usize, SocketAddr), B> {
        let (result, buffer) = self.unread.receive(&self.fd, buffer, true).await;
        let named = |datagram: Datagram| (datagram.length, datagram.from);
        (result.and_then(datagram).map(named), buffer)
    }

    /// Closes the socket and tells whether that went well. Waits for operations in flight on it to
    /// end.
    ///
    /// # Cancellation
    ///
    /// The socket is closed all the same.
    ///
    /// # Errors
    ///
    /// Whatever `close(2)` says; the socket is closed anyway.
    pub async fn close(self) -> io::Result<()> {
        Close::new(self.fd.into_sole().await).await
    }

    /// Takes over a socket of the standard library.
    ///
    /// # Errors
    ///
    /// None in practice; whatever setting the socket up says.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        // The ring waits by itself; a socket that does not block would make it say EAGAIN.
        socket.set_nonblocking(false)?;
        Ok(Self::from_owned(socket.into()))
    }

    /// Gives the socket to the standard library. Datagrams that came for receives which were
    /// dropped are lost: receive first.
    ///
    /// # Errors
    ///
    /// If operations are still in flight the socket is duplicated, for which a descriptor is
    /// needed.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        self.fd.into_owned().map(Into::into)
    }

    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }
}

fn datagram(told: Told) -> io::Result<Datagram> {
    let Told { length, from, truncated } = told;
    let from = from.and_then(|from| from.as_socket()).ok_or_else(not_internet)?;
    Ok(Datagram { length, from, truncated })
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

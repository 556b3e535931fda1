//! `UdpSocket`: datagrams over IP.

use super::packets::Packets;
use super::{Datagram, DatagramStream, Endpoint, SentBuffer, ToSocketAddrs, UdpControl, lookup};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::op::Room;
use crate::pool::Pool;
use crate::yield_now::consume_budget;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

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
    pub(super) packets: Packets,
}

impl UdpSocket {
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
            Ok(Self { packets: Packets::from_owned(socket.into()) })
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
        let connect = async |address: SocketAddr| self.packets.connect(address.into()).await;
        lookup::first("connect to", address.to_endpoint()?, connect).await
    }

    /// Sends `buffer` as one datagram where the socket is [connected](Self::connect).
    ///
    /// # Cancellation
    ///
    /// The datagram is sent as a whole or not at all; if it was sent, that is the result.
    ///
    /// # Errors
    ///
    /// The socket is not connected; the datagram is too long; `ConnectionRefused` if the peer's
    /// machine has refused an earlier one. The buffer comes back in any case.
    pub async fn send<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        self.packets.send(buffer).await
    }

    /// Sends `buffer` as [`send`](Self::send) does, from its memory; see [`SentBuffer`]. The buffer
    /// comes back when the hardware has sent it, or this machine has received it.
    ///
    /// # Cancellation
    ///
    /// As of [`send`](Self::send). The runtime keeps the buffer for as long as the kernel may read
    /// it.
    ///
    /// # Errors
    ///
    /// As of [`send`](Self::send), and as of [`TcpStream::send_zc`](super::TcpStream::send_zc).
    ///
    /// # Examples
    ///
    /// See [`SentBuffer`].
    pub async fn send_zc<B: IoBuf>(&self, buffer: B) -> BufResult<usize, SentBuffer<B>> {
        self.packets.send_zc(buffer).await
    }

    /// Sends `buffer` as one datagram to an address; of several, or of a host's, to the first of
    /// the socket's family. An address is not looked up, and costs nothing more.
    ///
    /// # Cancellation
    ///
    /// As [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// There is no way there, the datagram is too long, or the name could not be looked up. The
    /// buffer comes back in any case.
    pub async fn send_to<B: IoBuf>(
        &self,
        buffer: B,
        to: impl ToSocketAddrs,
    ) -> BufResult<usize, B> {
        let to = match to.to_endpoint() {
            Ok(Endpoint::Address(address)) => Ok(address),
            Ok(endpoint) => Box::pin(self.destination(endpoint)).await,
            Err(error) => Err(error),
        };
        match to {
            Ok(to) => self.packets.send_to(buffer, to).await,
            Err(error) => (Err(error), buffer),
        }
    }

    /// Sends `buffer` where the socket is connected, as `control` says: see [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As there; or what `control` asks for is not possible, such as an address that is not of this
    /// machine.
    pub async fn send_msg<B: IoBuf>(&self, buffer: B, control: UdpControl) -> BufResult<usize, B> {
        self.packets.send_msg(buffer, None::<SocketAddr>, |along| control.write(along)).await
    }

    /// Sends `buffer` to an address, as `control` says: see [`send_to`](Self::send_to).
    ///
    /// # Errors
    ///
    /// As there; or what `control` asks for is not possible, such as an address that is not of this
    /// machine.
    ///
    /// # Examples
    ///
    /// See [`UdpControl`].
    pub async fn send_msg_to<B: IoBuf>(
        &self,
        buffer: B,
        control: UdpControl,
        to: impl ToSocketAddrs,
    ) -> BufResult<usize, B> {
        let to = match to.to_endpoint() {
            Ok(Endpoint::Address(address)) => Ok(address),
            Ok(endpoint) => Box::pin(self.destination(endpoint)).await,
            Err(error) => Err(error),
        };
        match to {
            Ok(to) => self.packets.send_msg(buffer, Some(to), |along| control.write(along)).await,
            Err(error) => (Err(error), buffer),
        }
    }

    /// The first address of the socket's family; else the first, and the kernel says what it thinks
    /// of it. Its callers box it: most of them have an address, and stay small.
    async fn destination(&self, endpoint: Endpoint<'_>) -> io::Result<SocketAddr> {
        consume_budget().await;
        let is_v4 = self.local_addr()?.is_ipv4();
        let mut addresses = lookup::resolve(endpoint).await?;
        let first = addresses.next().ok_or_else(lookup::none)?;
        let fits = |address: &SocketAddr| address.is_ipv4() == is_v4;
        Ok(std::iter::once(first).chain(addresses).find(fits).unwrap_or(first))
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
        let (result, buffer) = self.packets.recv(buffer, Room::NONE).await;
        (result.map(|told| told.length), buffer)
    }

    /// Receives one datagram, and tells its length and where it came from: see
    /// [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn recv_from<B: IoBufMut>(&self, buffer: B) -> BufResult<(usize, SocketAddr), B> {
        let (result, buffer) = self.packets.recv(buffer, Room::NONE).await;
        let named = |datagram: Datagram| (datagram.length, datagram.from);
        (result.and_then(Datagram::new).map(named), buffer)
    }

    /// Receives one datagram, and tells all about it, also what came along as its options ask for:
    /// see [`recv`](Self::recv).
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
        let (result, buffer) = self.packets.recv(buffer, Room::DATAGRAM).await;
        (result.and_then(Datagram::new), buffer)
    }

    /// Receives datagrams one after the other, for which the kernel is asked once: each in a buffer
    /// of the core's pool, with what [`recv_msg`](Self::recv_msg) tells. The socket holds no buffer
    /// while nothing comes, and a stream never more than its share of the pool: what it receives
    /// beyond that has memory of its own.
    ///
    /// Of each buffer, 220 bytes are for what is told; so the default pool receives up to 3,876
    /// bytes of a datagram. What does not fit is lost, which is
    /// [told](Datagram::truncated): [`recv_stream_in`](Self::recv_stream_in) a pool of larger
    /// buffers has room for more.
    ///
    /// Another receive on the socket comes in between, and takes what has come first.
    pub fn recv_stream(&self) -> DatagramStream<'_> {
        DatagramStream::new(&self.packets, None)
    }

    /// As [`recv_stream`](Self::recv_stream), into buffers of a pool of your own.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::UdpSocket;
    /// use nestling_runtime::pool::Pool;
    /// nestling_runtime::block_on(async {
    ///     let (largest, told) = (65_507, 220);
    ///     let pool = Pool::new(16, largest + told)?;
    ///     let socket = UdpSocket::bind("127.0.0.1:0").await?;
    ///     socket.send_to(vec![7; largest], socket.local_addr()?).await.0?;
    ///     let (lease, datagram) = socket.recv_stream_in(&pool).next().await?;
    ///     assert!(lease.len() == largest && !datagram.truncated);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn recv_stream_in<'a>(&'a self, pool: &'a Pool) -> DatagramStream<'a> {
        DatagramStream::new(&self.packets, Some(pool))
    }

    /// Looks at the next datagram, as [`recv`](Self::recv), and leaves it to be received.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn peek<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        let (result, buffer) = self.packets.peek(buffer).await;
        (result.map(|told| told.length), buffer)
    }

    /// Looks at the next datagram, as [`recv_from`](Self::recv_from), and leaves it to be received.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn peek_from<B: IoBufMut>(&self, buffer: B) -> BufResult<(usize, SocketAddr), B> {
        let (result, buffer) = self.packets.peek(buffer).await;
        let named = |datagram: Datagram| (datagram.length, datagram.from);
        (result.and_then(Datagram::new).map(named), buffer)
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
        self.packets.close().await
    }

    /// Takes over a socket of the standard library.
    ///
    /// # Errors
    ///
    /// None in practice; whatever setting the socket up says.
    pub fn from_std(socket: net::UdpSocket) -> io::Result<Self> {
        // The ring waits by itself; a socket that does not block would make it say EAGAIN.
        socket.set_nonblocking(false)?;
        Ok(Self { packets: Packets::from_owned(socket.into()) })
    }

    /// Gives the socket to the standard library.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if a receive was dropped and what it has got, or may still get, was not
    /// received: the standard library would not see it. The socket is closed then, so receive
    /// first. An error that such a receive has met comes out here.
    ///
    /// If other operations are still in flight the socket is duplicated, for which a descriptor is
    /// needed. A wait of [`poll_recv_from`](Self::poll_recv_from) is one, also between two calls.
    pub fn into_std(self) -> io::Result<net::UdpSocket> {
        self.packets.into_owned().map(Into::into)
    }

    pub(super) fn socket(&self) -> SockRef<'_> {
        self.packets.socket()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.packets.as_fd()
    }
}

impl AsRawFd for UdpSocket {
    fn as_raw_fd(&self) -> RawFd {
        self.packets.as_raw_fd()
    }
}

//! `TcpStream`: one connection.

use super::detached::Detached;
use super::lookup;
use super::receiving::Inbound;
use super::sending::WriteAll;
use super::tcp_listener::not_internet;
use super::{ToSocketAddrs, Transferred, units};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{Close, Connect, SendOp, Shutdown};
use crate::yield_now::consume_budget;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

/// A TCP connection. It stays on its core; [`detach`](Self::detach) moves it to another.
///
/// # Examples
///
/// See [`TcpListener`](super::TcpListener).
#[derive(Debug)]
pub struct TcpStream {
    fd: SharedFd,
    inbound: Inbound,
}

impl TcpStream {
    pub(crate) fn from_fd(fd: SharedFd) -> Self {
        Self::from_parts(fd, Inbound::default())
    }

    pub(super) fn from_parts(fd: SharedFd, inbound: Inbound) -> Self {
        Self { fd, inbound }
    }

    /// Connects to an address; or to a host, of which each address is tried, one after the other.
    ///
    /// On the loopback interface, a port of the ephemeral range (`net.ipv4.ip_local_port_range`)
    /// where nothing listens any more may connect to itself: if the kernel picks the same port for
    /// this end, TCP takes that for both ends opening at once. A client that tries again and again
    /// to reach a stopped server can compare [`local_addr`](Self::local_addr) with
    /// [`peer_addr`](Self::peer_addr).
    ///
    /// # Cancellation
    ///
    /// The attempt is given up and its socket closed. A name that is being looked up is waited
    /// for, as [`lookup_host`](super::lookup_host) says.
    ///
    /// # Errors
    ///
    /// The address is no address, or no server answers there: the error has the kind of the last
    /// attempt, names what was tried, and its [`source`](std::error::Error::source) is the system's
    /// own error. Or the name could not be looked up.
    pub async fn connect(address: impl ToSocketAddrs) -> io::Result<Self> {
        consume_budget().await;
        lookup::first("connect to", address.to_endpoint()?, Self::connect_to).await
    }

    async fn connect_to(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        let fd = SharedFd::new(OwnedFd::from(socket));
        Connect::new(fd.clone(), address.into()).await?;
        Ok(Self::from_fd(fd))
    }

    /// Receives into `buffer`, over what is in it from its start, up to its capacity; with a
    /// vector, the length grows to what was received if that is more. Zero is the end of the
    /// stream, or a buffer without capacity.
    ///
    /// # Cancellation
    ///
    /// Bytes that arrive while the receive is cancelled are delivered. Nothing is lost when the
    /// future is dropped, but the buffer: bytes that it receives all the same are kept by the
    /// stream, and so is an error; the next read gets them first, in as many calls as it takes. If
    /// the dropped one is still with the kernel, the next waits for its end, which comes soon.
    ///
    /// A future that is forgotten (`mem::forget`) keeps what it receives. Reads that run at the
    /// same time get the bytes as the kernel shares them out; then nothing can be said of the
    /// order, and what one of them leaves goes to the next call, not to one that waits already.
    ///
    /// # Errors
    ///
    /// The connection broke, or the receive was cancelled. The buffer comes back in any case.
    pub fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.inbound.read(&self.fd, buffer)
    }

    /// Receives as many bytes as `buffer` asks for ([`IoBufMut::io_exact`]), over what is in it
    /// from its start: its length, or its capacity if it is empty. So `vec![0; 5]` is for five, and
    /// so is `buffer.slice(3..8)`, behind the first three. What the peer sends after them is left.
    ///
    /// # Cancellation
    ///
    /// The error tells through [`transferred`](super::transferred) how many bytes had come, and
    /// the buffer has them. When the future is dropped, the stream keeps all that had come, from
    /// the first byte on, for the next read, as [`read`](Self::read) says.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the stream ends before; else as [`read`](Self::read), with the count.
    pub async fn read_exact<B: IoBufMut>(&self, buffer: B) -> BufResult<(), B> {
        // Once it is lent, its length says what has come.
        let wanted = buffer.io_exact().min(buffer.io_capacity());
        let (result, part) = self.fill(buffer.slice(..wanted)).await;
        (result, part.into_inner())
    }

    /// Receives until `buffer` is full to its capacity.
    async fn fill<B: IoBufMut>(&self, mut buffer: B) -> BufResult<(), B> {
        let mut done = 0;
        if let Some(unread) = self.inbound.unread()
            && buffer.io_capacity() > 0
            && let Err(error) = unread.settled().await
        {
            return (Err(Transferred::wrap(done, error)), buffer);
        }
        if buffer.io_capacity() == 0 {
            consume_budget().await;
        }
        while done < buffer.io_capacity() {
            let result;
            (result, buffer) =
                match self.inbound.unread().and_then(|unread| unread.take(&mut buffer, done)) {
                    Some(result) => (result, buffer),
                    // Nothing else may wait in this loop: what is done is kept by the receive.
                    None => self.inbound.receive(self.fd.clone(), buffer, done).await,
                };
            match result {
                Ok(0) => {
                    let end = io::Error::from(io::ErrorKind::UnexpectedEof);
                    return (Err(Transferred::wrap(done, end)), buffer);
                }
                Ok(received) => done += received,
                Err(error) => return (Err(Transferred::wrap(done, error)), buffer),
            }
        }
        (Ok(()), buffer)
    }

    /// Sends from the start of `buffer`; tells how many bytes the kernel took.
    ///
    /// # Cancellation
    ///
    /// What was sent while the send is cancelled is reported.
    ///
    /// # Errors
    ///
    /// The connection broke (never a signal), or the send was cancelled. The buffer comes back in
    /// any case.
    pub async fn write<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        SendOp::new(self.fd.clone(), buffer, 0).await
    }

    /// Sends all of `buffer`.
    ///
    /// # Cancellation
    ///
    /// The error tells through [`transferred`](super::transferred) how many bytes had gone.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), with the count.
    pub fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        WriteAll::new(&self.fd, buffer)
    }

    /// Ends one direction or both: the peer reads to the end of what was sent.
    ///
    /// # Errors
    ///
    /// The connection is gone already, or the call was cancelled.
    pub async fn shutdown(&self, how: net::Shutdown) -> io::Result<()> {
        Shutdown::new(self.fd.clone(), how).await
    }

    /// Closes the connection and tells whether that went well. Waits for operations in flight on
    /// it to end; those were cancelled when their futures were dropped, and one whose future was
    /// forgotten (`mem::forget`) keeps it waiting. What they have received is lost, as is what the
    /// kernel has received.
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

    /// Takes the connection from its core, to be sent to another. Waits for operations in flight
    /// on it to end; those were cancelled when their futures were dropped, and one whose future was
    /// forgotten (`mem::forget`) keeps it waiting. What they have received comes along, and so does
    /// what the kernel has received.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped before it has returned, the connection is closed.
    ///
    /// # Examples
    ///
    /// See [`Detached`].
    pub async fn detach(self) -> Detached {
        Detached::new(self.fd, self.inbound).await
    }

    /// Takes over a connection of the standard library.
    ///
    /// # Errors
    ///
    /// None in practice; whatever setting the socket up says.
    pub fn from_std(stream: net::TcpStream) -> io::Result<Self> {
        // The ring waits by itself; a socket that does not block would make it say EAGAIN.
        stream.set_nonblocking(false)?;
        Ok(Self::from_fd(SharedFd::new(stream.into())))
    }

    /// Gives the connection to the standard library. To move it to another core,
    /// [`detach`](Self::detach) it: that takes along what this one refuses.
    ///
    /// # Errors
    ///
    /// `ResourceBusy` if a read was dropped and what it has received, or may still receive, was
    /// not read: the standard library would not see it. The stream is closed then, so read first.
    /// An error that such a read has met comes out here.
    ///
    /// If other operations are still in flight the socket is duplicated, for which a descriptor is
    /// needed.
    pub fn into_std(self) -> io::Result<net::TcpStream> {
        self.inbound.unread().map_or(Ok(()), |unread| unread.check())?;
        self.fd.into_owned().map(Into::into)
    }
}

/// Addresses and options; none of them waits.
impl TcpStream {
    fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }

    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()?.as_socket().ok_or_else(not_internet)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()?.as_socket().ok_or_else(not_internet)
    }

    /// Whether small segments are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.socket().tcp_nodelay()
    }

    /// Sends small segments at once, instead of gathering them (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.socket().set_tcp_nodelay(on)
    }

    /// What a close does with data that was not sent (`SO_LINGER`): `None` sends it in the
    /// background, zero drops it and resets the connection.
    ///
    /// Any other time is for a close after [`into_std`](Self::into_std), which waits so long for
    /// the peer. In whole seconds, rounded up, at most 24 days. Closed here, the
    /// socket sends in the background, too: a close that waits would hold its core. To be sure that
    /// the peer has everything, [`shutdown`](Self::shutdown) and read to the end.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.socket().set_linger(linger.map(units::whole_seconds))
    }

    /// Probes an idle connection, to notice that the peer is gone (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.socket().set_keepalive(on)
    }

    /// The lifetime of sent packets, in hops: 1 to 255 (`IP_TTL`, `IPV6_UNICAST_HOPS`).
    ///
    /// # Errors
    ///
    /// `InvalidInput` for any other number; else whatever `setsockopt(2)` says.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        let hops = units::hops(hops)?;
        if self.socket().domain()? == Domain::IPV6 {
            self.socket().set_unicast_hops_v6(hops)?;
        }
        // Of an IPv6 socket: for a peer with an IPv4 address.
        self.socket().set_ttl_v4(hops)
    }

    /// The kernel's receive buffer, in bytes (`SO_RCVBUF`). The kernel doubles it, and limits it to
    /// `net.core.rmem_max`.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket().set_recv_buffer_size(units::buffer(bytes))
    }

    /// The kernel's send buffer, in bytes (`SO_SNDBUF`). The kernel doubles it, and limits it to
    /// `net.core.wmem_max`.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.socket().set_send_buffer_size(units::buffer(bytes))
    }

    /// Takes the error that the connection has pending (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

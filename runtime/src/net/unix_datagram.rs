//! `UnixDatagram`: messages between processes of this machine.

use super::packets::Packets;
use super::{UnixMessage, local_packets, unix_addr};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::op::Room;
use crate::yield_now::consume_budget;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

/// A Unix socket of datagrams. On this machine none is lost: a send waits until the peer has room.
///
/// The file at its path is made by [`bind`](Self::bind), and stays when the socket is gone, as with
/// the standard library: remove it before the next bind, which is refused otherwise.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::UnixDatagram;
/// # let folder = std::env::temp_dir().join(format!("nestling-datagram-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let path = folder.join("socket");
/// nestling_runtime::block_on(async {
///     let server = UnixDatagram::bind(&path)?;
///     let client = UnixDatagram::unbound()?;
///     client.send_to("hello", &path).await.0?;
///     let (received, buffer) = server.recv_from(vec![0; 64]).await;
///     let (length, from) = received?;
///     assert_eq!(&buffer[..length], b"hello");
///     assert!(from.is_unnamed());
///     std::fs::remove_file(&path)
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixDatagram {
    packets: Packets,
}

impl UnixDatagram {
    /// Receives what is sent to a path, where nothing may be yet. Nothing is waited for.
    ///
    /// # Errors
    ///
    /// There is something at the path (`AddrInUse`), the path is too long, or its folder cannot be
    /// written to; the error names it.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::bind_to(unix_addr::of_path(path.as_ref())?)
    }

    /// Receives what is sent to an address, such as an abstract name, which no file stands for.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind); `InvalidInput` if the address has no name.
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::bind_to(unix_addr::to_kernel(address)?)
    }

    fn bind_to(address: SockAddr) -> io::Result<Self> {
        let this = Self::unbound()?;
        let bound = this.packets.socket().bind(&address);
        bound.map_err(|error| unix_addr::in_vain("bind", &address, error))?;
        Ok(this)
    }

    /// A socket without a name: it can send, and nothing can be sent to it.
    ///
    /// # Errors
    ///
    /// There are too few descriptors.
    pub fn unbound() -> io::Result<Self> {
        let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
        Ok(Self { packets: Packets::from_owned(socket.into()) })
    }

    /// Two sockets that are connected with each other.
    ///
    /// # Errors
    ///
    /// There are too few descriptors.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = net::UnixDatagram::pair()?;
        Ok((Self::from_std(one)?, Self::from_std(other)?))
    }

    /// Sends to this path from now on, and receives only what comes from there. What has come
    /// before stays to be received.
    ///
    /// # Errors
    ///
    /// The path is too long, nothing is there, or nothing receives there; the error names it.
    pub async fn connect(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.connect_to(unix_addr::of_path(path.as_ref())).await
    }

    /// Sends to this address from now on, such as an abstract name: see [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// As there; `InvalidInput` if the address has no name.
    pub async fn connect_addr(&self, address: &SocketAddr) -> io::Result<()> {
        self.connect_to(unix_addr::to_kernel(address)).await
    }

    async fn connect_to(&self, address: io::Result<SockAddr>) -> io::Result<()> {
        consume_budget().await;
        let address = address?;
        let connected = self.packets.connect(address.clone()).await;
        connected.map_err(|error| unix_addr::in_vain("connect to", &address, error))
    }

    /// Sends `buffer` as one datagram where the socket is [connected](Self::connect), as soon as
    /// there is room.
    ///
    /// # Cancellation
    ///
    /// The datagram is sent as a whole or not at all; if it was sent, that is the result.
    ///
    /// # Errors
    ///
    /// The socket is not connected, the datagram is too long for its buffer
    /// ([`set_send_buffer_size`](Self::set_send_buffer_size)), or the peer is gone
    /// (`ConnectionRefused`). The buffer comes back in any case.
    pub async fn send<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        let none = Vec::<BorrowedFd<'static>>::new();
        let (result, (buffer, _)) = local_packets::send(&self.packets, buffer, none, None).await;
        (result, buffer)
    }

    /// Sends `buffer` as one datagram to a path: see [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As there; the path is too long, or nothing receives there.
    pub async fn send_to<B: IoBuf>(
        &self,
        buffer: B,
        path: impl AsRef<Path>,
    ) -> BufResult<usize, B> {
        self.send_to_kernel(buffer, unix_addr::of_path(path.as_ref())).await
    }

    /// Sends `buffer` as one datagram to an address, such as an abstract name: see
    /// [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As there; `InvalidInput` if the address has no name.
    pub async fn send_to_addr<B: IoBuf>(
        &self,
        buffer: B,
        address: &SocketAddr,
    ) -> BufResult<usize, B> {
        self.send_to_kernel(buffer, unix_addr::to_kernel(address)).await
    }

    async fn send_to_kernel<B: IoBuf>(
        &self,
        buffer: B,
        to: io::Result<SockAddr>,
    ) -> BufResult<usize, B> {
        match to {
            Ok(to) => {
                let none = Vec::<BorrowedFd<'static>>::new();
                let (result, (buffer, _)) =
                    local_packets::send(&self.packets, buffer, none, Some(to)).await;
                (result, buffer)
            }
            Err(error) => (Err(error), buffer),
        }
    }

    /// Sends `buffer` as one datagram where the socket is connected, and passes descriptors along
    /// (`SCM_RIGHTS`): whatever owns one, such as an `OwnedFd`, a `File`, or an `Rc` of a
    /// [`TcpListener`](super::TcpListener). The receiver gets descriptors of its own; these come
    /// back with the buffer, and are closed when they are dropped.
    ///
    /// # Cancellation
    ///
    /// As [`send`](Self::send).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); `InvalidInput` for more than 253 descriptors. On a kernel before
    /// 6.2, rings pass none (`InvalidInput`).
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::UnixDatagram;
    /// use std::fs::File;
    /// use std::io::Read;
    /// nestling_runtime::block_on(async {
    ///     let (one, other) = UnixDatagram::pair()?;
    ///     let file = File::open("/proc/self/comm")?;
    ///     let (sent, _) = one.send_msg("a file", vec![file]).await;
    ///     assert_eq!(sent?, 6);
    ///     let (received, _) = other.recv_msg(vec![0; 64], 1).await;
    ///     let mut message = received?;
    ///     let mut file = File::from(message.fds.remove(0));
    ///     assert!(file.read(&mut [0; 16])? > 0);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn send_msg<B: IoBuf, F: AsFd + 'static>(
        &self,
        buffer: B,
        fds: Vec<F>,
    ) -> BufResult<usize, (B, Vec<F>)> {
        local_packets::send(&self.packets, buffer, fds, None).await
    }

    /// Sends `buffer` as one datagram to an address, and passes descriptors along: see
    /// [`send_msg`](Self::send_msg).
    ///
    /// # Errors
    ///
    /// As there; `InvalidInput` if the address has no name.
    pub async fn send_msg_to<B: IoBuf, F: AsFd + 'static>(
        &self,
        buffer: B,
        fds: Vec<F>,
        address: &SocketAddr,
    ) -> BufResult<usize, (B, Vec<F>)> {
        match unix_addr::to_kernel(address) {
            Ok(to) => local_packets::send(&self.packets, buffer, fds, Some(to)).await,
            Err(error) => (Err(error), (buffer, fds)),
        }
    }

    /// Receives one datagram into `buffer`, from its start up to its capacity; tells its length.
    /// What does not fit is lost, and so is what came along: [`recv_msg`](Self::recv_msg) tells so.
    /// A datagram may have no bytes.
    ///
    /// # Cancellation
    ///
    /// A datagram that arrives while the receive is cancelled is delivered. Nothing is lost when
    /// the future is dropped, but the buffer: see [`UdpSocket::recv`](super::UdpSocket::recv), of
    /// which every word holds.
    ///
    /// # Errors
    ///
    /// The receive was cancelled; that a peer is gone is none. The buffer comes back in any case.
    pub async fn recv<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        let (result, buffer) = self.packets.recv(buffer, Room::NONE).await;
        (result.map(|told| told.length), buffer)
    }

    /// Receives one datagram, and tells its length and where it came from, which has no name unless
    /// it was bound: see [`recv`](Self::recv).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn recv_from<B: IoBufMut>(&self, buffer: B) -> BufResult<(usize, SocketAddr), B> {
        let (result, buffer) = self.packets.recv(buffer, Room::NONE).await;
        (result.and_then(|told| UnixMessage::new(told, 0)).map(named), buffer)
    }

    /// Receives one datagram, and tells all about it, with at most so many of the descriptors that
    /// came along; the others are closed. See [`recv`](Self::recv).
    ///
    /// # Cancellation
    ///
    /// As there. When the future is dropped, what came along with its datagram is kept as well, for
    /// the next `recv_msg`; any other receive that gets that datagram closes it.
    ///
    /// # Errors
    ///
    /// As there. On a kernel before 6.2, rings pass no descriptors (`InvalidInput`).
    ///
    /// # Examples
    ///
    /// See [`send_msg`](Self::send_msg).
    pub async fn recv_msg<B: IoBufMut>(
        &self,
        buffer: B,
        most_fds: usize,
    ) -> BufResult<UnixMessage, B> {
        let (result, buffer) = self.packets.recv(buffer, Room::of_fds(most_fds)).await;
        (result.and_then(|told| UnixMessage::new(told, most_fds)), buffer)
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
        (result.and_then(|told| UnixMessage::new(told, 0)).map(named), buffer)
    }

    /// Ends one direction of a connected socket, or both.
    ///
    /// # Errors
    ///
    /// The socket is not connected, or the call was cancelled.
    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.packets.shutdown(how).await
    }

    /// Closes the socket: see [`UdpSocket::close`](super::UdpSocket::close).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn close(self) -> io::Result<()> {
        self.packets.close().await
    }

    /// Takes over a socket of the standard library.
    ///
    /// # Errors
    ///
    /// None in practice; whatever setting the socket up says.
    pub fn from_std(socket: net::UnixDatagram) -> io::Result<Self> {
        // The ring waits by itself; a socket that does not block would make it say EAGAIN.
        socket.set_nonblocking(false)?;
        Ok(Self { packets: Packets::from_owned(socket.into()) })
    }

    /// Gives the socket to the standard library.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::into_std`](super::UdpSocket::into_std).
    pub fn into_std(self) -> io::Result<net::UnixDatagram> {
        self.packets.into_owned().map(Into::into)
    }

    pub(super) fn packets(&self) -> &Packets {
        &self.packets
    }
}

fn named(message: UnixMessage) -> (usize, SocketAddr) {
    (message.length, message.from)
}

impl AsFd for UnixDatagram {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.packets.as_fd()
    }
}

impl AsRawFd for UnixDatagram {
    fn as_raw_fd(&self) -> RawFd {
        self.packets.as_raw_fd()
    }
}

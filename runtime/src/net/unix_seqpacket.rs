//! `UnixSeqpacket`: a connection between processes of this machine that keeps messages apart.

use super::connection::{Arrival, Connected};
use super::packets::Packets;
use super::stream::connect_local;
use super::{UCred, UnixMessage, local_packets, units, unix_addr};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::SharedFd;
use crate::op::Room;
use crate::scope;
use crate::sys;
use crate::yield_now::consume_budget;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// A connection over a Unix socket of sequenced packets (`SOCK_SEQPACKET`): it is set up and ends
/// as a stream does, and what is sent by one call is received by one call.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::UnixSeqpacket;
/// nestling_runtime::block_on(async {
///     let (one, other) = UnixSeqpacket::pair()?;
///     one.send("a message").await.0?;
///     one.send("another").await.0?;
///     assert_eq!(other.recv(vec![0; 64]).await.0?, 9);
///     assert_eq!(other.recv(vec![0; 64]).await.0?, 7);
///     drop(one);
///     assert_eq!(other.recv(vec![0; 64]).await.0?, 0); // that was all
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixSeqpacket {
    packets: Packets,
}

impl Connected for UnixSeqpacket {
    type Address = SocketAddr;

    fn accepted(Arrival(fd, peer): Arrival) -> io::Result<(Self, SocketAddr)> {
        Ok((Self::new(fd), unix_addr::from_kernel(peer)?))
    }
}

impl UnixSeqpacket {
    /// Connects to the socket at a path: see [`UnixStream::connect`](super::UnixStream::connect),
    /// of which every word holds.
    ///
    /// # Errors
    ///
    /// As there; also if what listens at the path is no socket of sequenced packets.
    ///
    /// # Examples
    ///
    /// See [`UnixSeqpacketListener`](super::UnixSeqpacketListener).
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::connect_to(unix_addr::of_path(path.as_ref())).await
    }

    /// Connects to an address, such as an abstract name: see [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// As there; `InvalidInput` if the address has no name.
    pub async fn connect_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::connect_to(unix_addr::to_kernel(address)).await
    }

    async fn connect_to(address: io::Result<SockAddr>) -> io::Result<Self> {
        consume_budget().await;
        scope::drop_point().await;
        let address = address?;
        let fd = connect_local(address.clone(), Type::SEQPACKET).await;
        let fd = fd.map_err(|error| unix_addr::in_vain("connect to", &address, error))?;
        Ok(Self::new(fd))
    }

    fn new(fd: SharedFd) -> Self {
        Self { packets: Packets::new(fd) }
    }

    /// Two connections with each other.
    ///
    /// # Errors
    ///
    /// There are too few descriptors.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None)?;
        Ok((Self::new(SharedFd::new(one.into())), Self::new(SharedFd::new(other.into()))))
    }

    /// Sends `buffer` as one message, as soon as there is room. An empty one is received as the end
    /// of the connection would be: do not send it.
    ///
    /// # Cancellation
    ///
    /// The message is sent as a whole or not at all; if it was sent, that is the result.
    ///
    /// # Errors
    ///
    /// The message is too long for its buffer
    /// ([`set_send_buffer_size`](Self::set_send_buffer_size)), or the peer is gone (`BrokenPipe`,
    /// never a signal). The buffer comes back in any case.
    pub async fn send<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        let none = Vec::<BorrowedFd<'static>>::new();
        let (result, (buffer, _)) = local_packets::send(&self.packets, buffer, none, None).await;
        (result, buffer)
    }

    /// Sends `buffer` as one message, and passes descriptors along: see
    /// [`UnixDatagram::send_msg`](super::UnixDatagram::send_msg).
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); `InvalidInput` for more than 253 descriptors. On a kernel before
    /// 6.2, rings pass none (`InvalidInput`).
    pub async fn send_msg<B: IoBuf, F: AsFd + 'static>(
        &self,
        buffer: B,
        fds: Vec<F>,
    ) -> BufResult<usize, (B, Vec<F>)> {
        local_packets::send(&self.packets, buffer, fds, None).await
    }

    /// Receives one message into `buffer`, from its start up to its capacity; tells its length,
    /// which is zero at the end of the connection. What does not fit is lost, and so is what came
    /// along: [`recv_msg`](Self::recv_msg) tells so.
    ///
    /// # Cancellation
    ///
    /// A message that arrives while the receive is cancelled is delivered. Nothing is lost when the
    /// future is dropped, but the buffer: see [`UdpSocket::recv`](super::UdpSocket::recv), of which
    /// every word holds.
    ///
    /// # Errors
    ///
    /// `ConnectionReset` if the peer has gone without having received all; or the receive was
    /// cancelled. The buffer comes back in any case.
    pub async fn recv<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        let (result, buffer) = self.packets.recv(buffer, Room::NONE).await;
        (result.map(|told| told.length), buffer)
    }

    /// Receives one message, and tells all about it, with at most so many of the descriptors that
    /// came along: see [`UnixDatagram::recv_msg`](super::UnixDatagram::recv_msg).
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv). On a kernel before 6.2, rings pass no descriptors (`InvalidInput`).
    pub async fn recv_msg<B: IoBufMut>(
        &self,
        buffer: B,
        most_fds: usize,
    ) -> BufResult<UnixMessage, B> {
        let (result, buffer) = self.packets.recv(buffer, Room::of_fds(most_fds)).await;
        (result.and_then(|told| UnixMessage::new(told, most_fds)), buffer)
    }

    /// Looks at the next message, as [`recv`](Self::recv), and leaves it to be received.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn peek<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        let (result, buffer) = self.packets.peek(buffer).await;
        (result.map(|told| told.length), buffer)
    }

    /// Ends one direction or both: the peer receives what was sent, and then the end.
    ///
    /// # Errors
    ///
    /// The connection is gone already, or the call was cancelled.
    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.packets.shutdown(how).await
    }

    /// Closes the connection: see [`UdpSocket::close`](super::UdpSocket::close).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn close(self) -> io::Result<()> {
        self.packets.close().await
    }

    /// Takes over a connection that was made elsewhere: the standard library has no type for it.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is no Unix socket of sequenced packets.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self::new(SharedFd::new(checked(fd)?)))
    }

    /// Gives the descriptor away.
    ///
    /// # Errors
    ///
    /// As [`UdpSocket::into_std`](super::UdpSocket::into_std).
    pub fn into_fd(self) -> io::Result<OwnedFd> {
        self.packets.into_owned()
    }
}

/// Addresses, the peer and options; none of them waits.
impl UnixSeqpacket {
    /// The address of this end; most often one without a name.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        unix_addr::from_kernel(self.packets.socket().local_addr()?)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// Whatever `getpeername(2)` says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        unix_addr::from_kernel(self.packets.socket().peer_addr()?)
    }

    /// Who is at the other end: see [`UnixStream::peer_cred`](super::UnixStream::peer_cred).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        let peer = sys::peer_cred(&self.packets)?;
        Ok(UCred::new(peer.pid, peer.uid, peer.gid))
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells who has sent each message (`SO_PASSCRED`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_passcred(&self, value: bool) -> io::Result<()> {
        self.packets.socket().set_passcred(value)
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells who has sent each message.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn passcred(&self) -> io::Result<bool> {
        self.packets.socket().passcred()
    }

    /// The kernel's send buffer, in bytes, which it doubles (`SO_SNDBUF`): no message can be
    /// longer.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_send_buffer_size(&self, value: usize) -> io::Result<()> {
        self.packets.socket().set_send_buffer_size(units::buffer(value))
    }

    /// The kernel's send buffer, in bytes.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        self.packets.socket().send_buffer_size()
    }

    /// Takes the error that the connection has pending (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.packets.socket().take_error()
    }
}

/// A socket of sequenced packets, set up for the ring.
pub(super) fn checked(fd: OwnedFd) -> io::Result<OwnedFd> {
    let socket = Socket::from(fd);
    if socket.domain()? != Domain::UNIX || socket.r#type()? != Type::SEQPACKET {
        let text = "the descriptor is no Unix socket of sequenced packets (SOCK_SEQPACKET)";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    // The ring waits by itself; a socket that does not block would make it say EAGAIN.
    socket.set_nonblocking(false)?;
    Ok(socket.into())
}

impl AsFd for UnixSeqpacket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.packets.as_fd()
    }
}

impl AsRawFd for UnixSeqpacket {
    fn as_raw_fd(&self) -> RawFd {
        self.packets.as_raw_fd()
    }
}

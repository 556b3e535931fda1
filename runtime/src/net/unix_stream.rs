//! `UnixStream`: one connection between processes of this machine.

use super::connection::{Arrival, Connected, Connection, Inner};
use super::receiving::Inbound;
use super::stream::{Stream, connect_local};
use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, UCred, UnixMessage, WriteHalf};
use super::{halves, owned_halves, unix_addr, unix_message};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::op::Room;
use crate::scope;
use crate::sys;
use crate::yield_now::consume_budget;
use socket2::{SockAddr, Type};
use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

/// A connection over a Unix socket, between processes of one machine. It does what a
/// [`TcpStream`](super::TcpStream) does, with the same promises about cancellation and about
/// futures that are dropped.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::UnixStream;
/// nestling_runtime::block_on(async {
///     let (one, other) = UnixStream::pair()?;
///     one.write_all("hello").await.0?;
///     assert_eq!(other.read_exact(vec![0; 5]).await.1, b"hello");
///     assert_eq!(other.peer_cred()?.pid, Some(std::process::id()));
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixStream {
    stream: Stream,
}

impl Inner for UnixStream {
    fn inner(&self) -> &Stream {
        &self.stream
    }
}

impl Connected for UnixStream {
    type Address = SocketAddr;

    fn accepted(arrival: Arrival) -> io::Result<(Self, SocketAddr)> {
        let (stream, peer) = arrival.into_stream();
        Ok((Self { stream }, unix_addr::from_kernel(peer)?))
    }
}

impl Connection for UnixStream {}

impl UnixStream {
    /// Connects to the socket at a path. While the listener's backlog is full, it waits, on a
    /// thread of the kernel's.
    ///
    /// The kernel wakes one of those that wait for each place. If that one is cancelled in the same
    /// moment, the place stays free, and the others wait for the next one (seen on 6.18).
    ///
    /// # Cancellation
    ///
    /// The attempt is given up and its socket closed.
    ///
    /// # Errors
    ///
    /// The path is too long (107 bytes), nothing is there, or nothing listens; the error names it.
    pub async fn connect(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::connect_to("connect to", unix_addr::of_path(path.as_ref())).await
    }

    /// Connects to an address, such as an abstract name.
    ///
    /// # Cancellation
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect); `InvalidInput` if the address has no name.
    ///
    /// # Examples
    ///
    /// See [`UnixListener::bind_addr`](super::UnixListener::bind_addr).
    pub async fn connect_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::connect_to("connect to", unix_addr::to_kernel(address)).await
    }

    async fn connect_to(what: &'static str, address: io::Result<SockAddr>) -> io::Result<Self> {
        consume_budget().await;
        scope::drop_point().await;
        let address = address?;
        let fd = connect_local(address.clone(), Type::STREAM).await;
        let fd = fd.map_err(|error| unix_addr::in_vain(what, &address, error))?;
        Ok(Self { stream: Stream::new(fd, Inbound::default()) })
    }

    /// Two connections with each other.
    ///
    /// # Errors
    ///
    /// There are too few descriptors.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = net::UnixStream::pair()?;
        Ok((Self::from_owned(one.into()), Self::from_owned(other.into())))
    }

    fn from_owned(fd: OwnedFd) -> Self {
        Self { stream: Stream::from_owned(fd) }
    }

    /// Receives: see [`TcpStream::read`](super::TcpStream::read), of which every word holds.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.stream.read(buffer)
    }

    /// Receives as many bytes as `buffer` asks for: see
    /// [`TcpStream::read_exact`](super::TcpStream::read_exact).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn read_exact<B: IoBufMut>(&self, buffer: B) -> BufResult<(), B> {
        self.stream.read_exact(buffer).await
    }

    /// Receives into several buffers: see [`TcpStream::readv`](super::TcpStream::readv).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn readv<B: IoBufMut>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        self.stream.readv(buffers).await
    }

    /// Looks at what comes next: see [`TcpStream::peek`](super::TcpStream::peek).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn peek<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        self.stream.peek(buffer).await
    }

    /// Sends from the start of `buffer`: see [`TcpStream::write`](super::TcpStream::write).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn write<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        self.stream.write(buffer).await
    }

    /// Sends all of `buffer`: see [`TcpStream::write_all`](super::TcpStream::write_all).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        self.stream.write_all(buffer)
    }

    /// Sends from several buffers: see [`TcpStream::writev`](super::TcpStream::writev).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn writev<B: IoBuf>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        self.stream.writev(buffers).await
    }

    /// Sends from the start of `buffer`, and passes descriptors along with its first byte
    /// (`SCM_RIGHTS`); tells how many bytes the kernel took. What may be passed says
    /// [`UnixDatagram::send_msg`](super::UnixDatagram::send_msg).
    ///
    /// # Cancellation
    ///
    /// What was sent while the send is cancelled is reported; the descriptors have gone then.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write); `InvalidInput` for more than 253 descriptors, or for some without
    /// a byte to go with. On a kernel before 6.2, rings pass none (`InvalidInput`). The buffer and
    /// the descriptors come back in any case.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::{TcpListener, UnixStream};
    /// use std::rc::Rc;
    /// nestling_runtime::block_on(async {
    ///     let (one, other) = UnixStream::pair()?;
    ///     let listener = Rc::new(TcpListener::bind("127.0.0.1:0").await?);
    ///     one.send_msg("listen here", vec![Rc::clone(&listener)]).await.0?;
    ///     let (received, buffer) = other.recv_msg(vec![0; 64], 1).await;
    ///     let mut message = received?;
    ///     assert_eq!(&buffer[..message.length], b"listen here");
    ///     let same = TcpListener::from_std(message.fds.remove(0).into())?;
    ///     assert_eq!(same.local_addr()?, listener.local_addr()?);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn send_msg<B: IoBuf, F: AsFd + 'static>(
        &self,
        buffer: B,
        fds: Vec<F>,
    ) -> BufResult<usize, (B, Vec<F>)> {
        match unix_message::check_bytes(&buffer, &fds) {
            Ok(()) => self.stream.send_msg(buffer, fds).await,
            Err(error) => (Err(error), (buffer, fds)),
        }
    }

    /// Receives as [`read`](Self::read) does, with at most so many of the descriptors that came
    /// along; the others are closed. One receive ends where other descriptors came along, so those
    /// belong to its bytes. A `read` closes what came along.
    ///
    /// # Cancellation
    ///
    /// As of [`read`](Self::read): nothing is lost but the buffer. When the future is dropped, what
    /// came along is kept with its bytes, for the next `recv_msg`.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read). On a kernel before 6.2, rings pass no descriptors (`InvalidInput`).
    ///
    /// # Examples
    ///
    /// See [`send_msg`](Self::send_msg).
    pub async fn recv_msg<B: IoBufMut>(
        &self,
        buffer: B,
        most_fds: usize,
    ) -> BufResult<UnixMessage, B> {
        let (result, buffer) = self.stream.recv_msg(buffer, Room::of_fds(most_fds)).await;
        let message = |(length, control)| UnixMessage::of_stream(length, control, most_fds);
        (result.and_then(message), buffer)
    }

    /// Borrows the connection as its two directions: see
    /// [`TcpStream::split`](super::TcpStream::split).
    pub fn split(&self) -> (ReadHalf<'_, Self>, WriteHalf<'_, Self>) {
        halves::split(self)
    }

    /// Divides the connection into its two directions: see
    /// [`TcpStream::into_split`](super::TcpStream::into_split).
    pub fn into_split(self) -> (OwnedReadHalf<Self>, OwnedWriteHalf<Self>) {
        owned_halves::split(self)
    }

    /// Ends one direction or both: the peer reads to the end of what was sent.
    ///
    /// # Errors
    ///
    /// The connection is gone already, or the call was cancelled.
    pub async fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.stream.shutdown(how).await
    }

    /// Closes the connection: see [`TcpStream::close`](super::TcpStream::close).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn close(self) -> io::Result<()> {
        self.stream.close().await
    }

    /// Takes over a connection of the standard library.
    ///
    /// # Errors
    ///
    /// None in practice; whatever setting the socket up says.
    pub fn from_std(stream: net::UnixStream) -> io::Result<Self> {
        // The ring waits by itself; a socket that does not block would make it say EAGAIN.
        stream.set_nonblocking(false)?;
        Ok(Self::from_owned(stream.into()))
    }

    /// Gives the connection to the standard library.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::into_std`](super::TcpStream::into_std).
    pub fn into_std(self) -> io::Result<net::UnixStream> {
        self.stream.into_owned().map(Into::into)
    }
}

/// Addresses and the peer; none of them waits.
impl UnixStream {
    /// The address of this end; most often one without a name.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        unix_addr::from_kernel(self.stream.socket().local_addr()?)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// Whatever `getpeername(2)` says.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        unix_addr::from_kernel(self.stream.socket().peer_addr()?)
    }

    /// Who is at the other end, as the kernel knew when the connection was made (`SO_PEERCRED`,
    /// unix(7)): of one that was accepted, who had connected; of one that was connected, who had
    /// begun to listen. It cannot be forged, but the process may have handed the socket on.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn peer_cred(&self) -> io::Result<UCred> {
        let peer = sys::peer_cred(&self.stream)?;
        Ok(UCred::new(peer.pid, peer.uid, peer.gid))
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells who has sent what it receives (`SO_PASSCRED`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_passcred(&self, value: bool) -> io::Result<()> {
        self.stream.socket().set_passcred(value)
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells who has sent what it receives.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn passcred(&self) -> io::Result<bool> {
        self.stream.socket().passcred()
    }

    /// Takes the error that the connection has pending (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.stream.socket().take_error()
    }
}

impl AsFd for UnixStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl AsRawFd for UnixStream {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

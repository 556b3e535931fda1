//! `Stream`: what the connections of all families do, on one descriptor.

use super::armed::Keeps;
use super::leasing::Leasing;
use super::receiving::Inbound;
use super::sending::WriteAll;
use super::vectored::ReadingMsg;
use super::zero_copy::SentBuffer;
use super::{RecvStream, Transferred};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{
    Close, Connect, Control, Each, One, Op, Passing, RecvMsg, Room, SendMsg, SendOp, SendZc,
    Shutdown,
};
use crate::pool::Pool;
use crate::yield_now::consume_budget;
use socket2::{SockAddr, SockRef, Socket, Type};
use std::future::Future;
use std::io;
use std::net::{self, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

/// A connection. What its methods promise stands at those of [`TcpStream`](super::TcpStream).
#[derive(Debug)]
pub struct Stream {
    fd: SharedFd,
    inbound: Inbound,
}

impl Stream {
    pub(super) fn new(fd: SharedFd, inbound: Inbound) -> Self {
        Self { fd, inbound }
    }

    /// A connection of which nothing was received yet.
    pub(super) fn from_owned(fd: OwnedFd) -> Self {
        Self::new(SharedFd::new(fd), Inbound::default())
    }

    /// A stream, and the operation that connects it.
    pub(super) fn connecting(socket: Socket, to: SocketAddr) -> (Self, Op<Connect>) {
        let this = Self::from_owned(socket.into());
        let connecting = Connect::new(this.fd.clone(), to.into());
        (this, connecting)
    }

    /// Whether the kernel has more, and nothing that a dropped read has taken comes before it.
    pub(crate) fn has_more(&self) -> bool {
        self.inbound.has_more() && !self.inbound.unread().is_some_and(|unread| unread.comes_first())
    }

    /// All was taken that the kernel had: the next read may wait at once.
    pub(crate) fn set_drained(&self) {
        self.inbound.set_more(false);
    }

    pub(super) fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.inbound.read(&self.fd, buffer)
    }

    pub(super) fn recv<'a>(&'a self, pool: Option<&'a Pool>) -> Leasing<'a> {
        Leasing::new(&self.fd, &self.inbound, pool)
    }

    pub(super) fn recv_stream<'a>(&'a self, pool: Option<&'a Pool>) -> RecvStream<'a> {
        RecvStream::new(&self.fd, &self.inbound, pool)
    }

    pub(super) async fn read_exact<B: IoBufMut>(&self, buffer: B) -> BufResult<(), B> {
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

    pub(super) async fn readv<B: IoBufMut>(&self, mut buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        if buffers.iter().all(|buffer| buffer.io_capacity() == 0) {
            // The kernel would wait for data, of which it then takes none.
            consume_budget().await;
            return (Ok(0), buffers);
        }
        if let Some(unread) = self.inbound.unread() {
            if let Err(error) = unread.settled().await {
                return (Err(error), buffers);
            }
            if let Some(result) = unread.take_each(&mut buffers) {
                return (result, buffers);
            }
        }
        let (fd, inbound) = (&self.fd, &self.inbound);
        let reading = ReadingMsg::new(fd, inbound, Each(buffers), Room::NONE);
        let (result, Each(buffers)) = reading.await;
        (result.map(|arrived| arrived.length), buffers)
    }

    /// Receives, with what came along as far as there is room.
    pub(super) async fn recv_msg<B: IoBufMut>(
        &self,
        mut buffer: B,
        room: Room,
    ) -> BufResult<(usize, Control), B> {
        if buffer.io_capacity() == 0 {
            // The kernel would wait for data, of which it then takes none.
            consume_budget().await;
            return (Ok((0, Control::default())), buffer);
        }
        if let Some(unread) = self.inbound.unread() {
            if let Err(error) = unread.settled().await {
                return (Err(error), buffer);
            }
            if let Some(result) = unread.take_msg(&mut buffer) {
                return (result, buffer);
            }
        }
        let (result, One(buffer)) =
            ReadingMsg::new(&self.fd, &self.inbound, One(buffer), room).await;
        (result.map(|arrived| (arrived.length, arrived.control)), buffer)
    }

    pub(super) async fn peek<B: IoBufMut>(&self, mut buffer: B) -> BufResult<usize, B> {
        if buffer.io_capacity() == 0 {
            consume_budget().await;
            return (Ok(0), buffer);
        }
        if let Some(unread) = self.inbound.unread() {
            if let Err(error) = unread.settled().await {
                return (Err(error), buffer);
            }
            if let Some(result) = unread.peek(&mut buffer) {
                return (result, buffer);
            }
        }
        let (result, One(buffer)) = RecvMsg::peek_stream(self.fd.clone(), One(buffer)).await;
        (result.map(|arrived| arrived.length), buffer)
    }

    pub(super) async fn write<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        SendOp::new(self.fd.clone(), buffer, 0).await
    }

    pub(super) async fn send_zc<B: IoBuf>(&self, buffer: B) -> BufResult<usize, SentBuffer<B>> {
        let (result, lending) = SendZc::new(self.fd.clone(), buffer).await;
        (result, SentBuffer(lending))
    }

    pub(super) fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        WriteAll::new(&self.fd, buffer)
    }

    pub(super) async fn writev<B: IoBuf>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        let (result, Each(buffers)) = SendMsg::new(self.fd.clone(), Each(buffers), None).await;
        (result, buffers)
    }

    /// Sends, with descriptors that go along with the first byte.
    pub(super) async fn send_msg<B: IoBuf, F: AsFd + 'static>(
        &self,
        buffer: B,
        fds: Vec<F>,
    ) -> BufResult<usize, (B, Vec<F>)> {
        let passing = Passing { bytes: One(buffer), fds };
        let (result, Passing { bytes: One(buffer), fds }) =
            SendMsg::passing(self.fd.clone(), passing).await;
        (result, (buffer, fds))
    }

    pub(super) async fn shutdown(&self, how: net::Shutdown) -> io::Result<()> {
        Shutdown::new(self.fd.clone(), how).await
    }

    /// Shuts down on the spot, which does not wait. A connection that is gone already is as good.
    pub(super) fn shutdown_now(&self, how: net::Shutdown) {
        let _ = self.socket().shutdown(how);
    }

    pub(super) async fn close(self) -> io::Result<()> {
        // What was armed and forgotten holds the descriptor.
        let (fd, _) = self.into_parts();
        Close::new(fd.into_sole().await).await
    }

    pub(super) fn fd(&self) -> &SharedFd {
        &self.fd
    }

    pub(super) fn inbound(&self) -> &Inbound {
        &self.inbound
    }

    /// What it is made of. What was armed for code that polls is given up.
    pub(super) fn into_parts(mut self) -> (SharedFd, Inbound) {
        self.inbound.give_up_polled();
        (self.fd, self.inbound)
    }

    /// The descriptor, unless something would be lost with this reader.
    pub(super) fn into_owned(self) -> io::Result<OwnedFd> {
        self.inbound.unread().map_or(Ok(()), |unread| unread.check())?;
        self.into_parts().0.into_owned()
    }

    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }
}

/// Connects to a peer on this machine: at once if it has room, which is a system call that does not
/// wait; else on a thread of the kernel's.
pub(super) async fn connect_local(to: SockAddr, kind: Type) -> io::Result<SharedFd> {
    let socket = Socket::new(to.domain(), kind.nonblocking(), None)?;
    let fd = SharedFd::new(socket.into());
    let at_once = SockRef::from(&fd).connect(&to);
    SockRef::from(&fd).set_nonblocking(false)?;
    match at_once {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Connect::blocking(fd.clone(), to).await?;
        }
        result => result?,
    }
    Ok(fd)
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

//! `Packets`: a descriptor of a socket, of any family, whose messages have bounds.

use super::SentBuffer;
use super::armed::Keeps;
use super::polled::Polled;
use super::unread_datagrams::{Take, Told, UnreadDatagrams};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{
    Close, Connect, One, Op, Outgoing, Room, SendMsg, SendOp, SendTo, SendZc, Shutdown,
};
use socket2::{SockAddr, SockRef};
use std::cell::OnceCell;
use std::io;
use std::net;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::rc::Rc;

/// A socket of messages. What its methods promise stands at those of
/// [`UdpSocket`](super::UdpSocket).
#[derive(Debug)]
pub(super) struct Packets {
    fd: SharedFd,
    unread: Rc<UnreadDatagrams>,
    polled: OnceCell<Rc<Polled>>,
}

impl Packets {
    pub(super) fn new(fd: SharedFd) -> Self {
        Self { fd, unread: Rc::default(), polled: OnceCell::new() }
    }

    pub(super) fn from_owned(fd: OwnedFd) -> Self {
        Self::new(SharedFd::new(fd))
    }

    pub(super) async fn connect(&self, to: SockAddr) -> io::Result<()> {
        Connect::new(self.fd.clone(), to).await
    }

    pub(super) async fn send<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        SendOp::new(self.fd.clone(), buffer, 0).await
    }

    pub(super) async fn send_zc<B: IoBuf>(&self, buffer: B) -> BufResult<usize, SentBuffer<B>> {
        let (result, lending) = SendZc::new(self.fd.clone(), buffer).await;
        (result, SentBuffer(lending))
    }

    /// Sends to an address of IP, with nothing that goes along.
    pub(super) fn send_to<B: IoBuf>(&self, buffer: B, to: net::SocketAddr) -> Op<SendTo<B>> {
        SendTo::new(self.fd.clone(), buffer, to)
    }

    /// Sends to an address, or where the socket is connected, with what goes along.
    pub(super) async fn send_msg<B: IoBuf>(
        &self,
        buffer: B,
        to: Option<impl Into<SockAddr>>,
        along: impl FnOnce(&mut Outgoing<'_>),
    ) -> BufResult<usize, B> {
        let op = SendMsg::with(self.fd.clone(), One(buffer), to.map(Into::into), along);
        let (result, One(buffer)) = op.await;
        (result, buffer)
    }

    /// Receives a message, and what came along as far as there is room.
    pub(super) async fn recv<B: IoBufMut>(&self, buffer: B, room: Room) -> BufResult<Told, B> {
        self.unread.receive(&self.fd, buffer, Take::Out(room)).await
    }

    pub(super) async fn peek<B: IoBufMut>(&self, buffer: B) -> BufResult<Told, B> {
        self.unread.receive(&self.fd, buffer, Take::Peek).await
    }

    pub(super) async fn shutdown(&self, how: net::Shutdown) -> io::Result<()> {
        Shutdown::new(self.fd.clone(), how).await
    }

    pub(super) async fn close(self) -> io::Result<()> {
        Close::new(self.into_fd().into_sole().await).await
    }

    /// The descriptor, unless something would be lost with this reader.
    pub(super) fn into_owned(self) -> io::Result<OwnedFd> {
        self.unread.check()?;
        self.into_fd().into_owned()
    }

    /// The descriptor. What is armed, and what waits for code that polls, has it too, and is given
    /// up.
    fn into_fd(self) -> SharedFd {
        self.fd
    }

    /// The messages that came for dropped receives.
    pub(super) fn unread(&self) -> &Rc<UnreadDatagrams> {
        &self.unread
    }

    pub(super) fn polled(&self) -> &Polled {
        self.polled.get_or_init(|| {
            let polled = Rc::default();
            self.unread.waiting().wake_also(&polled);
            polled
        })
    }

    pub(super) fn fd(&self) -> &SharedFd {
        &self.fd
    }

    pub(super) fn socket(&self) -> SockRef<'_> {
        SockRef::from(&self.fd)
    }
}

impl AsFd for Packets {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Packets {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

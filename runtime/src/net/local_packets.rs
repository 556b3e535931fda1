//! Sends messages to peers on this machine, which may have no room.
//!
//! The kernel must not wait by itself: of a Unix datagram that finds no room at first, a ring sends
//! an empty one later, and says that nothing was sent (seen on 6.18: the first attempt has used the
//! bytes up). Nor can it poll a socket for the room of a peer that is not connected: it would hand
//! the send from hand to hand, and not find it there to cancel it. So a send is tried, and tried
//! again when there may be room.

use super::packets::Packets;
use super::unix_message;
use crate::buf::{BufResult, IoBuf};
use crate::fd::SharedFd;
use crate::op::{One, Passing, PollOp, SendMsg};
use crate::ring::Interest;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::os::fd::AsFd;

/// Sends where the socket is connected, or to an address, with descriptors that go along.
pub(super) async fn send<B: IoBuf, F: AsFd + 'static>(
    from: &Packets,
    buffer: B,
    fds: Vec<F>,
    to: Option<SockAddr>,
) -> BufResult<usize, (B, Vec<F>)> {
    if let Err(error) = unix_message::check_number(&fds) {
        return (Err(error), (buffer, fds));
    }
    let mut passing = Passing { bytes: One(buffer), fds };
    let mut wait = Wait { own: from.fd(), to, way: None, waited_for_peer: false };
    let result = loop {
        let attempt = SendMsg::passing_at_once(from.fd().clone(), passing, wait.to.clone());
        let (result, back) = attempt.await;
        passing = back;
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => break result,
        }
        if let Err(error) = wait.for_room().await {
            break Err(error);
        }
    };
    let Passing { bytes: One(buffer), fds } = passing;
    (result, (buffer, fds))
}

/// What a send waits for.
struct Wait<'a> {
    own: &'a SharedFd,
    to: Option<SockAddr>,
    /// A socket that is connected to the address: it can be polled for the room there.
    way: Option<SharedFd>,
    /// The last wait was for the peer's room.
    waited_for_peer: bool,
}

impl Wait<'_> {
    /// Waits until there may be room. A socket that is not connected waits for its peer's and for
    /// its own in turns: it cannot tell which of them has none.
    async fn for_room(&mut self) -> io::Result<()> {
        self.waited_for_peer = !self.waited_for_peer;
        let on = if self.waited_for_peer { self.way()? } else { None };
        PollOp::new(on.unwrap_or_else(|| self.own.clone()), Interest::Writable).await
    }

    /// The way to the peer, if there is another one than the socket itself.
    fn way(&mut self) -> io::Result<Option<SharedFd>> {
        if let (None, Some(to)) = (&self.way, &self.to) {
            let socket = Socket::new(Domain::UNIX, Type::DGRAM, None)?;
            match socket.connect(to) {
                Ok(()) => self.way = Some(SharedFd::new(socket.into())),
                // The peer is connected to this socket, and then always has room for its datagrams.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.way.clone())
    }
}

//! The echo server of datagrams, each of which is small enough to be sent at once.

use crate::process::How;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use std::io;
use std::net;

pub(super) fn echo(socket: net::UdpSocket, how: How) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    let mut socket = UdpSocket::from_std(socket);
    let mut poll = Poll::new()?;
    poll.registry().register(&mut socket, Token(0), Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; how.buffer];
    loop {
        poll.poll(&mut events, None)?;
        loop {
            match socket.recv_from(&mut buffer) {
                Ok((length, from)) => socket.send_to(&buffer[..length], from)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            };
        }
    }
}

//! What is done to sockets of the library and of the tests alike: fill them, reset them.

use socket2::SockRef;
use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Duration;

/// Sends zeros on a socket until it takes no more, so that what is sent after that has to wait.
/// Tells how many bytes it has taken. Whether the socket blocks makes no difference.
pub(crate) fn fill_send_side(socket: &impl AsFd) -> usize {
    let socket = SockRef::from(socket);
    let mut sent = 0;
    loop {
        match socket.send_with_flags(&[0; 4096], libc::MSG_DONTWAIT) {
            Ok(length) => sent += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return sent,
            Err(error) => panic!("the socket cannot be filled: {error}"),
        }
    }
}

/// Resets a connection: its other end is told once.
pub(crate) fn reset(peer: TcpStream) {
    SockRef::from(&peer).set_linger(Some(Duration::ZERO)).expect("a socket");
    drop(peer);
}

//! Connections and other sockets, and what they take while they are idle.

use super::LENGTH;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

/// How long a server may take to go to sleep.
const SETTLE: Duration = Duration::from_millis(50);

/// Connects so many times, one after the other.
pub(crate) fn connect(address: SocketAddr, connections: usize) -> io::Result<Vec<TcpStream>> {
    let connect = |_| {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    (0..connections).map(connect).collect()
}

/// As many sockets for datagrams, connected.
pub(crate) fn sockets(address: SocketAddr, count: usize) -> io::Result<Vec<UdpSocket>> {
    let connect = |_| {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.connect(address)?;
        Ok(socket)
    };
    (0..count).map(connect).collect()
}

/// Has each connection answered once, so that what it needs is there, and then leaves it alone.
pub(crate) fn idle(streams: &mut [TcpStream]) -> io::Result<()> {
    let mut message = [b'x'; LENGTH];
    for stream in streams {
        stream.write_all(&message)?;
        stream.read_exact(&mut message)?;
    }
    // Not for anything to be in time: what is measured does not change any more.
    thread::sleep(SETTLE);
    Ok(())
}

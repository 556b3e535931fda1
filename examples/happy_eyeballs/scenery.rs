//! `Scenery`: three addresses of this machine, of which only the last answers.

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Sockets that behave badly, or well, while they exist.
pub(crate) struct Scenery {
    /// Its backlog is full, so that the kernel drops who knocks: a black hole.
    full: TcpListener,
    _filling: TcpStream,
    /// Has the port, and does not listen: who knocks is refused.
    closed: Socket,
    good: TcpListener,
}

impl Scenery {
    pub(crate) fn new() -> io::Result<Self> {
        let full = bound([127, 0, 0, 2])?;
        full.listen(0)?;
        let full = TcpListener::from(full);
        let _filling = TcpStream::connect(full.local_addr()?)?;
        let closed = bound([127, 0, 0, 3])?;
        let good = TcpListener::bind("127.0.0.4:0")?;
        Ok(Self { full, _filling, closed, good })
    }

    pub(crate) fn addresses(&self) -> io::Result<Vec<SocketAddr>> {
        let closed = self.closed.local_addr()?.as_socket();
        Ok([self.full.local_addr().ok(), closed, self.good.local_addr().ok()]
            .into_iter()
            .flatten()
            .collect())
    }
}

fn bound(ip: [u8; 4]) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((ip, 0)).into())?;
    Ok(socket)
}

//! `Nobody`: an address that refuses connections, and that no other socket gets meanwhile.

use socket2::{Domain, Socket, Type};
use std::net::SocketAddr;

/// A socket that has a port, and does not listen.
pub(crate) struct Nobody {
    pub(crate) socket: Socket,
    pub(crate) address: SocketAddr,
}

impl Nobody {
    pub(crate) fn new() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Self { socket, address }
    }
}

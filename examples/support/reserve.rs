//! Reserving addresses: they are this process's own before any core listens.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// An address that is bound and not listened on: the port stays ours, and gets no connections.
#[derive(Debug)]
pub(crate) struct Reserved {
    /// Keeps the port until the process ends, so that all cores find it free for them.
    _socket: Socket,
    address: SocketAddr,
}

impl Reserved {
    /// Binds `address`; port 0 becomes a free port, the same one for all cores.
    ///
    /// # Errors
    ///
    /// Somebody else listens there, or the address is not of this machine.
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        bind(address).map_err(|error| {
            io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
        })
    }

    /// The address, with its real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

fn bind(address: SocketAddr) -> io::Result<Reserved> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // The last run's connections may still linger on the port.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    // Only now: with it, the bind would have joined a stranger's port instead of failing.
    socket.set_reuse_port(true)?;
    let address = socket.local_addr()?.as_socket().unwrap_or(address);
    Ok(Reserved { _socket: socket, address })
}

//! Addresses and options of Unix sockets of messages.

use super::{UnixDatagram, units, unix_addr};
use std::io;
use std::os::unix::net::SocketAddr;

/// Addresses and options; none of them waits.
impl UnixDatagram {
    /// The address of this end; one without a name if it was not bound.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        unix_addr::from_kernel(self.packets().socket().local_addr()?)
    }

    /// The address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// The socket is not connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        unix_addr::from_kernel(self.packets().socket().peer_addr()?)
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells who has sent each datagram (`SO_PASSCRED`). A
    /// socket without a name gets one then, when it sends or connects.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_passcred(&self, value: bool) -> io::Result<()> {
        self.packets().socket().set_passcred(value)
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells who has sent each datagram.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn passcred(&self) -> io::Result<bool> {
        self.packets().socket().passcred()
    }

    /// The kernel's send buffer, in bytes, which it doubles (`SO_SNDBUF`): no datagram can be
    /// longer.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_send_buffer_size(&self, value: usize) -> io::Result<()> {
        self.packets().socket().set_send_buffer_size(units::buffer(value))
    }

    /// The kernel's send buffer, in bytes.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        self.packets().socket().send_buffer_size()
    }

    /// Takes the error that the socket has pending (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.packets().socket().take_error()
    }
}

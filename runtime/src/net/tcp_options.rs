//! Addresses and options of TCP connections.

use super::connection::Inner;
use super::tcp_listener::not_internet;
use super::{TcpKeepalive, TcpStream, units};
use socket2::Domain;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Addresses and options; none of them waits.
impl TcpStream {
    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner().socket().local_addr()?.as_socket().ok_or_else(not_internet)
    }

    /// The address of the other end.
    ///
    /// # Errors
    ///
    /// The connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner().socket().peer_addr()?.as_socket().ok_or_else(not_internet)
    }

    /// Whether small segments are sent at once (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn nodelay(&self) -> io::Result<bool> {
        self.inner().socket().tcp_nodelay()
    }

    /// Sends small segments at once, instead of gathering them (`TCP_NODELAY`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_nodelay(&self, on: bool) -> io::Result<()> {
        self.inner().socket().set_tcp_nodelay(on)
    }

    /// What a close does with data that was not sent (`SO_LINGER`): `None` sends it in the
    /// background, zero drops it and resets the connection.
    ///
    /// Any other time is for a close after [`into_std`](Self::into_std), which waits so long for
    /// the peer. In whole seconds, rounded up, at most 24 days. Closed here, the
    /// socket sends in the background, too: a close that waits would hold its core. To be sure that
    /// the peer has everything, [`shutdown`](Self::shutdown) and read to the end.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        self.inner().socket().set_linger(linger.map(units::whole_seconds))
    }

    /// What a close does with data that was not sent: see [`set_linger`](Self::set_linger).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        self.inner().socket().linger()
    }

    /// Probes an idle connection, to notice that the peer is gone (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_keepalive(&self, on: bool) -> io::Result<()> {
        self.inner().socket().set_keepalive(on)
    }

    /// Whether an idle connection is probed (`SO_KEEPALIVE`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn keepalive(&self) -> io::Result<bool> {
        self.inner().socket().keepalive()
    }

    /// Probes an idle connection, and says when: see [`TcpKeepalive`].
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a number of probes that is not from 1 to 127; else whatever
    /// `setsockopt(2)` says.
    pub fn set_tcp_keepalive(&self, keepalive: &TcpKeepalive) -> io::Result<()> {
        keepalive.set(&self.inner().socket())
    }

    /// When the connection is probed, if [it is](Self::keepalive); each value is there.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn tcp_keepalive(&self) -> io::Result<TcpKeepalive> {
        TcpKeepalive::of(&self.inner().socket())
    }

    /// How long sent data may stay unacknowledged before the connection breaks, with `TimedOut`
    /// (`TCP_USER_TIMEOUT`); `None`, as the system retransmits. In milliseconds, rounded up.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_user_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.inner().socket().set_tcp_user_timeout(timeout.map(units::whole_millis))
    }

    /// How long sent data may stay unacknowledged: see
    /// [`set_user_timeout`](Self::set_user_timeout).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn user_timeout(&self) -> io::Result<Option<Duration>> {
        self.inner().socket().tcp_user_timeout()
    }

    /// The lifetime of sent packets, in hops: 1 to 255 (`IP_TTL`, `IPV6_UNICAST_HOPS`).
    ///
    /// # Errors
    ///
    /// `InvalidInput` for any other number; else whatever `setsockopt(2)` says.
    pub fn set_ttl(&self, hops: u32) -> io::Result<()> {
        let hops = units::hops(hops)?;
        if self.inner().socket().domain()? == Domain::IPV6 {
            self.inner().socket().set_unicast_hops_v6(hops)?;
        }
        // Of an IPv6 socket: for a peer with an IPv4 address.
        self.inner().socket().set_ttl_v4(hops)
    }

    /// The lifetime of sent packets, in hops.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn ttl(&self) -> io::Result<u32> {
        if self.inner().socket().domain()? == Domain::IPV6 {
            return self.inner().socket().unicast_hops_v6();
        }
        self.inner().socket().ttl_v4()
    }

    /// The kernel's receive buffer, in bytes (`SO_RCVBUF`). The kernel doubles it, and limits it to
    /// `net.core.rmem_max`.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.inner().socket().set_recv_buffer_size(units::buffer(bytes))
    }

    /// The kernel's receive buffer, in bytes: twice what was set, see
    /// [`set_recv_buffer_size`](Self::set_recv_buffer_size).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        self.inner().socket().recv_buffer_size()
    }

    /// The kernel's send buffer, in bytes (`SO_SNDBUF`). The kernel doubles it, and limits it to
    /// `net.core.wmem_max`.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_send_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.inner().socket().set_send_buffer_size(units::buffer(bytes))
    }

    /// The kernel's send buffer, in bytes: twice what was set, see
    /// [`set_send_buffer_size`](Self::set_send_buffer_size).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        self.inner().socket().send_buffer_size()
    }

    /// The processor that has handled the last packet of the connection (`SO_INCOMING_CPU`), in the
    /// kernel's numbers; `None` if there was none yet.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn incoming_cpu(&self) -> io::Result<Option<usize>> {
        let cpu = self.inner().socket().cpu_affinity()?;
        Ok(Some(cpu).filter(|cpu| *cpu < u32::MAX as usize))
    }

    /// Takes the error that the connection has pending (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner().socket().take_error()
    }
}

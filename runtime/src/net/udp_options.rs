//! Addresses, groups and options of UDP sockets.

use super::tcp_listener::not_internet;
use super::{UdpSocket, units};
use crate::sys;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Addresses, groups and options; none of them waits.
impl UdpSocket {
    /// The address of this end.
    ///
    /// # Errors
    ///
    /// Whatever `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket().local_addr()?.as_socket().ok_or_else(not_internet)
    }

    /// The address that the socket is connected to.
    ///
    /// # Errors
    ///
    /// The socket is not connected.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.socket().peer_addr()?.as_socket().ok_or_else(not_internet)
    }

    /// Lets datagrams go to a broadcast address (`SO_BROADCAST`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_broadcast(&self, value: bool) -> io::Result<()> {
        self.socket().set_broadcast(value)
    }

    /// Whether datagrams may go to a broadcast address.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn broadcast(&self) -> io::Result<bool> {
        self.socket().broadcast()
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells where datagrams were sent to (`IP_PKTINFO`,
    /// `IPV6_RECVPKTINFO`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_recv_pktinfo(&self, value: bool) -> io::Result<()> {
        self.set_of_family(libc::IP_PKTINFO, libc::IPV6_RECVPKTINFO, value)
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells the congestion marks of packets (`IP_RECVTOS`,
    /// `IPV6_RECVTCLASS`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_recv_ecn(&self, value: bool) -> io::Result<()> {
        self.set_of_family(libc::IP_RECVTOS, libc::IPV6_RECVTCLASS, value)
    }

    /// Sets an option that both families have. A socket of IPv6 may be for both: it gets both.
    fn set_of_family(&self, v4: i32, v6: i32, value: bool) -> io::Result<()> {
        let value = i32::from(value);
        sys::set_option(self, libc::IPPROTO_IP, v4, value)?;
        match self.local_addr()? {
            SocketAddr::V4(_) => Ok(()),
            SocketAddr::V6(_) => sys::set_option(self, libc::IPPROTO_IPV6, v6, value),
        }
    }

    /// Whether [`recv_msg`](Self::recv_msg) tells when datagrams arrived (`SO_TIMESTAMPNS`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_recv_timestamp(&self, value: bool) -> io::Result<()> {
        sys::set_option(self, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS_NEW, value.into())
    }

    /// Whether the kernel may join datagrams of one sender that come close together, so that one
    /// receive takes them all (`UDP_GRO`): [`recv_msg`](Self::recv_msg) tells where to cut them.
    /// Have buffers of 64 KiB then, and no receive that does not tell.
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_gro(&self, value: bool) -> io::Result<()> {
        sys::set_option(self, libc::SOL_UDP, libc::UDP_GRO, value.into())
    }

    /// The lifetime of sent packets of IPv4, in hops: 1 to 255 (`IP_TTL`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_ttl(&self, value: u32) -> io::Result<()> {
        self.socket().set_ttl_v4(units::hops(value)?)
    }

    /// The lifetime of sent packets of IPv4, in hops.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn ttl(&self) -> io::Result<u32> {
        self.socket().ttl_v4()
    }

    /// Whether this machine gets what is sent to a group of IPv4 (`IP_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_multicast_loop_v4(&self, value: bool) -> io::Result<()> {
        self.socket().set_multicast_loop_v4(value)
    }

    /// Whether this machine gets what is sent to a group of IPv4.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn multicast_loop_v4(&self) -> io::Result<bool> {
        self.socket().multicast_loop_v4()
    }

    /// Whether this machine gets what is sent to a group of IPv6 (`IPV6_MULTICAST_LOOP`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_multicast_loop_v6(&self, value: bool) -> io::Result<()> {
        self.socket().set_multicast_loop_v6(value)
    }

    /// Whether this machine gets what is sent to a group of IPv6.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn multicast_loop_v6(&self) -> io::Result<bool> {
        self.socket().multicast_loop_v6()
    }

    /// The lifetime of what is sent to a group, in hops (`IP_MULTICAST_TTL`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_multicast_ttl_v4(&self, value: u32) -> io::Result<()> {
        self.socket().set_multicast_ttl_v4(units::hops(value)?)
    }

    /// The lifetime of what is sent to a group, in hops.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn multicast_ttl_v4(&self) -> io::Result<u32> {
        self.socket().multicast_ttl_v4()
    }

    /// The kernel's receive buffer, in bytes, which it doubles (`SO_RCVBUF`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_recv_buffer_size(&self, value: usize) -> io::Result<()> {
        self.socket().set_recv_buffer_size(units::buffer(value))
    }

    /// The kernel's receive buffer, in bytes.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        self.socket().recv_buffer_size()
    }

    /// The kernel's send buffer, in bytes, which it doubles (`SO_SNDBUF`).
    ///
    /// # Errors
    ///
    /// Whatever `setsockopt(2)` says.
    pub fn set_send_buffer_size(&self, value: usize) -> io::Result<()> {
        self.socket().set_send_buffer_size(units::buffer(value))
    }

    /// The kernel's send buffer, in bytes.
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn send_buffer_size(&self) -> io::Result<usize> {
        self.socket().send_buffer_size()
    }

    /// Receives what is sent to a group, on the interface of that address.
    ///
    /// # Errors
    ///
    /// The address is that of no group, or there is no such interface.
    pub fn join_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket().join_multicast_v4(group, interface)
    }

    /// Receives no more what is sent to a group, on the interface of that address.
    ///
    /// # Errors
    ///
    /// The address is that of no group, or there is no such interface.
    pub fn leave_multicast_v4(&self, group: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        self.socket().leave_multicast_v4(group, interface)
    }

    /// Receives what is sent to a group, on the interface of that number; zero
    /// leaves that to the kernel.
    ///
    /// # Errors
    ///
    /// The address is that of no group, or there is no such interface.
    pub fn join_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket().join_multicast_v6(group, interface)
    }

    /// Receives no more what is sent to a group, on the interface of that number; zero
    /// leaves that to the kernel.
    ///
    /// # Errors
    ///
    /// The address is that of no group, or there is no such interface.
    pub fn leave_multicast_v6(&self, group: &Ipv6Addr, interface: u32) -> io::Result<()> {
        self.socket().leave_multicast_v6(group, interface)
    }

    /// Takes the error that the socket has pending (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.socket().take_error()
    }
}

//! `ConnectOptions`: what a connection is to be before it is made.

use super::{TcpKeepalive, units};
use crate::sys;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// How to connect. For a limit in time, put a timeout around the connect.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{ConnectOptions, TcpListener, TcpStream};
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let options =
///         ConnectOptions::default().local_addr(([127, 0, 0, 9], 0).into()).nodelay(true);
///     let client = TcpStream::connect_with(listener.local_addr()?, &options).await?;
///     let (_server, peer) = listener.accept().await?;
///     assert_eq!(peer.ip().to_string(), "127.0.0.9");
///     assert!(client.nodelay()?);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    local: Option<SocketAddr>,
    device: Option<String>,
    nodelay: bool,
    keepalive: Option<TcpKeepalive>,
    recv_buffer: Option<usize>,
    send_buffer: Option<usize>,
    user_timeout: Option<Duration>,
    fast_open: bool,
    mark: Option<u32>,
    tos: Option<u8>,
    delay: Duration,
}

impl Default for ConnectOptions {
    /// As the system says; 250 ms between attempts.
    fn default() -> Self {
        Self::DEFAULT.clone()
    }
}

impl ConnectOptions {
    /// For a connect that has none of its own.
    pub(super) const DEFAULT: &Self = &Self {
        local: None,
        device: None,
        nodelay: false,
        keepalive: None,
        recv_buffer: None,
        send_buffer: None,
        user_timeout: None,
        fast_open: false,
        mark: None,
        tos: None,
        delay: Duration::from_millis(250),
    };

    /// The address of this end. With port 0 the kernel picks one when it connects: any port that
    /// is not in use with that same peer (`IP_BIND_ADDRESS_NO_PORT`). An address of the other
    /// family cannot be connected to.
    pub fn local_addr(mut self, address: SocketAddr) -> Self {
        self.local = Some(address);
        self
    }

    /// The network interface that all packets go through, by its name (`SO_BINDTODEVICE`).
    pub fn device(mut self, name: &str) -> Self {
        self.device = Some(name.to_owned());
        self
    }

    /// Small segments are sent at once: see [`set_nodelay`](super::TcpStream::set_nodelay).
    pub fn nodelay(mut self, on: bool) -> Self {
        self.nodelay = on;
        self
    }

    /// Probes the connection while it is idle: see
    /// [`set_tcp_keepalive`](super::TcpStream::set_tcp_keepalive).
    pub fn keepalive(mut self, keepalive: TcpKeepalive) -> Self {
        self.keepalive = Some(keepalive);
        self
    }

    /// The kernel's receive buffer, in bytes, which it doubles (`SO_RCVBUF`). What the peer may
    /// send at once is settled when the connection is made, so a large one belongs here.
    pub fn recv_buffer_size(mut self, bytes: usize) -> Self {
        self.recv_buffer = Some(bytes);
        self
    }

    /// The kernel's send buffer, in bytes, which it doubles (`SO_SNDBUF`).
    pub fn send_buffer_size(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// How long sent data may stay unacknowledged, that of connecting included: see
    /// [`set_user_timeout`](super::TcpStream::set_user_timeout).
    pub fn user_timeout(mut self, timeout: Duration) -> Self {
        self.user_timeout = Some(timeout);
        self
    }

    /// Whether the first bytes that are sent may go with the first packet
    /// (`TCP_FASTOPEN_CONNECT`), to a server that has allowed it by a cookie. Then connecting
    /// returns at once, the first write connects, and its error is that of the connect; so of
    /// several addresses the first one wins. The kernel has to allow it, with bit 1 of
    /// `net.ipv4.tcp_fastopen`.
    ///
    /// A first packet may come twice, so only for what may be done twice.
    pub fn fast_open(mut self, on: bool) -> Self {
        self.fast_open = on;
        self
    }

    /// A mark for routing and firewalls (`SO_MARK`), for which a process needs `CAP_NET_ADMIN`.
    pub fn mark(mut self, mark: u32) -> Self {
        self.mark = Some(mark);
        self
    }

    /// The type of service of sent packets (`IP_TOS`, `IPV6_TCLASS`).
    pub fn tos(mut self, tos: u8) -> Self {
        self.tos = Some(tos);
        self
    }

    /// Of several addresses, how long the last attempt has to succeed or fail before the next one
    /// begins beside it; 250 ms by default, as RFC 8305 recommends. `Duration::MAX`: until it has
    /// failed.
    pub fn attempt_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// A socket that may be connected to that address.
    pub(super) fn socket(&self, to: SocketAddr) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
        if self.nodelay {
            socket.set_tcp_nodelay(true)?;
        }
        if let Some(keepalive) = &self.keepalive {
            keepalive.set(&SockRef::from(&socket))?;
        }
        if let Some(bytes) = self.recv_buffer {
            socket.set_recv_buffer_size(units::buffer(bytes))?;
        }
        if let Some(bytes) = self.send_buffer {
            socket.set_send_buffer_size(units::buffer(bytes))?;
        }
        if let Some(timeout) = self.user_timeout {
            socket.set_tcp_user_timeout(Some(units::whole_millis(timeout)))?;
        }
        if self.fast_open {
            sys::set_option(&socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, 1)?;
        }
        self.route(&socket, to)?;
        if let Some(local) = self.local {
            bind(&socket, local, to)?;
        }
        Ok(socket)
    }

    /// Sets what says which way packets go.
    fn route(&self, socket: &Socket, to: SocketAddr) -> io::Result<()> {
        if let Some(device) = &self.device {
            let bound = socket.bind_device(Some(device.as_bytes()));
            bound.map_err(|error| with(error, &format!("the network interface '{device}'")))?;
        }
        if let Some(mark) = self.mark {
            let marked = socket.set_mark(mark);
            marked.map_err(|error| with(error, "a mark, which needs CAP_NET_ADMIN"))?;
        }
        match self.tos {
            Some(tos) if to.is_ipv6() => socket.set_tclass_v6(tos.into()),
            Some(tos) => socket.set_tos_v4(tos.into()),
            None => Ok(()),
        }
    }
}

fn bind(socket: &Socket, local: SocketAddr, to: SocketAddr) -> io::Result<()> {
    if local.is_ipv6() != to.is_ipv6() {
        let text = format!("the local address, {local}, is of the other family");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    if local.port() == 0 {
        sys::set_option(socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, 1)?;
    }
    let bound = socket.bind(&local.into());
    bound.map_err(|error| with(error, &format!("the local address {local}")))
}

/// The error with what could not be set.
fn with(error: io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

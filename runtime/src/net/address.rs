//! What can name a socket address.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Something that names one socket address: the address itself, an IP address and a port, or a
/// text such as `127.0.0.1:80` or `[::1]:80`.
///
/// Host names are not looked up yet: a text that is no address is an error.
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::ToSocketAddrs;
/// assert_eq!("127.0.0.1:80".to_socket_addr().unwrap().port(), 80);
/// assert!("localhost:80".to_socket_addr().is_err());
/// ```
pub trait ToSocketAddrs {
    /// The address.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a text that is no address.
    fn to_socket_addr(&self) -> io::Result<SocketAddr>;
}

impl ToSocketAddrs for str {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        self.parse().map_err(|_| {
            let text = format!(
                "'{self}' is no socket address: write an IP address and a port, such as \
                 127.0.0.1:8080 or [::1]:8080 (host names are not looked up)"
            );
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })
    }
}

impl ToSocketAddrs for String {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        self.as_str().to_socket_addr()
    }
}

impl ToSocketAddrs for SocketAddr {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        Ok(*self)
    }
}

impl ToSocketAddrs for SocketAddrV4 {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        Ok((*self).into())
    }
}

impl ToSocketAddrs for SocketAddrV6 {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        Ok((*self).into())
    }
}

impl ToSocketAddrs for (IpAddr, u16) {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        Ok((*self).into())
    }
}

impl ToSocketAddrs for (Ipv4Addr, u16) {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        Ok((*self).into())
    }
}

impl ToSocketAddrs for (Ipv6Addr, u16) {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        Ok((*self).into())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn to_socket_addr(&self) -> io::Result<SocketAddr> {
        (**self).to_socket_addr()
    }
}

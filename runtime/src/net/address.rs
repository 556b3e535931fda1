//! `ToSocketAddrs`: values that name socket addresses.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// Something that names socket addresses: an address itself, an IP address and a port, several
/// addresses, or a host and a port, such as `example.org:80`, `[::1]:80` or `("example.org", 80)`.
///
/// The value only says what was meant; the function that takes it looks names up. Implement it for
/// types of your own by handing on what they contain.
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::{Endpoint, ToSocketAddrs};
/// use std::io;
///
/// struct Server {
///     name: String,
/// }
///
/// impl ToSocketAddrs for Server {
///     fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
///         Ok(Endpoint::Host { name: &self.name, port: 443 })
///     }
/// }
///
/// assert!(matches!("127.0.0.1:80".to_endpoint(), Ok(Endpoint::Address(_))));
/// assert!(matches!("localhost:80".to_endpoint(), Ok(Endpoint::Host { port: 80, .. })));
/// assert!("localhost".to_endpoint().is_err()); // which port?
/// ```
pub trait ToSocketAddrs {
    /// What is named. Does not look anything up.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for a text that is neither an address nor a host and a port.
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>>;
}

/// One end of a connection, as the caller [names it](ToSocketAddrs).
///
/// # Examples
///
/// See [`ToSocketAddrs`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// An address.
    Address(SocketAddr),
    /// Several, to be tried in this order.
    Addresses(&'a [SocketAddr]),
    /// A host that is to be looked up.
    Host {
        /// The name of the host.
        name: &'a str,
        /// The port there.
        port: u16,
    },
}

impl<'a> Endpoint<'a> {
    /// A host that may be written as an IP address.
    fn host(name: &'a str, port: u16) -> Self {
        match name.parse::<IpAddr>() {
            Ok(address) => Self::Address((address, port).into()),
            Err(_) => Self::Host { name, port },
        }
    }

    /// `host:port`. Colons in the host only within brackets, so that it is clear what the port is.
    fn parse(text: &'a str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let name = bracketed.unwrap_or(host);
        let clear = !name.is_empty() && (bracketed.is_some() || !name.contains(':'));
        clear.then(|| Self::host(name, port))
    }
}

impl ToSocketAddrs for str {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        if let Ok(address) = self.parse() {
            return Ok(Endpoint::Address(address));
        }
        Endpoint::parse(self).ok_or_else(|| {
            let text = format!(
                "'{self}' is no socket address: write a host and a port, such as 127.0.0.1:8080, \
                 [::1]:8080 or example.org:8080"
            );
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })
    }
}

impl ToSocketAddrs for String {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        self.as_str().to_endpoint()
    }
}

impl ToSocketAddrs for (&str, u16) {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::host(self.0, self.1))
    }
}

impl ToSocketAddrs for (String, u16) {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::host(&self.0, self.1))
    }
}

impl ToSocketAddrs for SocketAddr {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::Address(*self))
    }
}

impl ToSocketAddrs for SocketAddrV4 {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::Address((*self).into()))
    }
}

impl ToSocketAddrs for SocketAddrV6 {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::Address((*self).into()))
    }
}

impl ToSocketAddrs for (IpAddr, u16) {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::Address((*self).into()))
    }
}

impl ToSocketAddrs for (Ipv4Addr, u16) {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::Address((*self).into()))
    }
}

impl ToSocketAddrs for (Ipv6Addr, u16) {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::Address((*self).into()))
    }
}

impl ToSocketAddrs for [SocketAddr] {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::Addresses(self))
    }
}

impl ToSocketAddrs for Vec<SocketAddr> {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        Ok(Endpoint::Addresses(self))
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    fn to_endpoint(&self) -> io::Result<Endpoint<'_>> {
        (**self).to_endpoint()
    }
}

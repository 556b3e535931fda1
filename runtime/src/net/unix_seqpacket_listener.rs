//! `UnixSeqpacketListener`: accepts connections that keep messages apart.

use super::accept::Listens;
use super::incoming::Incoming;
use super::listener::Listener;
use super::unix_listener::listen;
use super::unix_seqpacket::checked;
use super::{UnixSeqpacket, unix_addr};
use crate::fd::SharedFd;
use socket2::{SockAddr, Type};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::SocketAddr;
use std::path::Path;

/// A Unix socket that accepts connections of sequenced packets (`SOCK_SEQPACKET`). What holds of
/// the file of a [`UnixListener`](super::UnixListener), holds here.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{UnixSeqpacket, UnixSeqpacketListener};
/// use std::os::linux::net::SocketAddrExt;
/// use std::os::unix::net::SocketAddr;
/// let name = format!("nestling/packets/{}", std::process::id());
/// let address = SocketAddr::from_abstract_name(name)?;
/// nestling_runtime::block_on(async {
///     let listener = UnixSeqpacketListener::bind_addr(&address)?;
///     let client = UnixSeqpacket::connect_addr(&address).await?;
///     let (server, _) = listener.accept().await?;
///     client.send("a message").await.0?;
///     assert_eq!(server.recv(vec![0; 64]).await.0?, 9);
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixSeqpacketListener {
    listener: Listener,
}

impl UnixSeqpacketListener {
    /// Listens at a path: see [`UnixListener::bind`](super::UnixListener::bind).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::listen(unix_addr::of_path(path.as_ref())?)
    }

    /// Listens at an address, such as an abstract name: see
    /// [`UnixListener::bind_addr`](super::UnixListener::bind_addr).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        Self::listen(unix_addr::to_kernel(address)?)
    }

    fn listen(address: SockAddr) -> io::Result<Self> {
        Ok(Self { listener: listen(address, Type::SEQPACKET)? })
    }

    /// Waits for a connection: see [`TcpListener::accept`](super::TcpListener::accept), of which
    /// every word holds. The address is most often one without a name.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn accept(&self) -> io::Result<(UnixSeqpacket, SocketAddr)> {
        self.listener.accept().await
    }

    /// Connections one after the other, for which the kernel is asked once: see
    /// [`TcpListener::incoming`](super::TcpListener::incoming).
    pub fn incoming(&self) -> Incoming<'_, UnixSeqpacket> {
        self.listener.incoming()
    }

    /// The address that is listened at.
    ///
    /// # Errors
    ///
    /// None in practice; whatever `getsockname(2)` says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        unix_addr::from_kernel(self.listener.socket().local_addr()?)
    }

    /// Takes the error that the listener has pending (`SO_ERROR`).
    ///
    /// # Errors
    ///
    /// Whatever `getsockopt(2)` says.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.listener.socket().take_error()
    }

    /// Stops listening: see [`UnixListener::close`](super::UnixListener::close).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn close(self) -> io::Result<()> {
        self.listener.close().await
    }

    /// Takes over a listener that was made elsewhere, such as by a service manager.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if it is no Unix socket of sequenced packets.
    pub fn from_fd(fd: OwnedFd) -> io::Result<Self> {
        Ok(Self { listener: Listener::new(SharedFd::new(checked(fd)?)) })
    }

    /// Gives the descriptor away: see [`TcpListener::into_std`](super::TcpListener::into_std).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn into_fd(self) -> io::Result<OwnedFd> {
        self.listener.into_owned()
    }
}

impl Listens for UnixSeqpacketListener {
    fn inner(&self) -> &Listener {
        &self.listener
    }

    fn into_inner(self) -> Listener {
        self.listener
    }
}

impl AsFd for UnixSeqpacketListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl AsRawFd for UnixSeqpacketListener {
    fn as_raw_fd(&self) -> RawFd {
        self.listener.as_raw_fd()
    }
}

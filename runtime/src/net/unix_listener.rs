//! `UnixListener`: accepts connections of this machine.

use super::accept::Listens;
use super::incoming::Incoming;
use super::listener::Listener;
use super::{UnixStream, unix_addr};
use crate::fd::SharedFd;
use socket2::{Domain, SockAddr, Socket, Type};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::{self, SocketAddr};
use std::path::Path;

/// As many connections may wait as of a [`TcpListener`](super::TcpListener) by default.
const BACKLOG: i32 = 1024;

/// A Unix socket that accepts connections.
///
/// The file at its path is made by [`bind`](Self::bind), and stays when the listener is gone, as
/// with the standard library: remove it before the next bind, which is refused otherwise.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{UnixListener, UnixStream};
/// # let folder = std::env::temp_dir().join(format!("nestling-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let path = folder.join("socket");
/// nestling_runtime::block_on(async {
///     let listener = UnixListener::bind(&path)?;
///     let client = UnixStream::connect(&path).await?;
///     let (server, _) = listener.accept().await?;
///     server.write_all("hello").await.0?;
///     assert_eq!(client.read_exact(vec![0; 5]).await.1, b"hello");
///     std::fs::remove_file(&path)
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct UnixListener {
    listener: Listener,
}

impl UnixListener {
    /// Listens at a path, where nothing may be yet. Nothing is waited for.
    ///
    /// # Errors
    ///
    /// There is something at the path (`AddrInUse`), the path is too long, or its folder cannot be
    /// written to; the error names it.
    pub fn bind(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self { listener: listen(unix_addr::of_path(path.as_ref())?, Type::STREAM)? })
    }

    /// Listens at an address, such as an abstract name, which no file stands for.
    ///
    /// # Errors
    ///
    /// As [`bind`](Self::bind); `InvalidInput` if the address has no name.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// use nestling_runtime::net::{UnixListener, UnixStream};
    /// use std::os::linux::net::SocketAddrExt;
    /// use std::os::unix::net::SocketAddr;
    /// let name = format!("nestling/{}", std::process::id());
    /// let address = SocketAddr::from_abstract_name(name)?;
    /// nestling_runtime::block_on(async {
    ///     let listener = UnixListener::bind_addr(&address)?;
    ///     let _client = UnixStream::connect_addr(&address).await?;
    ///     let (server, _) = listener.accept().await?;
    ///     assert_eq!(server.local_addr()?.as_abstract_name(), address.as_abstract_name());
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn bind_addr(address: &SocketAddr) -> io::Result<Self> {
        Ok(Self { listener: listen(unix_addr::to_kernel(address)?, Type::STREAM)? })
    }

    /// Waits for a connection: see [`TcpListener::accept`](super::TcpListener::accept), of which
    /// every word holds. The address is most often one without a name.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        self.listener.accept().await
    }

    /// Connections one after the other, for which the kernel is asked once: see
    /// [`TcpListener::incoming`](super::TcpListener::incoming).
    pub fn incoming(&self) -> Incoming<'_, UnixStream> {
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

    /// Stops listening: see [`TcpListener::close`](super::TcpListener::close). The file at its path
    /// stays.
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn close(self) -> io::Result<()> {
        self.listener.close().await
    }

    /// Takes over a listener of the standard library.
    ///
    /// # Errors
    ///
    /// None in practice; whatever setting the socket up says.
    pub fn from_std(listener: net::UnixListener) -> io::Result<Self> {
        // The ring waits by itself; a socket that does not block would make it say EAGAIN.
        listener.set_nonblocking(false)?;
        Ok(Self { listener: Listener::new(SharedFd::new(listener.into())) })
    }

    /// Gives the listener to the standard library: see
    /// [`TcpListener::into_std`](super::TcpListener::into_std).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn into_std(self) -> io::Result<net::UnixListener> {
        self.listener.into_owned().map(Into::into)
    }
}

impl Listens for UnixListener {
    fn inner(&self) -> &Listener {
        &self.listener
    }

    fn into_inner(self) -> Listener {
        self.listener
    }
}

impl AsFd for UnixListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl AsRawFd for UnixListener {
    fn as_raw_fd(&self) -> RawFd {
        self.listener.as_raw_fd()
    }
}

/// A listener of connections of that type.
pub(super) fn listen(address: SockAddr, connections: Type) -> io::Result<Listener> {
    let socket = Socket::new(Domain::UNIX, connections, None)?;
    let bound = socket.bind(&address).and_then(|()| socket.listen(BACKLOG));
    bound.map_err(|error| unix_addr::in_vain("listen at", &address, error))?;
    Ok(Listener::new(SharedFd::new(socket.into())))
}

//! `Accept`: the listeners of all families.

use super::connection::Connected;
use super::listener::Listener;
use super::{
    Incoming, TcpListener, TcpStream, UnixListener, UnixSeqpacket, UnixSeqpacketListener,
    UnixStream,
};
use std::future::Future;
use std::io;

/// A listener, for code that is to serve every kind. No other types implement it.
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::{Accept, UnixListener, UnixStream};
/// use std::io;
///
/// /// Accepts one connection, and no more.
/// async fn one<L: Accept>(listener: L) -> io::Result<L::Connection> {
///     let (stream, _peer) = listener.accept().await?;
///     listener.close().await?;
///     Ok(stream)
/// }
///
/// # fn main() -> io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("nestling-one-{}", std::process::id()));
/// nestling_runtime::block_on(async {
///     let listener = UnixListener::bind(&path)?;
///     let client = UnixStream::connect(&path).await?;
///     let server = one(listener).await?;
///     server.write_all("hello").await.0?;
///     assert_eq!(client.read_exact(vec![0; 5]).await.1, b"hello");
/// #   std::fs::remove_file(&path)?;
///     Ok(())
/// })
/// # }
/// ```
pub trait Accept: Listens {
    /// The connections that the listener accepts.
    type Connection: Connected;

    /// Waits for a connection: see [`TcpListener::accept`].
    ///
    /// # Errors
    ///
    /// As there.
    fn accept(&self) -> impl Future<Output = io::Result<Accepted<Self>>> {
        self.inner().accept()
    }

    /// Connections one after the other: see [`TcpListener::incoming`].
    fn incoming(&self) -> Incoming<'_, Self::Connection> {
        self.inner().incoming()
    }

    /// Waits until a connection can be accepted, by this process or by another that has the
    /// listener, too.
    ///
    /// # Errors
    ///
    /// The wait was cancelled.
    #[doc(hidden)]
    fn readable(&self) -> impl Future<Output = io::Result<()>> {
        self.inner().readable()
    }

    /// Accepts a connection that is there; `None` if it has gone elsewhere.
    ///
    /// # Errors
    ///
    /// As [`accept`](Self::accept).
    #[doc(hidden)]
    fn accept_ready(&self) -> impl Future<Output = io::Result<Option<Accepted<Self>>>> {
        self.inner().accept_ready()
    }

    /// Stops listening: see [`TcpListener::close`].
    ///
    /// # Errors
    ///
    /// As there.
    fn close(self) -> impl Future<Output = io::Result<()>> {
        self.into_inner().close()
    }
}

/// A connection of a listener, and the address of its peer.
pub type Accepted<L> =
    (<L as Accept>::Connection, <<L as Accept>::Connection as Connected>::Address);

/// What every listener is inside. Other crates cannot name it.
pub trait Listens: Sized + 'static {
    fn inner(&self) -> &Listener;

    fn into_inner(self) -> Listener;
}

impl Accept for TcpListener {
    type Connection = TcpStream;
}

impl Accept for UnixListener {
    type Connection = UnixStream;
}

impl Accept for UnixSeqpacketListener {
    type Connection = UnixSeqpacket;
}

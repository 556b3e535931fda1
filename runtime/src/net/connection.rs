//! `Connection`: what is a stream of bytes between two ends, of whichever family.

use super::TcpStream;
use super::stream::Stream;
use super::tcp_listener::not_internet;
use socket2::SockAddr;
use std::io;
use std::net::SocketAddr;

/// A kind of connection that can be accepted and split. No other types implement it.
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::{Connection, OwnedWriteHalf};
///
/// async fn greet<S: Connection>(half: &OwnedWriteHalf<S>) -> std::io::Result<()> {
///     half.write_all("hello").await.0
/// }
/// ```
pub trait Connection: Inner {
    /// What names its ends.
    type Address: Clone + std::fmt::Debug + 'static;

    #[doc(hidden)]
    fn address(address: SockAddr) -> io::Result<Self::Address>;
}

/// What every connection is inside. Other crates cannot name it.
pub trait Inner: Sized + 'static {
    fn inner(&self) -> &Stream;

    fn from_inner(stream: Stream) -> Self;
}

impl Inner for TcpStream {
    fn inner(&self) -> &Stream {
        self.stream()
    }

    fn from_inner(stream: Stream) -> Self {
        Self::from_stream(stream)
    }
}

impl Connection for TcpStream {
    type Address = SocketAddr;

    fn address(address: SockAddr) -> io::Result<SocketAddr> {
        address.as_socket().ok_or_else(not_internet)
    }
}

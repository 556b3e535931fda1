//! `Connected`: the connections that listeners accept; `Connection`: those that are streams of
//! bytes.

use super::TcpStream;
use super::receiving::Inbound;
use super::stream::Stream;
use super::tcp_listener::not_internet;
use crate::fd::SharedFd;
use socket2::SockAddr;
use std::fmt;
use std::io;
use std::net::SocketAddr;

/// A kind of connection that can be accepted: of bytes or of messages. No other types implement it.
///
/// # Examples
///
/// ```
/// use nestling_runtime::net::{Accept, Connected};
///
/// /// Accepts one connection, and says from where it came.
/// async fn peer<L: Accept>(
///     listener: &L,
/// ) -> std::io::Result<<L::Connection as Connected>::Address> {
///     listener.accept().await.map(|(_connection, peer)| peer)
/// }
/// ```
pub trait Connected: Sized + 'static {
    /// What names its ends.
    type Address: Clone + fmt::Debug + 'static;

    #[doc(hidden)]
    fn accepted(arrival: Arrival) -> io::Result<(Self, Self::Address)>;
}

/// What a listener has accepted, and the address of its peer. Other crates cannot make one.
#[derive(Debug)]
pub struct Arrival(pub(super) SharedFd, pub(super) SockAddr);

impl Arrival {
    /// As a stream of bytes.
    pub(super) fn into_stream(self) -> (Stream, SockAddr) {
        (Stream::new(self.0, Inbound::default()), self.1)
    }
}

/// A connection that is a stream of bytes, and can be split. No other types implement it.
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
pub trait Connection: Connected + Inner {}

/// What every stream of bytes is inside. Other crates cannot name it.
pub trait Inner {
    fn inner(&self) -> &Stream;
}

impl Inner for TcpStream {
    fn inner(&self) -> &Stream {
        self.stream()
    }
}

impl Connected for TcpStream {
    type Address = SocketAddr;

    fn accepted(arrival: Arrival) -> io::Result<(Self, SocketAddr)> {
        let (stream, peer) = arrival.into_stream();
        Ok((Self::from_stream(stream), peer.as_socket().ok_or_else(not_internet)?))
    }
}

impl Connection for TcpStream {}

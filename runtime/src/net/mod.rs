//! Sockets. Their operations take `&self`: one task may receive while another sends.
//!
//! An accept or a read whose future is dropped loses nothing: what came for it goes to the next.
//!
//! Hosts are looked up on threads that may block ([`lookup_host`]); what is an address is not.
//!
//! A socket that is dropped is closed by the ring, after the operations in flight on it; the close
//! belongs to the nursery around the code that dropped it, which ends only after it.
//!
//! A socket belongs to its core. [`TcpStream::detach`] moves a connection to another.

mod accept;
mod accepting;
mod address;
mod armed;
mod arming;
mod claims;
mod connect_options;
mod connection;
mod datagram_stream;
mod detached;
mod directions;
mod error;
mod halves;
pub(crate) mod happy_eyeballs;
mod in_vain;
mod incoming;
mod keepalive;
mod leases;
mod leasing;
mod listener;
mod local_packets;
mod lookup;
mod owned_halves;
mod packets;
mod polled;
mod polled_datagrams;
mod polled_streams;
mod reading;
mod receiving;
mod recv_stream;
mod sending;
mod starved;
mod stream;
mod tcp_listener;
mod tcp_options;
mod tcp_stream;
#[cfg(any(feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
mod traits_of_others;
mod ucred;
mod udp_control;
mod udp_options;
mod udp_socket;
mod units;
mod unix_addr;
mod unix_datagram;
mod unix_listener;
mod unix_message;
mod unix_options;
mod unix_seqpacket;
mod unix_seqpacket_listener;
mod unix_stream;
mod unread;
mod unread_datagrams;
mod vectored;
mod waiting;
mod zero_copy;

pub use crate::buf::{Transferred, transferred};
pub use accept::{Accept, Accepted};
pub use address::{Endpoint, ToSocketAddrs};
pub use connect_options::ConnectOptions;
pub use connection::{Connected, Connection};
pub use datagram_stream::DatagramStream;
pub use detached::Detached;
pub(crate) use directions::{Reads, Writes};
pub use error::is_exhausted;
pub use halves::{ReadHalf, WriteHalf};
pub use incoming::Incoming;
pub use keepalive::TcpKeepalive;
pub use lookup::{Addresses, lookup_host};
pub use owned_halves::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};
pub(crate) use receiving::Inbound;
pub use recv_stream::RecvStream;
pub(crate) use stream::Stream;
pub use tcp_listener::{ListenOptions, TcpListener};
pub use tcp_stream::TcpStream;
#[cfg(any(feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
pub(crate) use traits_of_others::traits_of_others;
pub use ucred::UCred;
pub use udp_control::{Datagram, Ecn, PacketInfo, UdpControl};
pub use udp_socket::UdpSocket;
pub use unix_datagram::UnixDatagram;
pub use unix_listener::UnixListener;
pub use unix_message::UnixMessage;
pub use unix_seqpacket::UnixSeqpacket;
pub use unix_seqpacket_listener::UnixSeqpacketListener;
pub use unix_stream::UnixStream;
pub use zero_copy::{Released, SentBuffer};

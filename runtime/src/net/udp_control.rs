//! What goes along with a datagram: `Datagram` for one that came, `UdpControl` for one that is
//! sent.

use super::tcp_listener::not_internet;
use super::unread_datagrams::Told;
use crate::op::{Control, LeasedMsg, Outgoing};
use crate::pool::Lease;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

/// What [`UdpSocket::recv_msg`](super::UdpSocket::recv_msg) tells of a datagram.
///
/// # Examples
///
/// See [`UdpControl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Datagram {
    /// Bytes of it that are in the buffer.
    pub length: usize,
    /// Where it came from.
    pub from: SocketAddr,
    /// Whether it was longer than the buffer: the rest of it is lost.
    pub truncated: bool,
    /// Where it was sent to, after [`set_recv_pktinfo`](super::UdpSocket::set_recv_pktinfo).
    pub to: Option<PacketInfo>,
    /// The congestion mark of its packet, after [`set_recv_ecn`](super::UdpSocket::set_recv_ecn).
    pub ecn: Option<Ecn>,
    /// If the buffer has several datagrams of one sender: the bytes of each but the last, which may
    /// have fewer; after [`set_gro`](super::UdpSocket::set_gro).
    pub segment_size: Option<usize>,
    /// When it arrived, by the kernel's clock, after
    /// [`set_recv_timestamp`](super::UdpSocket::set_recv_timestamp).
    pub timestamp: Option<SystemTime>,
    /// Whether more came along than there was room for. The options above have room; others may
    /// have been set on the descriptor. What a receive without control messages has left for this
    /// one, after it was dropped, has lost them.
    pub control_truncated: bool,
}

impl Datagram {
    pub(super) fn new(told: Told) -> io::Result<Self> {
        let Told { length, from, truncated, control } = told;
        Self::told(length, from.and_then(|from| from.as_socket()), truncated, &control)
    }

    /// What is told of one that came into a buffer of a pool.
    #[inline]
    pub(super) fn leased(message: LeasedMsg) -> io::Result<(Lease, Self)> {
        let LeasedMsg { lease, from, truncated, control } = message;
        let told = Self::told(lease.len(), from, truncated, &control)?;
        Ok((lease, told))
    }

    #[inline]
    fn told(
        length: usize,
        from: Option<SocketAddr>,
        truncated: bool,
        control: &Control,
    ) -> io::Result<Self> {
        let from = from.ok_or_else(not_internet)?;
        let to = control.to.map(|(address, interface)| PacketInfo { address, interface });
        let since_1970 = |time: Duration| SystemTime::UNIX_EPOCH.checked_add(time);
        Ok(Self {
            length,
            from,
            truncated,
            to,
            ecn: control.traffic_class.map(Ecn::of_class),
            segment_size: control.segment_size,
            timestamp: control.timestamp.and_then(since_1970),
            control_truncated: control.truncated,
        })
    }
}

/// An address of this machine, and one of its interfaces: where a datagram was sent to, or is to be
/// sent from (`IP_PKTINFO`, `IPV6_PKTINFO`).
///
/// # Examples
///
/// See [`UdpControl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PacketInfo {
    /// The address. Of what was sent to a group or to everybody, it is the one of those, from which
    /// nothing can be sent.
    pub address: IpAddr,
    /// The number of the interface (`if_nametoindex(3)`). Zero leaves it to the kernel.
    pub interface: u32,
}

impl From<IpAddr> for PacketInfo {
    /// On whatever interface the kernel finds for it.
    fn from(address: IpAddr) -> Self {
        Self { address, interface: 0 }
    }
}

/// What a packet says of congestion (ECN, RFC 3168).
///
/// # Examples
///
/// See [`UdpControl`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// Its sender does not react to marks: routers drop packets instead.
    NotCapable,
    /// Its sender reacts to marks (ECT(1)).
    Ect1,
    /// Its sender reacts to marks (ECT(0)).
    Ect0,
    /// A router marked it instead of dropping it (CE).
    CongestionExperienced,
}

impl Ecn {
    /// From the two lowest bits of a traffic class; the others are of another use (DSCP).
    fn of_class(class: u8) -> Self {
        match class & 3 {
            0 => Self::NotCapable,
            1 => Self::Ect1,
            2 => Self::Ect0,
            _ => Self::CongestionExperienced,
        }
    }

    fn class(self) -> u8 {
        match self {
            Self::NotCapable => 0,
            Self::Ect1 => 1,
            Self::Ect0 => 2,
            Self::CongestionExperienced => 3,
        }
    }
}

/// How to send datagrams with [`UdpSocket::send_msg`](super::UdpSocket::send_msg) and
/// [`send_msg_to`](super::UdpSocket::send_msg_to): what is not said is left to the socket.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{Ecn, UdpControl, UdpSocket};
/// nestling_runtime::block_on(async {
///     let server = UdpSocket::bind("0.0.0.0:0").await?;
///     server.set_recv_pktinfo(true)?;
///     server.set_recv_ecn(true)?;
///     let port = server.local_addr()?.port();
///     let client = UdpSocket::bind("127.0.0.1:0").await?;
///
///     // Two datagrams by one call.
///     let control = UdpControl::new().ecn(Ecn::Ect0).segment_size(4);
///     client.send_msg_to("one,two.", control, ("127.0.0.2", port)).await.0?;
///     for expected in ["one,", "two."] {
///         let (received, buffer) = server.recv_msg(vec![0; 1500]).await;
///         let datagram = received?;
///         assert_eq!(&buffer[..datagram.length], expected.as_bytes());
///         assert_eq!(datagram.ecn, Some(Ecn::Ect0));
///         // The answer comes from the address that was asked.
///         let control = datagram.to.map(|to| UdpControl::new().source(to));
///         server.send_msg_to("yes", control.unwrap_or_default(), datagram.from).await.0?;
///         let (_, from) = client.recv_from(vec![0; 1500]).await.0?;
///         assert_eq!(from.to_string(), format!("127.0.0.2:{port}"));
///     }
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "it does nothing before it is sent along"]
pub struct UdpControl {
    source: Option<PacketInfo>,
    ecn: Option<Ecn>,
    segment_size: Option<u16>,
}

impl UdpControl {
    /// Nothing that the socket does not do by itself.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends from this address: one of this machine, of the family of the destination.
    pub fn source(mut self, from: impl Into<PacketInfo>) -> Self {
        self.source = Some(from.into());
        self
    }

    /// Marks the packets, in place of the whole field that the socket's `IP_TOS` or `IPV6_TCLASS`
    /// would fill.
    pub fn ecn(mut self, ecn: Ecn) -> Self {
        self.ecn = Some(ecn);
        self
    }

    /// Sends the buffer as several datagrams of so many bytes, the last of which may have fewer
    /// (`UDP_SEGMENT`, GSO): in all at most 65,507 bytes over IPv4 and 65,527 over IPv6, and 64
    /// datagrams, or more on newer kernels. Zero sends it as one.
    pub fn segment_size(mut self, bytes: u16) -> Self {
        self.segment_size = Some(bytes);
        self
    }

    pub(super) fn write(self, control: &mut Outgoing<'_>) {
        if let Some(PacketInfo { address, interface }) = self.source {
            control.source(address, interface);
        }
        if let Some(ecn) = self.ecn {
            control.traffic_class(ecn.class());
        }
        if let Some(bytes) = self.segment_size {
            control.segment_size(bytes);
        }
    }
}

//! `InBuffer`: a message as it lies in a buffer that the kernel has taken for it.
//!
//! ```text
//!   │ how much there is of each │ name … │ control data … │ bytes …
//!                                 as much room as the header says
//! ```

use io_uring::types::RecvMsgOut;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::ops::Range;

/// How much is told of a message before all else.
const TOLD: usize = 16;

/// Room for the name of a socket of IP.
const NAME: usize = size_of::<libc::sockaddr_in6>();

/// The parts of a message.
#[derive(Debug)]
pub(crate) struct InBuffer<'a> {
    /// Where it came from, if that is an address of IP.
    pub(crate) from: Option<SocketAddr>,
    pub(crate) control: &'a [u8],
    /// Where the bytes are.
    pub(crate) bytes: Range<usize>,
    /// The message was longer.
    pub(crate) truncated: bool,
    /// There was more control data.
    pub(crate) control_truncated: bool,
}

impl<'a> InBuffer<'a> {
    /// What comes before the bytes, with so much room for control data.
    pub(crate) const fn overhead(control: usize) -> usize {
        TOLD + NAME + control
    }

    /// The header to ask with, for so much control data.
    pub(crate) fn header(control: usize) -> libc::msghdr {
        libc::msghdr {
            msg_name: std::ptr::null_mut(),
            msg_namelen: NAME as libc::socklen_t,
            msg_iov: std::ptr::null_mut(),
            msg_iovlen: 0,
            msg_control: std::ptr::null_mut(),
            msg_controllen: control as _,
            msg_flags: 0,
        }
    }

    /// The parts of what the kernel has written, when it was asked with such a header; `None` if it
    /// cannot have written that.
    pub(crate) fn parse(written: &'a [u8], control: usize) -> Option<Self> {
        let bytes = Self::overhead(control)..written.len();
        let told = RecvMsgOut::parse(written, &Self::header(control)).ok()?;
        let (name, control) = (told.name_data().len(), told.control_data().len());
        let behind = TOLD + NAME;
        Some(Self {
            from: address(&written[TOLD..TOLD + name]),
            control: &written[behind..behind + control],
            bytes,
            truncated: told.is_payload_truncated(),
            control_truncated: told.is_control_data_truncated(),
        })
    }
}

/// An address as the kernel writes it: `sockaddr_in`, `sockaddr_in6`.
fn address(name: &[u8]) -> Option<SocketAddr> {
    let family = u16::from_ne_bytes(*name.first_chunk()?);
    let port = u16::from_be_bytes(*name.get(2..)?.first_chunk()?);
    match family.into() {
        libc::AF_INET => {
            let address: [u8; 4] = *name.get(4..)?.first_chunk()?;
            Some((Ipv4Addr::from(address), port).into())
        }
        libc::AF_INET6 => {
            let flow = u32::from_ne_bytes(*name.get(4..)?.first_chunk()?);
            let address: [u8; 16] = *name.get(8..)?.first_chunk()?;
            let scope = u32::from_ne_bytes(*name.get(24..)?.first_chunk()?);
            Some(SocketAddrV6::new(Ipv6Addr::from(address), port, flow, scope).into())
        }
        _ => None,
    }
}

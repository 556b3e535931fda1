//! `Outgoing`: the control messages of a message that is sent.

use super::list::push;
use libc::c_int;
use std::net::IpAddr;
use std::os::fd::RawFd;

/// The control messages of one message, in the making.
#[derive(Debug)]
pub(crate) struct Outgoing<'a>(pub(in crate::op) &'a mut Vec<u8>);

impl Outgoing<'_> {
    /// Has the message leave from an address of this machine, on the interface of that number
    /// unless the number is zero (`IP_PKTINFO`, `IPV6_PKTINFO`).
    pub(crate) fn source(&mut self, address: IpAddr, interface: u32) {
        let index = interface.to_ne_bytes();
        match address.to_canonical() {
            IpAddr::V4(address) => {
                // The interface, where it comes from, and where it goes to: not looked at.
                let info = [index, address.octets(), [0; 4]];
                push(self.0, libc::IPPROTO_IP, libc::IP_PKTINFO, info.as_flattened());
            }
            IpAddr::V6(address) => {
                let mut info = [0; 20];
                info[..16].copy_from_slice(&address.octets());
                info[16..].copy_from_slice(&index);
                push(self.0, libc::IPPROTO_IPV6, libc::IPV6_PKTINFO, &info);
            }
        }
    }

    /// Marks its packets with this traffic class. For both families: each passes over the other's
    /// message, and which one it is, a socket of IPv6 knows only when it sends.
    pub(crate) fn traffic_class(&mut self, class: u8) {
        let class = c_int::from(class).to_ne_bytes();
        push(self.0, libc::IPPROTO_IP, libc::IP_TOS, &class);
        push(self.0, libc::IPPROTO_IPV6, libc::IPV6_TCLASS, &class);
    }

    /// Has the kernel cut the message into datagrams of so many bytes (`UDP_SEGMENT`).
    pub(crate) fn segment_size(&mut self, bytes: u16) {
        push(self.0, libc::SOL_UDP, libc::UDP_SEGMENT, &bytes.to_ne_bytes());
    }

    /// Passes descriptors along (`SCM_RIGHTS`), which stay open until the kernel has answered.
    pub(crate) fn fds(&mut self, fds: &[RawFd]) {
        if !fds.is_empty() {
            let numbers: Vec<u8> = fds.iter().flat_map(|fd| fd.to_ne_bytes()).collect();
            push(self.0, libc::SOL_SOCKET, libc::SCM_RIGHTS, &numbers);
        }
    }
}

//! `Control`: what came along with a message.

use super::list::{Message, Messages, space};
use crate::fd::SharedFd;
use libc::c_int;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Bytes for control messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room(usize);

/// A descriptor of the process that has sent a message; new in Linux 6.5, and not in the crate.
const SCM_PIDFD: c_int = 4;

/// As many as the kernel passes with one message (`SCM_MAX_FD`).
pub(crate) const MOST_FDS: usize = 253;

/// How much is left in a stream, which some kernels add unasked, once for each of their attempts:
/// so it may stand before the descriptors as well (6.17, and 6.18 before its repair).
const REMAINDERS: usize = 2 * space(4);

impl Room {
    /// For nothing: descriptors that come are closed by the kernel.
    pub(crate) const NONE: Self = Self(0);

    /// For all that our options have the kernel tell of a datagram, of either family; a socket of
    /// IPv6 may tell both of one that came by IPv4.
    pub(crate) const DATAGRAM: Self =
        Self(space(12) + space(20) + 2 * space(4) + space(4) + space(16));

    /// For credentials and so many descriptors, at least.
    pub(crate) const fn of_fds(most: usize) -> Self {
        let most = if most < MOST_FDS { most } else { MOST_FDS };
        // Credentials, a descriptor of the process, and what the kernel adds.
        Self(space(12) + space(4) + REMAINDERS + space(4 * most))
    }

    pub(in crate::op) const fn bytes(self) -> usize {
        self.0
    }
}

/// What came along with a message.
#[derive(Debug, Default)]
pub(crate) struct Control {
    /// Descriptors that were passed; they close on exec.
    pub(crate) fds: Vec<OwnedFd>,
    /// Who has sent it: process, user and group.
    pub(crate) credentials: Option<(c_int, u32, u32)>,
    /// The address that it was sent to, and the interface that it came in on.
    pub(crate) to: Option<(IpAddr, u32)>,
    /// The traffic class of its packet.
    pub(crate) traffic_class: Option<u8>,
    /// The message is several datagrams, each of so many bytes but for the last.
    pub(crate) segment_size: Option<usize>,
    /// When it came, since 1970.
    pub(crate) timestamp: Option<Duration>,
    /// There was more than room for it.
    pub(crate) truncated: bool,
}

impl Control {
    /// Whether nothing came along, and nothing was lost either.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { fds, credentials, to, traffic_class, segment_size, timestamp, truncated } = self;
        let is_told = credentials.is_some() || to.is_some() || timestamp.is_some();
        let is_of_ip = traffic_class.is_some() || segment_size.is_some();
        fds.is_empty() && !is_told && !is_of_ip && !truncated
    }

    /// Reads what the kernel has written.
    ///
    /// # Safety
    ///
    /// The kernel has written the list for a message that was received, with zeros behind it; and
    /// it is read once: the descriptors in it are this process's, and nothing else has them.
    pub(crate) unsafe fn read(list: &[u8], truncated: bool) -> Self {
        let mut this = Self::default();
        this.truncated = truncated;
        for Message { level, kind, data } in Messages::new(list) {
            match (level, kind) {
                (libc::SOL_SOCKET, libc::SCM_RIGHTS) => {
                    // SAFETY: the caller's promise.
                    this.fds.extend(numbers(data).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }));
                }
                (libc::SOL_SOCKET, SCM_PIDFD) => {
                    // A program may ask for this descriptor by itself: then it is closed here.
                    // SAFETY: the caller's promise.
                    numbers(data).for_each(|fd| close(unsafe { OwnedFd::from_raw_fd(fd) }));
                }
                _ => this.read_value(level, kind, data),
            }
        }
        this
    }

    /// Reads a message that is a value. One that has not the length of its kind says nothing.
    fn read_value(&mut self, level: c_int, kind: c_int, data: &[u8]) {
        match (level, kind) {
            (libc::SOL_SOCKET, libc::SCM_CREDENTIALS) => {
                if let ([pid, uid, gid], []) = data.as_chunks() {
                    let [uid, gid] = [uid, gid].map(|id| u32::from_ne_bytes(*id));
                    self.credentials = Some((c_int::from_ne_bytes(*pid), uid, gid));
                }
            }
            (libc::SOL_SOCKET, libc::SO_TIMESTAMPNS_NEW) => {
                if let ([seconds, nanos], []) = data.as_chunks() {
                    let [seconds, nanos] = [seconds, nanos].map(|part| i64::from_ne_bytes(*part));
                    let seconds = u64::try_from(seconds).ok().map(Duration::from_secs);
                    let nanos = u64::try_from(nanos).ok().map(Duration::from_nanos);
                    self.timestamp = seconds.zip(nanos).and_then(|(s, n)| s.checked_add(n));
                }
            }
            (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                if let ([index, _, to], []) = data.as_chunks::<4>() {
                    let index = u32::from_ne_bytes(*index);
                    self.to = Some((Ipv4Addr::from(*to).into(), index));
                }
            }
            (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                if let ([to], index) = data.as_chunks()
                    && let Ok(index) = index.try_into()
                {
                    let to = Ipv6Addr::from(*to).to_canonical();
                    self.to = Some((to, u32::from_ne_bytes(index)));
                }
            }
            // IPv4 tells a byte, IPv6 a number.
            (libc::IPPROTO_IP, libc::IP_TOS) => self.traffic_class = data.first().copied(),
            (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) => {
                self.traffic_class = numbers(data).next().map(|class| class as u8);
            }
            (libc::SOL_UDP, libc::UDP_GRO) => {
                let size = numbers(data).next().and_then(|size| usize::try_from(size).ok());
                self.segment_size = size.filter(|size| *size > 0);
            }
            _ => {}
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.fds.drain(..).for_each(close);
    }
}

/// Closes a descriptor that a peer has passed and that no code takes: by the ring, because the peer
/// may have made it one whose close waits.
fn close(fd: OwnedFd) {
    drop(SharedFd::new(fd));
}

/// The numbers that a message consists of.
fn numbers(data: &[u8]) -> impl Iterator<Item = RawFd> + '_ {
    data.as_chunks().0.iter().map(|number| RawFd::from_ne_bytes(*number))
}

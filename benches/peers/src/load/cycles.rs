//! Connections that come and go: each is made, closed by the server, and then by the client.
//!
//! One is a chain of entries of which the last alone tells of its success, and its socket is no
//! descriptor. Still the client does most of the protocol's work for both sides, and may be what
//! limits; what tells servers apart is their CPU time then.
#![expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]

use super::ring::bare;
use super::{Loaded, PATIENCE, WARM_UP, Watch};
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{DestinationSlot, Fixed, Timespec};
use io_uring::{IoUring, opcode};
use std::io;
use std::mem;
use std::net::SocketAddrV4;
use std::time::{Duration, Instant};

const ENTRIES: u32 = 1024;
/// The number of the end of all patience, which is no connection's.
const LIMIT: u64 = u64::MAX;

/// Keeps so many connections under way for so long.
pub(crate) fn cycles(
    address: SocketAddrV4,
    connections: u32,
    measured: Duration,
    watch: &mut Watch,
) -> io::Result<Loaded> {
    let mut load = Cycles::new(address, connections, measured + PATIENCE)?;
    (0..connections).for_each(|number| load.begin(number));
    load.until(Instant::now() + measured.mul_f64(WARM_UP))?;
    let first = watch.see(load.done as f64);
    let before = load.done;
    load.until(first.at + measured)?;
    while load.done == before {
        load.turn(true)?;
    }
    let last = watch.see(load.done as f64);
    let under_way = load.done + u64::from(connections);
    while load.done < under_way {
        load.turn(false)?;
    }
    Ok(Loaded { first, last, latency: None, late: None, spun: false })
}

/// All connections.
struct Cycles {
    ring: IoUring,
    /// What entries point to. The kernel has copied it once it has taken them.
    pointed: Box<(libc::sockaddr_in, Timespec)>,
    done: u64,
}

impl Cycles {
    fn new(address: SocketAddrV4, connections: u32, limit: Duration) -> io::Result<Self> {
        let ring = bare(ENTRIES, 4 * ENTRIES)?;
        ring.submitter().register_files_sparse(connections)?;
        let address = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: address.port().to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
            sin_zero: [0; 8],
        };
        let mut this = Self { ring, pointed: Box::new((address, limit.into())), done: 0 };
        let limit = opcode::Timeout::new(&raw const this.pointed.1).build().user_data(LIMIT);
        this.push(&[limit]);
        Ok(this)
    }

    /// Makes a connection, waits until the server has closed it, and closes it.
    fn begin(&mut self, number: u32) {
        let address = &raw const self.pointed.0;
        let length = mem::size_of_val(&self.pointed.0) as libc::socklen_t;
        let slot = DestinationSlot::try_from_slot_target(number).expect("it is small");
        let linked = |entry: Entry| entry.flags(Flags::IO_LINK | Flags::SKIP_SUCCESS);
        let chain = [
            linked(
                opcode::Socket::new(libc::AF_INET, libc::SOCK_STREAM, 0)
                    .file_index(Some(slot))
                    .build(),
            ),
            linked(opcode::Connect::new(Fixed(number), address.cast(), length).build()),
            linked(opcode::PollAdd::new(Fixed(number), libc::POLLRDHUP as u32).build()),
            opcode::Close::new(Fixed(number)).build(),
        ];
        self.push(&chain.map(|entry| entry.user_data(u64::from(number))));
    }

    /// All entries of a chain have to go together.
    fn push(&mut self, entries: &[Entry]) {
        let queue = self.ring.submission();
        let room = queue.capacity() - queue.len();
        drop(queue);
        if room < entries.len() {
            self.ring.submit().expect("an enter");
        }
        // SAFETY: what entries point to lives until the kernel has taken them, at the same place.
        let pushed = unsafe { self.ring.submission().push_multiple(entries) };
        pushed.expect("there is room");
    }

    fn until(&mut self, end: Instant) -> io::Result<()> {
        while Instant::now() < end {
            self.turn(true)?;
        }
        Ok(())
    }

    /// One turn, after which connections begin anew that have come to their end.
    fn turn(&mut self, goes_on: bool) -> io::Result<()> {
        self.ring.submit_and_wait(1)?;
        let ended: Vec<_> = self.ring.completion().map(|c| (c.user_data(), c.result())).collect();
        for (number, result) in ended {
            if number == LIMIT {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "a connection was not closed"));
            }
            if result < 0 {
                return Err(io::Error::from_raw_os_error(-result));
            }
            self.done += 1;
            if goes_on {
                self.begin(number as u32);
            }
        }
        Ok(())
    }
}

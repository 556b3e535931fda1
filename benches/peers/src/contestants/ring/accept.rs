//! Connections that are closed: one accept for all of them.
#![expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]

use crate::load::ring::bare;
use crate::process::How;
use io_uring::squeue::{Entry, Flags};
use io_uring::types::Fd;
use io_uring::{IoUring, cqueue, opcode};
use std::io;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

const ACCEPT: u64 = 1;

pub(super) fn all(listener: TcpListener, _: How) -> io::Result<()> {
    let mut ring = bare(1024, 4096)?;
    let accept = opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build().user_data(ACCEPT);
    push(&mut ring, &accept)?;
    let mut completions = Vec::new();
    loop {
        ring.submit_and_wait(1)?;
        completions.extend(ring.completion().map(|c| (c.user_data(), c.result(), c.flags())));
        for (number, result, flags) in completions.drain(..) {
            if result < 0 {
                return Err(io::Error::from_raw_os_error(-result));
            }
            if number == ACCEPT {
                let close = opcode::Close::new(Fd(result)).build().flags(Flags::SKIP_SUCCESS);
                push(&mut ring, &close)?;
                if !cqueue::more(flags) {
                    push(&mut ring, &accept)?;
                }
            }
        }
    }
}

fn push(ring: &mut IoUring, entry: &Entry) -> io::Result<()> {
    if ring.submission().is_full() {
        ring.submit()?;
    }
    // SAFETY: the listener is there as long as the ring; nothing else is pointed to.
    let pushed = unsafe { ring.submission().push(entry) };
    pushed.map_err(io::Error::other)
}

//! `Source`: a descriptor from which bytes come in order.

use crate::buf::{BufResult, IoBufMut};
use crate::fd::SharedFd;
use crate::net::Inbound;
use crate::op::PollOp;
use crate::ring::Interest;
use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;

/// The first room for what is read to its end, in bytes; it doubles.
const FIRST: usize = 8 << 10;

#[derive(Debug)]
pub(super) struct Source {
    fd: SharedFd,
    inbound: Inbound,
    is_terminal: bool,
    /// No process may have opened the other end yet, which a read would take for the end.
    is_unopened: Cell<bool>,
}

impl Source {
    pub(super) fn new(fd: OwnedFd) -> Self {
        let is_terminal = fd.is_terminal();
        let (fd, inbound) = (SharedFd::new(fd), Inbound::default());
        Self { fd, inbound, is_terminal, is_unopened: Cell::new(false) }
    }

    /// The end of a named pipe that another process may still have to open.
    pub(super) fn unopened(fd: OwnedFd) -> Self {
        Self { is_unopened: Cell::new(true), ..Self::new(fd) }
    }

    pub(super) async fn read<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        self.read_behind(buffer, 0).await
    }

    async fn read_behind<B: IoBufMut>(&self, buffer: B, skip: usize) -> BufResult<usize, B> {
        if self.is_unopened.get() {
            if let Err(error) = PollOp::new(self.fd.clone(), Interest::Readable).await {
                return (Err(error), buffer);
            }
            self.is_unopened.set(false);
        }
        self.inbound.read_next(&self.fd, buffer, skip, self.is_terminal).await
    }

    /// Reads to the end. Dropped, it leaves what it has read to the next read.
    pub(super) async fn read_to_end(&self) -> BufResult<(), Vec<u8>> {
        let mut bytes = Vec::with_capacity(FIRST);
        loop {
            if bytes.len() == bytes.capacity() {
                bytes.reserve(bytes.len());
            }
            let skip = bytes.len();
            let result;
            (result, bytes) = self.read_behind(bytes, skip).await;
            match result {
                Ok(0) => return (Ok(()), bytes),
                Ok(_) => {}
                Err(error) => return (Err(error), bytes),
            }
        }
    }

    /// The descriptor, unless something would be lost with this reader.
    pub(super) fn into_owned(self) -> io::Result<OwnedFd> {
        self.inbound.check()?;
        self.fd.into_owned()
    }
}

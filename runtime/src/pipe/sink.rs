//! `Sink`: a descriptor to which bytes go in order.

use crate::buf::{BufResult, IoBuf};
use crate::fd::SharedFd;
use crate::net::Transferred;
use crate::op::{Close, PollOp, WriteOp};
use crate::ring::Interest;
use crate::yield_now::consume_budget;
use std::cell::RefCell;
use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;

#[derive(Debug)]
pub(super) struct Sink {
    /// `None` once it was closed.
    fd: RefCell<Option<SharedFd>>,
    is_terminal: bool,
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the writer was shut down: write before that")
}

impl Sink {
    pub(super) fn new(fd: OwnedFd) -> Self {
        let is_terminal = fd.is_terminal();
        Self { fd: RefCell::new(Some(SharedFd::new(fd))), is_terminal }
    }

    pub(super) async fn write<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        self.write_behind(buffer, 0).await
    }

    async fn write_behind<B: IoBuf>(&self, mut buffer: B, skip: usize) -> BufResult<usize, B> {
        let fd = self.fd.borrow().clone();
        let Some(fd) = fd else {
            consume_budget().await;
            return (Err(closed()), buffer);
        };
        loop {
            let result;
            (result, buffer) = WriteOp::next(fd.clone(), buffer, skip, self.is_terminal).await;
            match result {
                // A descriptor that does not block, and for which this kernel cannot wait in a
                // write.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = PollOp::new(fd.clone(), Interest::Writable).await {
                        return (Err(error), buffer);
                    }
                }
                result => return (result, buffer),
            }
        }
    }

    pub(super) async fn write_all<B: IoBuf>(&self, mut buffer: B) -> BufResult<(), B> {
        let length = buffer.io_len();
        if length == 0 {
            consume_budget().await;
        }
        let mut done = 0;
        while done < length {
            let result;
            (result, buffer) = self.write_behind(buffer, done).await;
            let failure = match result {
                Ok(0) => io::Error::from(io::ErrorKind::WriteZero),
                Ok(written) => {
                    done += written;
                    continue;
                }
                Err(error) => error,
            };
            return (Err(Transferred::wrap(done, failure)), buffer);
        }
        (Ok(()), buffer)
    }

    /// Closes the descriptor, after the writes that are in flight.
    pub(super) async fn close(&self) -> io::Result<()> {
        let fd = self.fd.take();
        match fd {
            Some(fd) => Close::new(fd.into_sole().await).await,
            None => {
                consume_budget().await;
                Ok(())
            }
        }
    }

    pub(super) fn into_owned(self) -> io::Result<OwnedFd> {
        self.fd.take().ok_or_else(closed)?.into_owned()
    }
}

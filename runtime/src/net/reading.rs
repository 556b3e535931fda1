//! Reads of descriptors that are no sockets, such as pipes: bytes for dropped reads are kept.

use super::armed::Keeps;
use super::receiving::{Inbound, Receiving};
use crate::buf::{BufResult, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{PollOp, ReadOp};
use crate::ring::Interest;
use crate::yield_now::consume_budget;
use std::io;

impl Inbound {
    /// Reads what comes next, of what was kept or of what the kernel has, behind the first `skip`
    /// bytes of a buffer. When this is dropped, the next read gets what it has read; and also the
    /// bytes that it was to skip, which its caller has read before.
    pub(crate) async fn read_next<B: IoBufMut>(
        &self,
        from: &SharedFd,
        mut buffer: B,
        skip: usize,
        on_worker: bool,
    ) -> BufResult<usize, B> {
        if buffer.io_capacity() == skip {
            // The kernel would wait for data, of which it then takes none.
            consume_budget().await;
            return (Ok(0), buffer);
        }
        if let Some(unread) = self.unread() {
            if let Err(error) = unread.settled().await {
                return (Err(error), buffer);
            }
            if let Some(result) = unread.take(&mut buffer, skip) {
                return (result, buffer);
            }
        }
        loop {
            let op = ReadOp::next(from.clone(), buffer, skip, on_worker);
            let result;
            (result, buffer) = Receiving::new(op, self).await;
            match result {
                // A descriptor that does not block, and of which this kernel cannot wait in a read.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = PollOp::new(from.clone(), Interest::Readable).await {
                        return (Err(error), buffer);
                    }
                }
                result => return (result, buffer),
            }
        }
    }

    /// Says what would be lost with the last reader.
    pub(crate) fn check(&self) -> io::Result<()> {
        self.unread().map_or(Ok(()), |unread| unread.check())
    }
}

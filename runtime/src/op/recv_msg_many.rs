//! Receive messages one after the other, each into a buffer of a pool.

use super::control::{Control, Room};
use super::{Answer, Many, Multishot, RecvMany};
use crate::buf::IoBuf;
use crate::driver;
use crate::fd::{RawTarget, Target};
use crate::pool::{Buffer, Buffers, Lease};
use crate::ring::{Capability, InBuffer, Request};
use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

/// A message that came from a socket of IP, as the kernel has written it: it is not read before it
/// is where it stays. One that is dropped is read all the same: descriptors that came with it are
/// closed. A socket of IP gets none, and a socket of Unix that is taken for one does.
#[derive(Debug)]
pub(crate) struct RawMsg {
    /// `None` once it was read.
    buffer: Option<Buffer>,
    /// All that was written.
    length: usize,
}

fn nothing() -> io::Error {
    io::Error::other("the kernel has received, and no message is there")
}

impl RawMsg {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// The kernel has written something else.
    #[inline]
    pub(crate) fn read(mut self) -> io::Result<LeasedMsg> {
        let buffer = self.buffer.take().expect("only this and a drop take it");
        Self::parse(buffer, self.length)
    }

    /// What the kernel has written into a buffer. Each message is read once: this has the buffer.
    #[inline]
    fn parse(buffer: Buffer, length: usize) -> io::Result<LeasedMsg> {
        let written = buffer.as_bytes().get(..length);
        let message = written.and_then(|written| InBuffer::parse(written, Room::DATAGRAM.bytes()));
        let InBuffer { from, control, bytes, truncated, control_truncated } =
            message.ok_or_else(nothing)?;
        // SAFETY: the kernel has received this message, which is consumed by this, and so much
        // control data was written for it.
        let control = unsafe { Control::read(control, control_truncated) };
        Ok(LeasedMsg { lease: buffer.into_lease(bytes), from, truncated, control })
    }
}

impl Drop for RawMsg {
    #[inline]
    fn drop(&mut self) {
        if let Some(buffer) = self.buffer.take() {
            discard(buffer, self.length);
        }
    }
}

#[cold]
fn discard(buffer: Buffer, length: usize) {
    drop(RawMsg::parse(buffer, length));
}

/// What such a message is.
#[derive(Debug)]
pub(crate) struct LeasedMsg {
    pub(crate) lease: Lease,
    pub(crate) from: Option<SocketAddr>,
    /// The message was longer.
    pub(crate) truncated: bool,
    /// What came along.
    pub(crate) control: Control,
}

/// Receives the messages of a socket of IP, with what comes along as far as there is room.
#[derive(Debug)]
pub(crate) struct RecvMsgMany {
    on: Target,
    pool: Rc<Buffers>,
    /// How many buffers its owner was given that have not gone back.
    held: Rc<Cell<usize>>,
    header: Box<libc::msghdr>,
}

// The documentation of `UdpSocket::recv_stream` names this number.
const _: () = assert!(RecvMsgMany::OVERHEAD == 220 || size_of::<usize>() != 8);

impl RecvMsgMany {
    /// Bytes of each buffer that are not for those of a message.
    pub(crate) const OVERHEAD: usize = InBuffer::overhead(Room::DATAGRAM.bytes());

    pub(crate) fn new(
        on: impl Into<Target>,
        pool: &Rc<Buffers>,
        held: &Rc<Cell<usize>>,
    ) -> Many<Self> {
        let header = Box::new(InBuffer::header(Room::DATAGRAM.bytes()));
        let (pool, held) = (Rc::clone(pool), Rc::clone(held));
        Many::new(Self { on: on.into(), pool, held, header })
    }
}

// SAFETY: the header is boxed, and points to nothing; the pool keeps the buffers and their queue at
// their addresses until it is dropped, and this keeps the pool; the target is counted.
unsafe impl Multishot for RecvMsgMany {
    type Item = io::Result<RawMsg>;

    const NAME: &'static str = "recvmsg, many";

    const NEEDS: &'static [Capability] = &[Capability::RecvMsgMany];

    fn target(&self) -> RawTarget {
        self.on.raw()
    }

    fn request(&mut self) -> Request {
        let (on, group) = (self.on.raw(), self.pool.group());
        Request::RecvMsgMany { on, header: &raw const *self.header, group }
    }

    fn many(&self) -> driver::Many {
        let most = RecvMany::half_share(&self.pool);
        driver::Many { most, taken: Some(self.pool.taken()) }
    }

    fn answer(&self, answer: Answer) -> Self::Item {
        let buffer = answer.buffer().and_then(|id| self.pool.named(id, Some(&self.held)));
        let length = answer.result? as usize;
        let buffer = buffer.ok_or_else(nothing)?;
        Ok(RawMsg { buffer: Some(buffer), length })
    }
}

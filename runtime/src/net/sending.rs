//! `WriteAll`: sends, one after the other, until all of a buffer has gone.

use super::Transferred;
use crate::buf::{BufResult, IoBuf};
use crate::fd::SharedFd;
use crate::op::{Op, SendOp};
use crate::wake::budget;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of `write_all`: the memory of a connection has room for one send, and no more. Before
/// its first poll it holds nothing of the stream.
#[derive(Debug)]
pub(super) struct WriteAll<'a, B: IoBuf> {
    socket: &'a SharedFd,
    state: State<B>,
}

#[derive(Debug)]
enum State<B: IoBuf> {
    /// With the buffer, and whether the turn was over for an empty one.
    Idle(Option<B>, bool),
    /// The rest, behind the bytes that have gone.
    Sending(Op<SendOp<B>>),
}

impl<'a, B: IoBuf> WriteAll<'a, B> {
    pub(super) fn new(socket: &'a SharedFd, buffer: B) -> Self {
        Self { socket, state: State::Idle(Some(buffer), false) }
    }

    fn send(&mut self, buffer: B, done: usize) {
        self.state = State::Sending(SendOp::new(self.socket.clone(), buffer, done));
    }
}

// What was lent to the kernel is on the heap.
impl<B: IoBuf> Unpin for WriteAll<'_, B> {}

impl<B: IoBuf> Future for WriteAll<'_, B> {
    type Output = BufResult<(), B>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        const OVER: &str = "a future is not polled after its end";
        loop {
            let op = match &mut self.state {
                State::Sending(op) => op,
                State::Idle(buffer, suspended) => {
                    if buffer.as_ref().expect(OVER).io_len() == 0 {
                        ready!(budget::proceed_once(suspended, cx));
                        return Poll::Ready((Ok(()), buffer.take().expect(OVER)));
                    }
                    let buffer = buffer.take().expect(OVER);
                    self.send(buffer, 0);
                    continue;
                }
            };
            let done = op.skip();
            let (result, buffer) = ready!(Pin::new(op).poll(cx));
            let failure = match result {
                Ok(0) => io::Error::from(io::ErrorKind::WriteZero),
                Ok(sent) if done + sent == buffer.io_len() => {
                    return Poll::Ready((Ok(()), buffer));
                }
                Ok(sent) => {
                    self.send(buffer, done + sent);
                    continue;
                }
                Err(error) => error,
            };
            return Poll::Ready((Err(Transferred::wrap(done, failure)), buffer));
        }
    }
}

//! `WriteAll`: sends, one after the other, until all of a buffer has gone.

use super::Transferred;
use crate::buf::{BufResult, IoBuf};
use crate::fd::SharedFd;
use crate::op::{Op, SendOp};
use crate::yield_now::poll_proceed;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The future of `write_all`: the memory of a connection has room for one send, and no more.
#[derive(Debug)]
pub(super) struct WriteAll<'a, B: IoBuf> {
    socket: &'a SharedFd,
    op: Op<SendOp<B>>,
    /// Bytes that have gone.
    done: usize,
}

impl<'a, B: IoBuf> WriteAll<'a, B> {
    pub(super) fn new(socket: &'a SharedFd, buffer: B) -> Self {
        Self { socket, op: SendOp::new(socket.clone(), buffer, 0), done: 0 }
    }

    #[cold]
    fn send_nothing(&mut self, cx: &mut Context<'_>) -> Poll<BufResult<(), B>> {
        ready!(poll_proceed(cx));
        let send = self.op.take_idle().expect("it has not begun");
        Poll::Ready((Ok(()), send.into_buffer()))
    }
}

impl<B: IoBuf> Future for WriteAll<'_, B> {
    type Output = BufResult<(), B>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.op.idle().is_some_and(|send| send.left() == 0) {
            return self.send_nothing(cx);
        }
        loop {
            let (result, buffer) = ready!(Pin::new(&mut self.op).poll(cx));
            let failure = match result {
                Ok(0) => io::Error::from(io::ErrorKind::WriteZero),
                Ok(sent) if self.done + sent == buffer.io_len() => {
                    return Poll::Ready((Ok(()), buffer));
                }
                Ok(sent) => {
                    self.done += sent;
                    self.op = SendOp::new(self.socket.clone(), buffer, self.done);
                    continue;
                }
                Err(error) => error,
            };
            return Poll::Ready((Err(Transferred::wrap(self.done, failure)), buffer));
        }
    }
}

//! `ReadingEach`: a receive into several buffers, whose bytes are not lost when it is dropped.

use super::receiving::Inbound;
use crate::buf::{BufResult, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{Each, Op, RecvMsg, Room, Scatter};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// One receive. When it is dropped, what the kernel has for it is kept.
#[derive(Debug)]
pub(super) struct ReadingEach<'a, B: IoBufMut> {
    op: Op<RecvMsg<Each<B>>>,
    inbound: &'a Inbound,
}

impl<'a, B: IoBufMut> ReadingEach<'a, B> {
    pub(super) fn new(socket: &SharedFd, inbound: &'a Inbound, buffers: Vec<B>) -> Self {
        let op = RecvMsg::stream(socket.clone(), Each(buffers), Room::NONE, !inbound.has_more());
        Self { op, inbound }
    }
}

impl<B: IoBufMut> Future for ReadingEach<'_, B> {
    type Output = BufResult<usize, Vec<B>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, Each(buffers)) = ready!(Pin::new(&mut self.op).poll(cx));
        let result = result.map(|arrived| {
            self.inbound.set_more(arrived.more);
            arrived.length
        });
        Poll::Ready((result, buffers))
    }
}

impl<B: IoBufMut> Drop for ReadingEach<'_, B> {
    fn drop(&mut self) {
        if self.op.flight().is_none() {
            return;
        }
        let claim = self.inbound.claim();
        self.op.abandon(move |(result, buffers)| {
            let length = result.as_ref().map_or(0, |arrived| arrived.length);
            claim.leave(&buffers.received(length), result.map(drop))
        });
    }
}

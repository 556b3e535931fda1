//! `ReadingMsg`: a receive with what came along, or into several buffers, of which nothing is lost
//! when it is dropped.

use super::receiving::Inbound;
use crate::buf::BufResult;
use crate::fd::SharedFd;
use crate::op::{Arrived, Op, RecvMsg, Room, Scatter};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// One receive. When it is dropped, what the kernel has for it is kept.
#[derive(Debug)]
pub(super) struct ReadingMsg<'a, L: Scatter> {
    op: Op<RecvMsg<L>>,
    inbound: &'a Inbound,
}

impl<'a, L: Scatter> ReadingMsg<'a, L> {
    pub(super) fn new(socket: &SharedFd, inbound: &'a Inbound, buffers: L, room: Room) -> Self {
        let op = RecvMsg::stream(socket.clone(), buffers, room, !inbound.has_more());
        Self { op, inbound }
    }
}

impl<L: Scatter> Future for ReadingMsg<'_, L> {
    type Output = BufResult<Arrived, L>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, buffers) = ready!(Pin::new(&mut self.op).poll(cx));
        if let Ok(arrived) = &result {
            self.inbound.set_more(arrived.more);
        }
        Poll::Ready((result, buffers))
    }
}

impl<L: Scatter> Drop for ReadingMsg<'_, L> {
    fn drop(&mut self) {
        if self.op.flight().is_none() {
            return;
        }
        let claim = self.inbound.claim();
        self.op.abandon(move |(result, buffers)| {
            let length = result.as_ref().map_or(0, |arrived| arrived.length);
            claim.leave_msg(&buffers.received(length), result.map(|arrived| arrived.control))
        });
    }
}

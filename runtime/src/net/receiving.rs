//! `Receiving`: a receive whose bytes are not lost when its future is dropped.
//!
//! ```text
//!   kernel ──▶ its future ──▶ the caller
//!                 │ dropped
//!                 └──▶ Unread ──▶ the next receive
//! ```

use super::armed::Keeps;
use super::claims::Claim;
use super::detached::Kept;
use super::polled::Polled;
use super::unread::Unread;
use crate::buf::{BufResult, IoBufMut};
use crate::fd::SharedFd;
use crate::op::{Continue, Op, Operation, Received, Recv};
use crate::ring::Wait;
use crate::yield_now::consume_budget;
use std::cell::{Cell, OnceCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// What a stream knows of the bytes that come in.
#[derive(Debug, Default)]
pub(crate) struct Inbound {
    /// The last receive left something in the socket, so the next one need not wait.
    more: Cell<bool>,
    /// Most streams never have any of this.
    rare: OnceCell<Box<Rare>>,
}

#[derive(Debug, Default)]
struct Rare {
    /// What receives that were dropped have taken.
    unread: OnceCell<Rc<Unread>>,
    /// For code that polls.
    polled: OnceCell<Rc<Polled>>,
}

impl Inbound {
    /// What was kept on another core comes first.
    pub(super) fn with(kept: Kept) -> Self {
        let inbound = Self::default();
        if let Some(unread) = Unread::with(kept) {
            let _ = inbound.rare().unread.set(Rc::new(unread));
        }
        inbound
    }

    /// What was kept here, when no receive is in flight any more.
    pub(super) fn into_kept(self) -> Kept {
        self.unread().map(|unread| unread.take_all()).unwrap_or_default()
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    /// What comes before everything that the kernel has.
    pub(super) fn unread(&self) -> Option<&Rc<Unread>> {
        self.rare.get()?.unread.get()
    }

    /// As [`unread`](Self::unread), made if there is none, for what is to be kept there.
    pub(super) fn unread_or_new(&self) -> &Rc<Unread> {
        let Rare { unread, polled } = self.rare();
        unread.get_or_init(|| {
            let unread = Rc::<Unread>::default();
            polled.get().into_iter().for_each(|polled| unread.waiting().wake_also(polled));
            unread
        })
    }

    /// The waits of code that polls, which hear of what is kept.
    pub(super) fn polled(&self) -> &Polled {
        let Rare { unread, polled } = self.rare();
        polled.get_or_init(|| {
            let polled = Rc::default();
            unread.get().into_iter().for_each(|unread| unread.waiting().wake_also(&polled));
            polled
        })
    }

    /// Gives up what was armed for code that polls.
    pub(super) fn give_up_polled(&mut self) {
        self.rare.get_mut().map(|rare| rare.polled.take());
    }

    /// The right of a receive that is dropped to leave what it receives.
    pub(super) fn claim(&self) -> Claim<Unread> {
        self.unread_or_new().claim()
    }

    /// Whether the last receive has left something in the socket.
    pub(super) fn has_more(&self) -> bool {
        self.more.get()
    }

    /// A receive has left something in the socket, or not.
    pub(super) fn set_more(&self, more: bool) {
        self.more.set(more);
    }

    /// When the next receive waits: first, if the last one has left nothing in the socket.
    pub(super) fn wait(&self) -> Wait {
        if self.more.get() { Wait::IfEmpty } else { Wait::First }
    }

    /// Receives what comes next, of what was kept or of what the kernel has.
    pub(super) fn read<'a, B: IoBufMut>(
        &'a self,
        socket: &'a SharedFd,
        buffer: B,
    ) -> Reading<'a, B> {
        Reading::Idle(socket, self, Some(buffer))
    }

    /// Receives what the kernel has next, behind the first `skip` bytes of a buffer.
    pub(super) fn receive<B: IoBufMut>(
        &self,
        socket: SharedFd,
        buffer: B,
        skip: usize,
    ) -> Receiving<'_, B> {
        self.receive_as(socket, buffer, skip, self.wait())
    }

    /// As [`receive`](Self::receive), and says when the receive waits.
    pub(super) fn receive_as<B: IoBufMut>(
        &self,
        socket: SharedFd,
        buffer: B,
        skip: usize,
        wait: Wait,
    ) -> Receiving<'_, B> {
        Receiving::new(Recv::new(socket, buffer, skip, wait), self)
    }
}

/// One receive. When it is dropped, what the kernel has for it is kept; and so are the bytes that
/// it was to skip, which its caller has received before.
#[derive(Debug)]
pub(super) struct Receiving<'a, B, O = Recv<B>>
where
    B: IoBufMut,
    O: Operation<Output = BufResult<Received, B>> + Continue,
{
    op: Op<O>,
    inbound: &'a Inbound,
}

impl<'a, B: IoBufMut, O> Receiving<'a, B, O>
where
    O: Operation<Output = BufResult<Received, B>> + Continue,
{
    pub(super) fn new(op: Op<O>, inbound: &'a Inbound) -> Self {
        Self { op, inbound }
    }

    #[cold]
    fn leave(&mut self) {
        let (skip, claim) = (self.op.skip(), self.inbound.claim());
        self.op.abandon(move |(result, buffer)| {
            let length = skip + result.as_ref().map_or(0, |received| received.length);
            claim.leave(&[&buffer.as_bytes()[..length]], result.map(drop))
        });
    }
}

impl<B: IoBufMut, O> Future for Receiving<'_, B, O>
where
    O: Operation<Output = BufResult<Received, B>> + Continue,
{
    type Output = BufResult<usize, B>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (result, buffer) = ready!(Pin::new(&mut self.op).poll(cx));
        let result = result.map(|received| {
            self.inbound.more.set(received.more);
            received.length
        });
        Poll::Ready((result, buffer))
    }
}

impl<B: IoBufMut, O> Drop for Receiving<'_, B, O>
where
    O: Operation<Output = BufResult<Received, B>> + Continue,
{
    #[inline]
    fn drop(&mut self) {
        if !self.op.has_resolved() && (self.op.skip() > 0 || self.op.flight().is_some()) {
            self.leave();
        }
    }
}

/// The future of a read. It is in the memory of each connection that is idle, so it has room for a
/// receive and no more; what happens seldom is in a box. Before its first poll it holds nothing of
/// the stream, and has asked nothing of it.
pub(super) enum Reading<'a, B: IoBufMut> {
    Idle(&'a SharedFd, &'a Inbound, Option<B>),
    Fast(Receiving<'a, B>),
    Slow(Slow<'a, B>),
}

type Slow<'a, B> = Pin<Box<dyn Future<Output = BufResult<usize, B>> + 'a>>;

async fn slowly<B: IoBufMut>(
    socket: SharedFd,
    inbound: &Inbound,
    mut buffer: B,
) -> BufResult<usize, B> {
    if buffer.io_capacity() == 0 {
        // The kernel would wait for data, of which it then takes none.
        consume_budget().await;
        return (Ok(0), buffer);
    }
    if let Some(unread) = inbound.unread() {
        if let Err(error) = unread.settled().await {
            return (Err(error), buffer);
        }
        if let Some(result) = unread.take(&mut buffer, 0) {
            return (result, buffer);
        }
    }
    inbound.receive(socket, buffer, 0).await
}

impl<B: IoBufMut> Future for Reading<'_, B> {
    type Output = BufResult<usize, B>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Self::Idle(socket, inbound, buffer) = &mut *self {
            let (socket, inbound) = (SharedFd::clone(socket), *inbound);
            let buffer = buffer.take().expect("a future is not polled after a panic");
            let is_fast = buffer.io_capacity() > 0
                && !inbound.unread().is_some_and(|unread| unread.comes_first());
            *self = match is_fast {
                true => Self::Fast(inbound.receive(socket, buffer, 0)),
                false => Self::Slow(Box::pin(slowly(socket, inbound, buffer))),
            };
        }
        match &mut *self {
            Self::Idle(..) => unreachable!("it has begun"),
            Self::Fast(receiving) => Pin::new(receiving).poll(cx),
            Self::Slow(slow) => slow.as_mut().poll(cx),
        }
    }
}

// What was lent to the kernel is on the heap, and a box is pinned for itself.
impl<B: IoBufMut> Unpin for Reading<'_, B> {}

impl<B: IoBufMut> fmt::Debug for Reading<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle(..) => "Idle",
            Self::Fast(_) => "Fast",
            Self::Slow(_) => "Slow",
        })
    }
}

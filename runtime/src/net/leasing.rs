//! `Leasing`: a receive into a buffer of a pool. Its bytes are not lost when its future is dropped.
//!
//! ```text
//!   begun ──▶ in flight ──▶ the caller
//!     ▲          │ no buffer
//!     │          ▼
//!     │       starved ──▶ in line ──▶ a buffer that came back, or memory of its own
//!     │          │ there is one now     │ nothing is there any more     │ what was there
//!     └──────────┴──────────────────────┘                               └──▶ the caller
//! ```

use super::armed::Keeps;
use super::receiving::Inbound;
use super::starved;
use super::unread::Unread;
use crate::fd::SharedFd;
use crate::op::{Leased, Op, RecvLeased};
use crate::pool::{self, Buffers, Lease, Pool};
use crate::ring::Wait;
use crate::wake::budget;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// One receive in the kernel. When it is dropped, what the kernel has for it is kept.
#[derive(Debug)]
pub(super) struct LeasingOnce<'a> {
    op: Op<RecvLeased>,
    inbound: &'a Inbound,
}

impl<'a> LeasingOnce<'a> {
    pub(super) fn new(
        socket: &SharedFd,
        inbound: &'a Inbound,
        pool: &Rc<Buffers>,
        wait: Wait,
    ) -> Self {
        Self { op: RecvLeased::new(socket.clone(), pool, wait), inbound }
    }
}

impl Future for LeasingOnce<'_> {
    type Output = io::Result<Lease>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let leased = ready!(Pin::new(&mut self.op).poll(cx));
        Poll::Ready(leased.map(|Leased { lease, more }| {
            self.inbound.set_more(more);
            lease
        }))
    }
}

impl Drop for LeasingOnce<'_> {
    fn drop(&mut self) {
        if self.op.flight().is_some() {
            let claim = self.inbound.claim();
            self.op.abandon(move |leased| claim.keep(leased));
        }
    }
}

/// The future of a receive. It is in the memory of each connection that is idle, so it has room for
/// one operation and no more; what happens seldom is in a box. Before its first poll it holds
/// nothing of the stream, and has asked nothing of it.
pub(super) enum Leasing<'a> {
    Idle(&'a SharedFd, &'a Inbound, Option<&'a Pool>),
    Fast(LeasingOnce<'a>, &'a SharedFd, Rc<Buffers>),
    Slow(Pin<Box<dyn Future<Output = io::Result<Lease>> + 'a>>),
}

impl<'a> Leasing<'a> {
    pub(super) fn new(socket: &'a SharedFd, inbound: &'a Inbound, pool: Option<&'a Pool>) -> Self {
        Self::Idle(socket, inbound, pool)
    }

    fn begin(socket: &'a SharedFd, inbound: &'a Inbound, pool: Rc<Buffers>) -> Self {
        match inbound.unread().is_some_and(|unread| unread.comes_first()) {
            false => {
                let once = LeasingOnce::new(socket, inbound, &pool, inbound.wait());
                Self::Fast(once, socket, pool)
            }
            true => Self::Slow(Box::pin(slowly(socket, inbound, pool))),
        }
    }
}

async fn slowly(socket: &SharedFd, inbound: &Inbound, pool: Rc<Buffers>) -> io::Result<Lease> {
    match kept(inbound, &pool).await {
        Some(outcome) => outcome,
        None => once(socket, inbound, &pool).await,
    }
}

/// What dropped receives have left, up to what a buffer has room for; `None` if that is nothing.
pub(super) async fn kept(inbound: &Inbound, pool: &Buffers) -> Option<io::Result<Lease>> {
    let unread = inbound.unread()?;
    if let Err(error) = Unread::settled(unread).await {
        return Some(Err(error));
    }
    unread.take_lease(pool.size())
}

/// Receives once, and waits for a buffer if there is none.
pub(super) async fn once(
    socket: &SharedFd,
    inbound: &Inbound,
    pool: &Rc<Buffers>,
) -> io::Result<Lease> {
    match LeasingOnce::new(socket, inbound, pool, inbound.wait()).await {
        Err(error) if starved::is_it(&error) => starved::receive(socket, inbound, pool).await,
        outcome => outcome,
    }
}

impl Future for Leasing<'_> {
    type Output = io::Result<Lease>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match &mut *self {
                Self::Idle(socket, inbound, pool) => {
                    let pool = match pool::choose(*pool) {
                        Ok(pool) => pool,
                        Err(error) => {
                            ready!(budget::proceed(cx));
                            return Poll::Ready(Err(error));
                        }
                    };
                    *self = Self::begin(socket, inbound, pool);
                }
                Self::Fast(once, socket, pool) => match ready!(Pin::new(&mut *once).poll(cx)) {
                    Err(error) if starved::is_it(&error) => {
                        let (socket, inbound, pool) = (*socket, once.inbound, Rc::clone(pool));
                        let starved = async move { starved::receive(socket, inbound, &pool).await };
                        *self = Self::Slow(Box::pin(starved));
                    }
                    outcome => return Poll::Ready(outcome),
                },
                Self::Slow(slow) => return slow.as_mut().poll(cx),
            }
        }
    }
}

impl fmt::Debug for Leasing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Idle(..) => "Idle",
            Self::Fast(..) => "Fast",
            Self::Slow(_) => "Slow",
        })
    }
}

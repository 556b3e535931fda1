//! Send from an owned buffer without a copy: the result first, the buffer with the notification.

use super::future::OpHandle;
use super::lent::Lent;
use super::recv::MAX_LENGTH;
use super::{Answer, Op, Operation};
use crate::buf::IoBuf;
use crate::driver;
use crate::fd::{RawTarget, Target};
use crate::ring::{Capability, Request};
use crate::scope::Cancelled;
use crate::wake::{Waiter, budget};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Set in the result of a notification: the kernel has copied the bytes after all.
const COPIED: u32 = 1 << 31;

/// Sends on a socket from the memory of the buffer.
#[derive(Debug)]
pub(crate) struct SendZc<B> {
    /// `None` once there is a result: the socket may close before the notification.
    on: Option<Target>,
    buffer: B,
}

impl<B: IoBuf> SendZc<B> {
    pub(crate) fn new(on: impl Into<Target>, buffer: B) -> Op<Self> {
        Op::new(Self { on: Some(on.into()), buffer })
    }
}

// SAFETY: the buffer's address is stable while it is owned (`IoBuf`), and the target is counted.
unsafe impl<B: IoBuf> Operation for SendZc<B> {
    type Output = (io::Result<usize>, Lending<B>);

    const NAME: &'static str = "send, zero-copy";

    const NEEDS: &'static [Capability] = &[Capability::SendZc];

    const IS_NOTICED: bool = true;

    fn target(&self) -> Option<RawTarget> {
        self.on.as_ref().map(Target::raw)
    }

    fn request(&mut self) -> Option<Request> {
        let bytes = self.buffer.as_bytes();
        let length = bytes.len().min(MAX_LENGTH) as u32;
        let on = self.target().expect("it has no result yet");
        Some(Request::SendZc { on, start: bytes.as_ptr(), length })
    }

    fn complete(self, answer: Answer) -> Self::Output {
        (answer.result.map(|sent| sent as usize), Lending::Over(Some(self.buffer)))
    }

    fn complete_first(mut operation: Lent<Self>, answer: Answer, flight: OpHandle) -> Self::Output {
        operation.get_mut().on = None;
        let lending = Lending::Due { lent: Some(operation), flight, hearing: Notified::new() };
        (answer.result.map(|sent| sent as usize), lending)
    }
}

/// A buffer from which the kernel may still send. When this is dropped, the driver keeps the buffer
/// until it may not.
#[derive(Debug)]
pub(crate) enum Lending<B: IoBuf> {
    Due {
        lent: Option<Lent<SendZc<B>>>,
        flight: OpHandle,
        hearing: Op<Notified>,
    },
    /// There was no notification to wait for.
    Over(Option<B>),
}

impl<B: IoBuf> Lending<B> {
    /// The buffer, and whether the kernel has copied what was sent; or a cancellation, or that it
    /// is waited for in another runtime.
    pub(crate) fn poll_back(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<(B, bool)>> {
        match self {
            Self::Over(buffer) => {
                ready!(budget::proceed(cx));
                let buffer = buffer.take().expect("a future is not polled after its end");
                Poll::Ready(Ok((buffer, true)))
            }
            Self::Due { lent, flight, hearing } => {
                assert!(lent.is_some(), "a future is not polled after its end");
                // Made before the borrow, dropped after: foreign wakers run foreign code in both.
                let mut waiter = Waiter::of(cx);
                let notice = flight.driver.borrow_mut().poll_notice(flight.key, &mut waiter);
                if let Some(result) = notice {
                    let operation = lent.take().expect("it was there").back();
                    let copied = result as u32 & COPIED != 0;
                    return Poll::Ready(Ok((operation.buffer, copied)));
                }
                if !driver::current().is_some_and(|here| Rc::ptr_eq(&here, &flight.driver)) {
                    ready!(budget::proceed(cx));
                    return Poll::Ready(Err(not_running()));
                }
                let cancelled = ready!(Pin::new(hearing).poll(cx));
                Poll::Ready(Err(cancelled))
            }
        }
    }
}

/// The runtime that has sent the buffer does not run here, so nothing could end the wait.
fn not_running() -> io::Error {
    let text = "the kernel may still read the buffer, and the runtime that has sent it does not \
                run: await it there";
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

impl<B: IoBuf> Drop for Lending<B> {
    fn drop(&mut self) {
        let Self::Due { lent, flight, .. } = self else { return };
        let Some(lent) = lent.take() else { return };
        let left = flight.driver.borrow_mut().leave_notice(flight.key, Box::new(lent));
        drop(left);
    }
}

/// What hears of a cancel while a notification is waited for: an operation that asks nothing.
#[derive(Debug)]
pub(crate) struct Notified;

impl Notified {
    fn new() -> Op<Self> {
        Op::new(Self)
    }
}

// SAFETY: no pointers.
unsafe impl Operation for Notified {
    /// Why it did not come to its end.
    type Output = io::Error;

    const NAME: &'static str = "send, zero-copy: notification";

    const NEEDS: &'static [Capability] = &[];

    fn target(&self) -> Option<RawTarget> {
        None
    }

    fn request(&mut self) -> Option<Request> {
        None
    }

    fn complete(self, answer: Answer) -> io::Error {
        answer.result.err().unwrap_or_else(|| Cancelled::new().into())
    }
}

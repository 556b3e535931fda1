//! `Placed`: one read or write at a place in a file.
//!
//! A future of its own, and no async function: those would move the buffer once more each.

use super::File;
use super::mounts::Way;
use crate::buf::BufResult;
use crate::op::{At, Op, Operation};
use crate::ring::NEXT;
use crate::scope::is_cancelled;
use crate::wake::budget;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Has `begin` make an operation of the buffer, until it was not interrupted.
pub(super) struct Placed<'file, B, O: Operation, F> {
    file: &'file File,
    offset: u64,
    begin: F,
    state: State<'file, B, O>,
}

enum State<'file, B, O: Operation> {
    Running(Op<O>),
    /// Not by the ring.
    Pooled(Pin<Box<dyn Future<Output = BufResult<usize, B>> + 'file>>),
    /// The place is beyond what a file can have. The buffer is there until the error was given.
    Beyond {
        buffer: Option<B>,
        suspended: bool,
    },
}

// Nothing in here is pinned.
impl<B, O: Operation, F> Unpin for Placed<'_, B, O, F> {}

impl<'file, B, O, F> Placed<'file, B, O, F>
where
    O: Operation,
    F: Fn(At, B) -> Op<O>,
{
    /// At a place as requests have it; none is where the open file stands. With a `call`, that does
    /// it, on a thread of the pool.
    #[inline]
    pub(super) fn new<C: Future<Output = BufResult<usize, B>> + 'file>(
        file: &'file File,
        buffer: B,
        offset: Option<u64>,
        begin: F,
        call: Option<impl FnOnce(B) -> C>,
    ) -> Self {
        let is_beyond = offset.is_some_and(|offset| i64::try_from(offset).is_err());
        let offset = offset.unwrap_or(NEXT);
        let state = match call {
            _ if is_beyond => State::Beyond { buffer: Some(buffer), suspended: false },
            None => State::Running(begin(at(file, offset), buffer)),
            Some(call) => State::Pooled(boxed(call, buffer)),
        };
        Self { file, offset, begin, state }
    }
}

#[cold]
fn boxed<'file, B, C: Future<Output = BufResult<usize, B>> + 'file>(
    call: impl FnOnce(B) -> C,
    buffer: B,
) -> Pin<Box<dyn Future<Output = BufResult<usize, B>> + 'file>> {
    Box::pin(call(buffer))
}

#[inline]
fn at(file: &File, offset: u64) -> At {
    file.registering.count(&file.fd);
    At { on: file.fd.clone().into(), offset, on_worker: file.way != Way::Ring }
}

/// Whether the kernel was interrupted, although nothing had been asked to end: it is asked again.
pub(super) fn goes_on(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted && !is_cancelled(error)
}

impl<B, T, O, F> Future for Placed<'_, B, O, F>
where
    T: Into<usize>,
    O: Operation<Output = BufResult<T, B>>,
    F: Fn(At, B) -> Op<O>,
{
    type Output = BufResult<usize, B>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            let operation = match &mut this.state {
                State::Running(operation) => operation,
                State::Pooled(call) => return call.as_mut().poll(cx),
                State::Beyond { buffer, suspended } => {
                    ready!(budget::proceed_once(suspended, cx));
                    let text = "the place is beyond what a file can hold";
                    let error = io::Error::new(io::ErrorKind::InvalidInput, text);
                    return Poll::Ready((Err(error), buffer.take().expect("it has not ended")));
                }
            };
            let (result, buffer) = ready!(Pin::new(operation).poll(cx));
            match result {
                Err(error) if goes_on(&error) => {
                    let anew = (this.begin)(at(this.file, this.offset), buffer);
                    this.state = State::Running(anew);
                }
                result => return Poll::Ready((result.map(T::into), buffer)),
            }
        }
    }
}

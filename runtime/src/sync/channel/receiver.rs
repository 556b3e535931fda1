//! The end of a channel that receives.

use super::{Shared, TryRecvError};
use crate::sync::permit_queue::Position;
use futures_core::Stream;
use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// The end of a [`channel()`](super::channel()) or an [`unbounded`](super::unbounded) one that
/// receives. Several tasks may share it by reference; each message goes to one of them.
///
/// A receiver is also a [`Stream`], which ends when the channel is closed and empty.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::channel::{Receiver, TryRecvError, unbounded};
/// let (sender, receiver): (_, Receiver<u8>) = unbounded();
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// sender.send(1).expect("the receiver is there");
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Ok(1));
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
/// ```
pub struct Receiver<T> {
    shared: Rc<Shared<T>>,
    /// The place of the stream in the line of receives.
    stream: Cell<Position>,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Rc<Shared<T>>) -> Self {
        Self { shared, stream: Cell::default() }
    }

    /// Waits for a message; `None` when the channel is closed and empty.
    ///
    /// # Cancellation
    ///
    /// A drop point. Dropping the future loses nothing: a message that it was promised goes to the
    /// next receive.
    pub async fn recv(&self) -> Option<T> {
        self.leave_stream();
        self.shared.messages.take(1).await.forget();
        self.shared.pop()
    }

    /// A message, if there is one that is not promised to a receive that waits.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there may be one later, [`TryRecvError::Closed`] if not.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.leave_stream();
        let promise = self.shared.messages.try_take(1).ok_or(TryRecvError::Empty)?;
        promise.forget();
        self.shared.pop().ok_or(TryRecvError::Closed)
    }

    /// Refuses messages from now on. Those that were sent can still be received.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Messages that were sent and not received.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether nothing is there to be received.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel is closed. There may be messages in it.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }

    /// Gives up the place of the stream: no task polls the stream while the receiver is borrowed,
    /// so that place would only hold up the others.
    fn leave_stream(&self) {
        self.shared.messages.leave(&mut self.stream.take());
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { shared, stream } = &mut *self;
        shared.poll_recv(stream.get_mut(), cx)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let shared = &self.shared;
        // Even if a foreign waker or a message panics on the way.
        shared.closed.set(true);
        let messages = shared.buffer.take();
        shared.room.add(usize::MAX);
        self.leave_stream();
        self.shared.wake();
        drop(messages);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.shared).finish()
    }
}

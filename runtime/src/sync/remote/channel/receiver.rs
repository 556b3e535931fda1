//! The end of a channel between threads that receives.

use super::{ChannelWait, For, Shared, TryRecvError, may_return_at_once};
use crate::sync::permit_queue::Position;
use crate::sync::remote::block::block;
use futures_core::Stream;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// The end of a [`channel()`](super::channel()) that receives. Tasks and threads may share it by
/// reference; each message goes to one of them.
///
/// A receiver is also a [`Stream`], which ends when the channel is closed and empty.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::remote::channel::{Receiver, TryRecvError, channel};
/// let (sender, receiver): (_, Receiver<u8>) = channel(1);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// sender.send_blocking(1).expect("the receiver is there");
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Ok(1));
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Closed));
/// ```
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The place of the stream in the line of receives.
    stream: Mutex<Position>,
    /// Whether the stream may have one. Set when no other task can use the receiver.
    has_place: AtomicBool,
}

impl<T> Receiver<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, stream: Mutex::default(), has_place: AtomicBool::new(false) }
    }

    /// Waits for a message; `None` when the channel is closed and empty.
    ///
    /// # Cancellation
    ///
    /// A drop point. Dropping the future loses nothing: a message that it was promised goes to the
    /// next receive.
    pub async fn recv(&self) -> Option<T> {
        self.leave_stream();
        let first = self.shared.receiving.lock().pop(may_return_at_once);
        if first.is_some() {
            return first;
        }
        ChannelWait::new(&self.shared, For::Message).then(|state| state.pop()).await
    }

    /// As [`recv`](Self::recv), on a thread that has no runtime: it sleeps meanwhile.
    ///
    /// # Panics
    ///
    /// On a core of Nestling, whose tasks would all stop.
    #[track_caller]
    pub fn recv_blocking(&self) -> Option<T> {
        block(self.recv())
    }

    /// A message, if there is one that is not promised to a receive that waits.
    ///
    /// # Errors
    ///
    /// [`TryRecvError::Empty`] if there may be one later, [`TryRecvError::Closed`] if not.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.leave_stream();
        if let Some(first) = self.shared.receiving.lock().pop(|| true) {
            return Ok(first);
        }
        self.shared.change(|state| {
            if !state.messages.try_take(1) {
                return Err(TryRecvError::Empty);
            }
            state.pop().ok_or(TryRecvError::Closed)
        })
    }

    /// Refuses messages from now on. Those that were sent can still be received.
    pub fn close(&self) {
        self.shared.change(|state| state.close());
    }

    /// Messages that were sent and not received.
    pub fn len(&self) -> usize {
        self.shared.lock().buffer.len()
    }

    /// Whether nothing is there to be received.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the channel is closed. There may be messages in it.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }

    /// Gives up the place of the stream: no task polls the stream while the receiver is borrowed,
    /// so that place would only hold up the others.
    #[inline]
    fn leave_stream(&self) {
        if !self.has_place.load(Ordering::Relaxed) {
            return;
        }
        self.has_place.store(false, Ordering::Relaxed);
        let mut place =
            std::mem::take(&mut *self.stream.lock().unwrap_or_else(PoisonError::into_inner));
        self.shared.leave(For::Message, &mut place);
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { shared, stream, has_place } = &mut *self;
        let place = stream.get_mut().unwrap_or_else(PoisonError::into_inner);
        if place.is_none()
            && let Some(first) = shared.receiving.lock().pop(may_return_at_once)
        {
            return Poll::Ready(Some(first));
        }
        // In case a foreign waker panics in the poll.
        *has_place.get_mut() = true;
        let polled = shared.poll(For::Message, place, cx, |state| state.pop());
        *has_place.get_mut() = !place.is_none();
        polled
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let stream = self.stream.get_mut().unwrap_or_else(PoisonError::into_inner);
        let let_go = self.shared.change(|state| {
            let waiter = state.leave(For::Message, stream);
            let messages = std::mem::take(&mut state.buffer);
            state.close();
            (waiter, messages)
        });
        drop(let_go);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Receiver").field(&self.shared).finish()
    }
}

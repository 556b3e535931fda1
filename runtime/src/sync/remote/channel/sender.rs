//! The ends of a channel between threads that send.

use super::{ChannelWait, For, SendError, Shared, TrySendError, may_return_at_once};
use crate::sync::remote::block::block;
use std::fmt;
use std::sync::Arc;

/// An end of a [`channel()`](super::channel()) that sends. The channel closes with the last clone.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::remote::channel::{Sender, TrySendError, channel};
/// let (sender, receiver): (Sender<u8>, _) = channel(1);
/// assert_eq!(sender.try_send(1), Ok(()));
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// drop(receiver);
/// assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
/// ```
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared }
    }

    /// Waits for room and sends a message.
    ///
    /// # Errors
    ///
    /// The message, if the channel is closed or is closed meanwhile.
    ///
    /// # Cancellation
    ///
    /// A drop point. If the future is dropped before it has returned, the message was not sent and
    /// is dropped with it; [`reserve`](Self::reserve) first to keep it.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        let sent = self.shared.sending.lock().send(value, may_return_at_once);
        let Err(value) = sent else { return Ok(()) };
        let mut value = Some(value);
        let send = ChannelWait::new(&self.shared, For::Room)
            .then(|state| state.push(value.take().expect("it is served once")));
        send.await
    }

    /// As [`send`](Self::send), on a thread that has no runtime: it sleeps meanwhile.
    ///
    /// # Errors
    ///
    /// The message, if the channel is closed or is closed meanwhile.
    ///
    /// # Panics
    ///
    /// On a core of Nestling, whose tasks would all stop.
    #[track_caller]
    pub fn send_blocking(&self, value: T) -> Result<(), SendError<T>> {
        block(self.send(value))
    }

    /// Waits for room and keeps it for one message.
    ///
    /// # Errors
    ///
    /// When the channel is closed or is closed meanwhile.
    ///
    /// # Cancellation
    ///
    /// A drop point. Dropping the future loses nothing: the room goes to the next.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::sync::remote;
    /// nestling_runtime::block_on(async {
    ///     let (sender, receiver) = remote::channel(1);
    ///     let mut jobs = vec!["sweep", "wash"];
    ///     // Were this task cut here, both jobs would still be in the list.
    ///     let room = sender.reserve().await.expect("the receiver is there");
    ///     let job = jobs.pop().expect("two jobs");
    ///     room.send(job).expect("the receiver is there");
    ///     assert_eq!(receiver.recv().await, Some("wash"));
    /// });
    /// ```
    pub async fn reserve(&self) -> Result<Reserved<'_, T>, SendError<()>> {
        if self.shared.sending.lock().take_room(may_return_at_once) {
            return Ok(Reserved { shared: &self.shared });
        }
        let closed = ChannelWait::new(&self.shared, For::Room).then(|state| state.closed).await;
        // What is kept of a closed channel's room does not matter: there is enough for all.
        if closed { Err(SendError(())) } else { Ok(Reserved { shared: &self.shared }) }
    }

    /// Sends a message, if there is room and no task waits for it.
    ///
    /// # Errors
    ///
    /// The message, if it would have to wait or the channel is closed.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        let sent = self.shared.sending.lock().send(value, || true);
        let Err(value) = sent else { return Ok(()) };
        self.shared.change(|state| {
            if !state.closed && !state.room.try_take(1) {
                return Err(TrySendError::Full(value));
            }
            state.push(value).map_err(|SendError(value)| TrySendError::Closed(value))
        })
    }

    /// Whether the channel is closed: nothing that is sent would be received.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().closed
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.lock().senders += 1;
        Self::new(Arc::clone(&self.shared))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.senders -= 1;
            if state.senders == 0 {
                state.close();
            }
        });
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sender").field(&self.shared).finish()
    }
}

/// Room for one message, from [`Sender::reserve`]. It comes free when this is dropped.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::remote::channel::{Reserved, channel};
/// nestling_runtime::block_on(async {
///     let (sender, receiver) = channel(1);
///     let room: Reserved<'_, u8> = sender.reserve().await.expect("the receiver is there");
///     assert!(sender.try_send(1).is_err());
///     drop(room);
///     assert_eq!(sender.try_send(2), Ok(()));
///     # drop(receiver);
/// });
/// ```
#[must_use = "the room comes free when this is dropped"]
pub struct Reserved<'a, T> {
    shared: &'a Shared<T>,
}

impl<T> Reserved<'_, T> {
    /// Sends a message.
    ///
    /// # Errors
    ///
    /// The message, if the channel was closed after the room was reserved.
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        let shared = self.shared;
        // The room is the message's; and a closed channel has enough for all.
        std::mem::forget(self);
        let pushed = shared.sending.lock().push(value);
        pushed.or_else(|SendError(value)| shared.change(|state| state.push(value)))
    }
}

impl<T> Drop for Reserved<'_, T> {
    fn drop(&mut self) {
        self.shared.change(|state| state.room.give(1, usize::MAX));
    }
}

impl<T> fmt::Debug for Reserved<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reserved").field(&self.shared).finish()
    }
}

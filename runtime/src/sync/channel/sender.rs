//! The ends of a channel that send.

use super::{SendError, Shared, TrySendError};
use crate::sync::permits::Held;
use std::fmt;
use std::rc::Rc;

/// An end of a [`channel()`](super::channel()) that sends. The channel closes with the last clone.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::channel::{Sender, TrySendError, channel};
/// let (sender, receiver): (Sender<u8>, _) = channel(1);
/// assert_eq!(sender.try_send(1), Ok(()));
/// assert_eq!(sender.try_send(2), Err(TrySendError::Full(2)));
/// drop(receiver);
/// assert_eq!(sender.try_send(3), Err(TrySendError::Closed(3)));
/// ```
pub struct Sender<T> {
    shared: Rc<Shared<T>>,
}

impl<T> Sender<T> {
    pub(super) fn new(shared: Rc<Shared<T>>) -> Self {
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
        match self.reserve().await {
            Ok(reserved) => reserved.send(value),
            Err(SendError(())) => Err(SendError(value)),
        }
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
    /// use nestling_runtime::sync::channel;
    /// nestling_runtime::block_on(async {
    ///     let (sender, receiver) = channel(1);
    ///     let mut jobs = vec!["sweep", "wash"];
    ///     // Were this task cut here, both jobs would still be in the list.
    ///     let room = sender.reserve().await.expect("the receiver is there");
    ///     let job = jobs.pop().expect("two jobs");
    ///     room.send(job).expect("the receiver is there");
    ///     assert_eq!(receiver.recv().await, Some("wash"));
    /// });
    /// ```
    pub async fn reserve(&self) -> Result<Reserved<'_, T>, SendError<()>> {
        let room = self.shared.room.take(1).await;
        if self.shared.is_closed() {
            return Err(SendError(()));
        }
        Ok(Reserved { shared: &self.shared, room })
    }

    /// Sends a message, if there is room and no task waits for it.
    ///
    /// # Errors
    ///
    /// The message, if it would have to wait or the channel is closed.
    pub fn try_send(&self, value: T) -> Result<(), TrySendError<T>> {
        if self.shared.is_closed() {
            return Err(TrySendError::Closed(value));
        }
        let Some(room) = self.shared.room.try_take(1) else {
            return Err(TrySendError::Full(value));
        };
        room.forget();
        self.shared.push(value);
        Ok(())
    }

    /// Whether the channel is closed: nothing that is sent would be received.
    pub fn is_closed(&self) -> bool {
        self.shared.is_closed()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.senders.set(self.shared.senders.get() + 1);
        Self::new(Rc::clone(&self.shared))
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let left = self.shared.senders.get() - 1;
        self.shared.senders.set(left);
        if left == 0 {
            self.shared.close();
        }
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
/// use nestling_runtime::sync::channel::{Reserved, channel};
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
    room: Held<'a>,
}

impl<T> Reserved<'_, T> {
    /// Sends a message.
    ///
    /// # Errors
    ///
    /// The message, if the channel was closed after the room was reserved.
    pub fn send(self, value: T) -> Result<(), SendError<T>> {
        if self.shared.is_closed() {
            return Err(SendError(value));
        }
        self.room.forget();
        self.shared.push(value);
        Ok(())
    }
}

impl<T> fmt::Debug for Reserved<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reserved").field(&self.shared).finish()
    }
}

/// An end of an [`unbounded`](super::unbounded) channel that sends. The channel closes with the
/// last clone.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::channel::{SendError, UnboundedSender, unbounded};
/// let (sender, receiver): (UnboundedSender<u8>, _) = unbounded();
/// assert_eq!(sender.send(1), Ok(()));
/// drop(receiver);
/// assert_eq!(sender.send(2), Err(SendError(2)));
/// ```
pub struct UnboundedSender<T>(Sender<T>);

impl<T> UnboundedSender<T> {
    pub(super) fn new(sender: Sender<T>) -> Self {
        Self(sender)
    }

    /// Sends a message, without waiting.
    ///
    /// # Errors
    ///
    /// The message, if the channel is closed.
    pub fn send(&self, value: T) -> Result<(), SendError<T>> {
        // Never full.
        self.0.try_send(value).map_err(|error| SendError(error.into_inner()))
    }

    /// Whether the channel is closed: nothing that is sent would be received.
    pub fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnboundedSender").field(&self.0.shared).finish()
    }
}

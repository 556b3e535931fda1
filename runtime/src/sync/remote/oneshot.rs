//! A channel for one message, between threads: that of `futures-channel`, with drop points.

use super::block::block;
use crate::scope::{drop_point, poll_drop_point};
use crate::wake::budget;
use futures_channel::oneshot;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pub use crate::sync::oneshot::RecvError;

/// Makes a channel for one message, whose ends may be on any threads.
///
/// # Closing
///
/// The receiver learns that nothing will come when the sender is dropped without sending; the
/// sender learns that its message has no receiver when that is dropped or
/// [closed](Receiver::close), and then [`send`](Sender::send) gives the message back. What was sent
/// before is received.
///
/// # Cancellation
///
/// Awaiting the receiver is a drop point: in a cancelled scope its first poll takes nothing and
/// does not return. A receiver that waited already still gets the message. It can be awaited by
/// reference, so that a timeout loses nothing.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::remote;
/// let (reply, answer) = remote::oneshot();
/// let thread = std::thread::spawn(|| reply.send(42));
/// nestling_runtime::block_on(async {
///     assert_eq!(answer.await, Ok(42));
/// });
/// assert_eq!(thread.join().expect("it does not panic"), Ok(()));
/// ```
pub fn oneshot<T>() -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = oneshot::channel();
    (Sender(sender), Receiver { inner: receiver, waits: false })
}

/// The end of a [`oneshot()`] that sends.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::remote::oneshot::{self, Sender};
/// let (sender, receiver): (Sender<&str>, _) = oneshot::oneshot();
/// drop(receiver);
/// assert_eq!(sender.send("anybody?"), Err("anybody?"));
/// ```
pub struct Sender<T>(oneshot::Sender<T>);

/// The end of a [`oneshot()`] that receives: a future of the message.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::remote::oneshot::{self, Receiver, RecvError};
/// let (sender, receiver): (_, Receiver<u8>) = oneshot::oneshot();
/// drop(sender);
/// assert_eq!(receiver.recv_blocking(), Err(RecvError::Closed));
/// ```
#[must_use = "the message is dropped with it"]
pub struct Receiver<T> {
    inner: oneshot::Receiver<T>,
    /// The receiver has waited, so it is handed the message even if its task is cancelled.
    waits: bool,
}

impl<T> Sender<T> {
    /// Sends the message.
    ///
    /// # Errors
    ///
    /// The message, if the receiver is dropped or closed.
    pub fn send(self, value: T) -> Result<(), T> {
        self.0.send(value)
    }

    /// Whether the receiver is dropped or closed: a message would not be received.
    pub fn is_closed(&self) -> bool {
        self.0.is_canceled()
    }

    /// Waits until the receiver is dropped or closed, to give up work whose result is not wanted.
    ///
    /// # Cancellation
    ///
    /// A drop point. Dropping the future loses nothing.
    pub async fn closed(&mut self) {
        drop_point().await;
        if self.is_closed() {
            budget::consume().await;
        }
        poll_fn(|cx| self.0.poll_canceled(cx)).await;
    }
}

impl<T> Receiver<T> {
    /// Waits for the message on a thread that has no runtime: it sleeps meanwhile.
    ///
    /// # Errors
    ///
    /// [`RecvError::Closed`] if it will not come.
    ///
    /// # Panics
    ///
    /// On a core of Nestling, whose tasks would all stop.
    #[track_caller]
    pub fn recv_blocking(self) -> Result<T, RecvError> {
        block(self)
    }

    /// The message, if it was sent.
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] if it may still come, [`RecvError::Closed`] if not.
    pub fn try_recv(&mut self) -> Result<T, RecvError> {
        match self.inner.try_recv() {
            Ok(value) => value.ok_or(RecvError::Empty),
            Err(oneshot::Canceled) => Err(RecvError::Closed),
        }
    }

    /// Refuses a message that was not sent yet.
    pub fn close(&mut self) {
        self.inner.close();
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.waits {
            ready!(poll_drop_point(cx));
        }
        if !std::mem::replace(&mut self.waits, true) {
            // Whether there is a message is not to be known but by taking it.
            ready!(budget::proceed(cx));
        }
        let polled = Pin::new(&mut self.inner).poll(cx);
        self.waits = polled.is_pending();
        polled.map_err(|oneshot::Canceled| RecvError::Closed)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

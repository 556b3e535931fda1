//! A channel for one message.

use crate::scope::{drop_point, poll_drop_point};
use crate::wake::{Waiter, budget};
use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Makes a channel for one message between two tasks of the core.
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
/// use nestling_runtime::sync::oneshot;
/// nestling_runtime::block_on(async {
///     let (reply, answer) = oneshot();
///     assert_eq!(reply.send(42), Ok(()));
///     assert_eq!(answer.await, Ok(42));
/// });
/// ```
///
/// Both ends stay on their core:
///
/// ```compile_fail,E0277
/// fn on_any_core<T: Send>(_: T) {}
/// on_any_core(nestling_runtime::sync::oneshot::<u8>());
/// ```
pub fn oneshot<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Rc::new(RefCell::new(State {
        value: None,
        sends: true,
        receives: true,
        sender: Waiter::Nobody,
        receiver: Waiter::Nobody,
    }));
    (Sender(Rc::clone(&shared)), Receiver { shared, waits: false })
}

/// What both ends know. Neither wakes, nor drops a value or a waiter, while it is borrowed.
struct State<T> {
    value: Option<T>,
    /// The sender is there, and has not sent.
    sends: bool,
    /// The receiver is there, and has not closed.
    receives: bool,
    sender: Waiter,
    receiver: Waiter,
}

/// The end of a [`oneshot()`] that sends.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::oneshot::{self, Sender};
/// let (sender, receiver): (Sender<&str>, _) = oneshot::oneshot();
/// drop(receiver);
/// assert_eq!(sender.send("anybody?"), Err("anybody?"));
/// ```
pub struct Sender<T>(Rc<RefCell<State<T>>>);

/// The end of a [`oneshot()`] that receives: a future of the message.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::oneshot::{self, Receiver, RecvError};
/// let (sender, receiver): (_, Receiver<u8>) = oneshot::oneshot();
/// drop(sender);
/// assert_eq!(nestling_runtime::block_on(receiver), Err(RecvError::Closed));
/// ```
#[must_use = "the message is dropped with it"]
pub struct Receiver<T> {
    shared: Rc<RefCell<State<T>>>,
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
        let mut state = self.0.borrow_mut();
        if !state.receives {
            return Err(value);
        }
        state.value = Some(value);
        drop(state);
        // Dropping the sender wakes the receiver.
        Ok(())
    }

    /// Whether the receiver is dropped or closed: a message would not be received.
    pub fn is_closed(&self) -> bool {
        !self.0.borrow().receives
    }

    /// Waits until the receiver is dropped or closed, to give up work whose result is not wanted.
    ///
    /// # Cancellation
    ///
    /// A drop point. Dropping the future loses nothing.
    pub async fn closed(&mut self) {
        drop_point().await;
        // Until it has waited.
        let (mut first, mut suspended) = (true, false);
        poll_fn(|cx| {
            if first && self.is_closed() {
                return budget::proceed_once(&mut suspended, cx);
            }
            first = false;
            // Before the borrow, and dropped after it: foreign wakers run foreign code in both.
            let mut waiter = Waiter::of(cx);
            let mut state = self.0.borrow_mut();
            if !state.receives {
                return Poll::Ready(());
            }
            std::mem::swap(&mut state.sender, &mut waiter);
            Poll::Pending
        })
        .await
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.borrow_mut();
        state.sends = false;
        let (receiver, own) = (state.receiver.take(), state.sender.take());
        drop(state);
        receiver.wake();
        drop(own);
    }
}

impl<T> Receiver<T> {
    /// The message, if it was sent.
    ///
    /// # Errors
    ///
    /// [`RecvError::Empty`] if it may still come, [`RecvError::Closed`] if not.
    pub fn try_recv(&mut self) -> Result<T, RecvError> {
        let mut state = self.shared.borrow_mut();
        let may_come = state.sends && state.receives;
        state.value.take().ok_or(if may_come { RecvError::Empty } else { RecvError::Closed })
    }

    /// Refuses a message that was not sent yet.
    pub fn close(&mut self) {
        let mut state = self.shared.borrow_mut();
        state.receives = false;
        let sender = state.sender.take();
        drop(state);
        sender.wake();
    }

    fn is_ready(&self) -> bool {
        let state = self.shared.borrow();
        state.value.is_some() || !(state.sends && state.receives)
    }

    fn poll_ready(&mut self) -> Poll<Result<T, RecvError>> {
        match self.try_recv() {
            Err(RecvError::Empty) => Poll::Pending,
            result => {
                self.waits = false;
                Poll::Ready(result)
            }
        }
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.waits {
            ready!(poll_drop_point(cx));
        }
        if !self.waits && self.is_ready() {
            // When the turn is over, what there is stays until the next.
            ready!(budget::proceed_once(&mut self.waits, cx));
        }
        if let Poll::Ready(result) = self.poll_ready() {
            return Poll::Ready(result);
        }
        // Outside the borrow: to keep a foreign waker runs foreign code, and so does to drop the
        // one before. It may send.
        let waiter = Waiter::of(cx);
        let before = std::mem::replace(&mut self.shared.borrow_mut().receiver, waiter);
        self.waits = true;
        drop(before);
        self.poll_ready()
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.borrow_mut();
        state.receives = false;
        let (sender, own, value) = (state.sender.take(), state.receiver.take(), state.value.take());
        drop(state);
        sender.wake();
        drop((own, value));
    }
}

/// Why there is no message.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::oneshot::{self, RecvError};
/// let (sender, mut receiver) = oneshot::oneshot::<u8>();
/// assert_eq!(receiver.try_recv(), Err(RecvError::Empty));
/// drop(sender);
/// assert_eq!(receiver.try_recv(), Err(RecvError::Closed));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecvError {
    /// The message was not sent yet. An await never says this.
    Empty,
    /// The message will not come, or was received already.
    Closed,
}

impl fmt::Display for RecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the message was not sent yet",
            Self::Closed => "the sender was dropped without sending a message",
        })
    }
}

impl std::error::Error for RecvError {}

impl From<RecvError> for io::Error {
    /// `WouldBlock` or `BrokenPipe`.
    fn from(error: RecvError) -> Self {
        let kind = match error {
            RecvError::Empty => io::ErrorKind::WouldBlock,
            RecvError::Closed => io::ErrorKind::BrokenPipe,
        };
        Self::new(kind, error)
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = self.shared.borrow().value.is_some();
        f.debug_struct("Receiver").field("sent", &sent).finish_non_exhaustive()
    }
}

//! Why a message was not sent or received.

use std::error::Error;
use std::fmt;
use std::io;

const CLOSED: &str = "the channel is closed";

/// The channel is closed. Gives the message back.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::channel::{SendError, unbounded};
/// let (sender, receiver) = unbounded();
/// receiver.close();
/// let SendError(message) = sender.send("hello").unwrap_err();
/// assert_eq!(message, "hello");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

impl<T> fmt::Debug for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SendError(..)")
    }
}

impl<T> fmt::Display for SendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(CLOSED)
    }
}

impl<T> Error for SendError<T> {}

impl<T> From<SendError<T>> for io::Error {
    /// `BrokenPipe`. The message is dropped.
    fn from(_: SendError<T>) -> Self {
        Self::new(io::ErrorKind::BrokenPipe, CLOSED)
    }
}

/// Why a message was not sent at once. Gives it back.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::channel::{TrySendError, channel};
/// let (sender, receiver) = channel(1);
/// sender.try_send("one").expect("there is room");
/// let error: TrySendError<_> = sender.try_send("two").unwrap_err();
/// assert_eq!(error.to_string(), "the channel is full");
/// assert_eq!(error.into_inner(), "two");
/// # drop(receiver);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// There is no room, or a task waits for it.
    Full(T),
    /// The channel is closed.
    Closed(T),
}

impl<T> TrySendError<T> {
    /// The message.
    pub fn into_inner(self) -> T {
        match self {
            Self::Full(value) | Self::Closed(value) => value,
        }
    }
}

impl<T> fmt::Debug for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "Full(..)",
            Self::Closed(_) => "Closed(..)",
        })
    }
}

impl<T> fmt::Display for TrySendError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full(_) => "the channel is full",
            Self::Closed(_) => CLOSED,
        })
    }
}

impl<T> Error for TrySendError<T> {}

/// Why no message was received at once.
///
/// # Examples
///
/// ```
/// use nestling_runtime::sync::channel::{TryRecvError, channel};
/// let (sender, receiver) = channel::<u8>(1);
/// assert_eq!(receiver.try_recv(), Err(TryRecvError::Empty));
/// # drop(sender);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// There is no message, or each is promised to a task that waits.
    Empty,
    /// The channel is closed, and everything was received.
    Closed,
}

impl fmt::Display for TryRecvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "the channel is empty",
            Self::Closed => CLOSED,
        })
    }
}

impl Error for TryRecvError {}

//! `JoinHandle`: the value of a task, or why there is none.

use futures_channel::oneshot;
use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a task resolves to, for its handle.
pub(crate) type Outcome<T> = Result<T, Box<dyn Any + Send>>;

/// Waits for a task. Dropped, the task goes on.
///
/// # Examples
///
/// ```
/// use nestling_openraft::{JoinHandle, NestlingRuntime, adopt};
/// use openraft_rt::AsyncRuntime;
/// nestling::block_on(adopt(async || {
///     let handle: JoinHandle<u8> = NestlingRuntime::spawn(async { 7 });
///     assert_eq!(handle.await.unwrap(), 7);
/// }));
/// ```
#[derive(Debug)]
pub struct JoinHandle<T>(pub(crate) oneshot::Receiver<Outcome<T>>);

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|outcome| match outcome {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(payload)) => Err(JoinError::Panicked(text(&*payload))),
            Err(oneshot::Canceled) => Err(JoinError::Cancelled),
        })
    }
}

fn text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a value that is no text".to_owned())
}

/// Why a task has no value.
///
/// # Examples
///
/// ```
/// use nestling_openraft::JoinError;
/// let error = JoinError::Panicked("out of range".to_owned());
/// assert_eq!(error.to_string(), "the task panicked: out of range");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JoinError {
    /// Its nursery was cancelled, or had ended.
    Cancelled,
    /// It has panicked, with this text.
    Panicked(String),
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("the task was cancelled with its nursery"),
            Self::Panicked(text) => write!(f, "the task panicked: {text}"),
        }
    }
}

impl Error for JoinError {}

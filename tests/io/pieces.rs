//! `Pieces`: a source or a sink that takes at most a few bytes at a time, and waits or fails now
//! and then.

use crate::support::poll_once;
use crate::support::random::Random;
use nestling::buf::{BufResult, IoBuf, IoBufMut};
use nestling::io::{AsyncRead, AsyncWrite};
use nestling::task::yield_now;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::task::Poll;

/// What is between a test and a source or a sink.
pub(crate) struct Pieces<T> {
    inner: T,
    random: Random,
    /// The most bytes at a time.
    most: usize,
    /// How many of a hundred operations fail, before anything is taken.
    failing: usize,
}

impl<T> Pieces<T> {
    pub(crate) fn new(inner: T, random: &mut Random, most: usize) -> Self {
        Self { inner, random: Random::new(random.next()), most, failing: 0 }
    }

    pub(crate) fn failing(self, failing: usize) -> Self {
        Self { failing, ..self }
    }

    pub(crate) fn get_ref(&self) -> &T {
        &self.inner
    }

    pub(crate) fn into_inner(self) -> T {
        self.inner
    }

    /// How many bytes may be taken of so many.
    async fn next(&mut self, wanted: usize) -> io::Result<usize> {
        if self.random.percent(30) {
            yield_now().await;
        }
        if self.random.percent(self.failing) {
            return Err(io::Error::from(io::ErrorKind::ConnectionReset));
        }
        Ok(wanted.min(1 + self.random.below(self.most)))
    }
}

impl<R: AsyncRead> AsyncRead for Pieces<R> {
    async fn read<B: IoBufMut>(&mut self, buffer: B) -> BufResult<usize, B> {
        match self.next(buffer.io_capacity()).await {
            Ok(length) => {
                let (result, part) = self.inner.read(buffer.slice(..length)).await;
                (result, part.into_inner())
            }
            Err(error) => (Err(error), buffer),
        }
    }
}

impl<W: AsyncWrite> AsyncWrite for Pieces<W> {
    async fn write<B: IoBuf>(&mut self, buffer: B) -> BufResult<usize, B> {
        match self.next(buffer.io_len()).await {
            Ok(length) => {
                let (result, part) = self.inner.write(buffer.slice(..length)).await;
                (result, part.into_inner())
            }
            Err(error) => (Err(error), buffer),
        }
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.inner.flush().await
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        self.inner.shutdown().await
    }
}

/// Polls a future a few times, then drops it.
pub(crate) async fn for_a_while<F: Future>(random: &mut Random, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    for _ in 0..1 + random.below(6) {
        if let Poll::Ready(output) = poll_once(future.as_mut()).await {
            return Some(output);
        }
        yield_now().await;
    }
    None
}

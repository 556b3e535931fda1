//! Receives of a `TcpStream` or a `UnixStream` into the buffers of a pool.

use super::connection::Inner;
use super::{RecvStream, TcpStream, UnixStream};
use crate::pool::{Lease, Pool};
use std::future::Future;
use std::io;

impl TcpStream {
    /// Receives what comes next into a buffer of the core's pool
    /// ([`Builder::buffers`](crate::Builder::buffers)), which is taken when something has come: a
    /// connection that waits holds none. At most one buffer full; an empty [`Lease`] is the end of
    /// the stream.
    ///
    /// While the pool is empty, the receive waits for a buffer, as [`Pool`] says.
    ///
    /// # Cancellation
    ///
    /// As with [`read`](Self::read): bytes that arrive while the receive is cancelled are
    /// delivered, and nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read); or the pool cannot be made at its first use, with the remedy.
    ///
    /// # Examples
    ///
    /// See [`Lease`].
    pub fn recv(&self) -> impl Future<Output = io::Result<Lease>> {
        self.inner().recv(None)
    }

    /// As [`recv`](Self::recv), with buffers of another pool of this core.
    ///
    /// # Errors
    ///
    /// As [`recv`](Self::recv); or the pool is that of another runtime.
    ///
    /// # Examples
    ///
    /// See [`Pool`].
    pub fn recv_in<'a>(
        &'a self,
        pool: &'a Pool,
    ) -> impl Future<Output = io::Result<Lease>> + use<'a> {
        self.inner().recv(Some(pool))
    }

    /// Receives one [`Lease`] after the other, for which the kernel is asked once: for connections
    /// on which more comes all the time. It goes on to receive while its owner does something else,
    /// until it holds its share of the pool: an eighth, together with the leases that its owner has
    /// kept. Of one that keeps more, the next ones have memory of their own.
    ///
    /// Other receives may be made meanwhile: what has come for this one comes first, unless a task
    /// waits in its `next`. Then both wait, and get the bytes as the kernel shares them out.
    ///
    /// # Examples
    ///
    /// See [`RecvStream`].
    pub fn recv_stream(&self) -> RecvStream<'_> {
        self.inner().recv_stream(None)
    }

    /// As [`recv_stream`](Self::recv_stream), with buffers of another pool of this core.
    pub fn recv_stream_in<'a>(&'a self, pool: &'a Pool) -> RecvStream<'a> {
        self.inner().recv_stream(Some(pool))
    }
}

impl UnixStream {
    /// As [`TcpStream::recv`](super::TcpStream::recv).
    pub fn recv(&self) -> impl Future<Output = io::Result<Lease>> {
        self.inner().recv(None)
    }

    /// As [`TcpStream::recv_in`](super::TcpStream::recv_in).
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_in<'a>(
        &'a self,
        pool: &'a Pool,
    ) -> impl Future<Output = io::Result<Lease>> + use<'a> {
        self.inner().recv(Some(pool))
    }

    /// As [`TcpStream::recv_stream`](super::TcpStream::recv_stream).
    pub fn recv_stream(&self) -> RecvStream<'_> {
        self.inner().recv_stream(None)
    }

    /// As [`TcpStream::recv_stream_in`](super::TcpStream::recv_stream_in).
    pub fn recv_stream_in<'a>(&'a self, pool: &'a Pool) -> RecvStream<'a> {
        self.inner().recv_stream(Some(pool))
    }
}

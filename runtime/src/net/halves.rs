//! `ReadHalf` and `WriteHalf`: the two directions of a connection that is borrowed.

use super::connection::Connection;
use super::{RecvStream, TcpStream};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::pool::{Lease, Pool};
use std::future::Future;
use std::io;
use std::net::Shutdown;

/// The direction of a connection from which is read, from [`TcpStream::split`]. When it is dropped,
/// nothing happens to the connection.
///
/// # Examples
///
/// See [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a, S: Connection = TcpStream>(&'a S);

/// The direction of a connection to which is written, from [`TcpStream::split`]. When it is
/// dropped, nothing happens to the connection: [`shutdown`](Self::shutdown) ends the direction.
///
/// # Examples
///
/// See [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a, S: Connection = TcpStream>(&'a S);

pub(super) fn split<S: Connection>(stream: &S) -> (ReadHalf<'_, S>, WriteHalf<'_, S>) {
    (ReadHalf(stream), WriteHalf(stream))
}

impl<S: Connection> ReadHalf<'_, S> {
    /// As [`TcpStream::read`].
    pub fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.0.inner().read(buffer)
    }

    /// As [`TcpStream::recv`].
    pub fn recv(&self) -> impl Future<Output = io::Result<Lease>> {
        self.0.inner().recv(None)
    }

    /// As [`TcpStream::recv_in`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn recv_in<'a>(
        &'a self,
        pool: &'a Pool,
    ) -> impl Future<Output = io::Result<Lease>> + use<'a, S> {
        self.0.inner().recv(Some(pool))
    }

    /// As [`TcpStream::recv_stream`].
    pub fn recv_stream(&self) -> RecvStream<'_> {
        self.0.inner().recv_stream(None)
    }

    /// As [`TcpStream::recv_stream_in`].
    pub fn recv_stream_in<'a>(&'a self, pool: &'a Pool) -> RecvStream<'a> {
        self.0.inner().recv_stream(Some(pool))
    }

    /// As [`TcpStream::read_exact`].
    pub async fn read_exact<B: IoBufMut>(&self, buffer: B) -> BufResult<(), B> {
        self.0.inner().read_exact(buffer).await
    }

    /// As [`TcpStream::readv`].
    pub async fn readv<B: IoBufMut>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        self.0.inner().readv(buffers).await
    }

    /// As [`TcpStream::peek`].
    pub async fn peek<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        self.0.inner().peek(buffer).await
    }
}

impl<S: Connection> WriteHalf<'_, S> {
    /// As [`TcpStream::write`].
    pub async fn write<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        self.0.inner().write(buffer).await
    }

    /// As [`TcpStream::write_all`].
    pub fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        self.0.inner().write_all(buffer)
    }

    /// As [`TcpStream::writev`].
    pub async fn writev<B: IoBuf>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        self.0.inner().writev(buffers).await
    }

    /// Ends the direction: the peer reads to the end of what was sent.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::shutdown`].
    pub async fn shutdown(&self) -> io::Result<()> {
        self.0.inner().shutdown(Shutdown::Write).await
    }
}

impl<S: Connection> AsRef<S> for ReadHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.0
    }
}

impl<S: Connection> AsRef<S> for WriteHalf<'_, S> {
    fn as_ref(&self) -> &S {
        self.0
    }
}

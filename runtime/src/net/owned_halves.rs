//! `OwnedReadHalf` and `OwnedWriteHalf`: the two directions of a connection, for two owners.

use super::connection::Connection;
use super::{RecvStream, TcpStream};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::pool::{Lease, Pool};
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::rc::Rc;

/// The direction of a connection from which is read, from [`TcpStream::into_split`]. The connection
/// is closed when both halves are gone; this one alone shuts nothing down when it is dropped.
///
/// # Examples
///
/// See [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf<S: Connection = TcpStream> {
    stream: Rc<S>,
}

/// The direction of a connection to which is written, from [`TcpStream::into_split`].
///
/// When it is dropped, the direction is shut down, and the peer reads to the end of what was sent;
/// [`forget`](Self::forget) leaves it open. A send that was dropped in flight may then still send,
/// or not. The connection is closed when both halves are gone.
///
/// # Examples
///
/// See [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedWriteHalf<S: Connection = TcpStream> {
    stream: Rc<S>,
    shuts_down: bool,
}

pub(super) fn split<S: Connection>(stream: S) -> (OwnedReadHalf<S>, OwnedWriteHalf<S>) {
    let stream = Rc::new(stream);
    let other = Rc::clone(&stream);
    (OwnedReadHalf { stream }, OwnedWriteHalf { stream: other, shuts_down: true })
}

fn reunite<S: Connection>(
    read: OwnedReadHalf<S>,
    write: OwnedWriteHalf<S>,
) -> Result<S, ReuniteError<S>> {
    if !Rc::ptr_eq(&read.stream, &write.stream) {
        return Err(ReuniteError(read, write));
    }
    write.forget();
    // Operations hold the descriptor, and futures borrow the halves.
    let Ok(stream) = Rc::try_unwrap(read.stream) else { unreachable!("two halves share it") };
    Ok(stream)
}

impl<S: Connection> OwnedReadHalf<S> {
    /// Puts the two halves together again.
    ///
    /// # Errors
    ///
    /// The halves are not of the same connection; the error gives both back.
    pub fn reunite(self, other: OwnedWriteHalf<S>) -> Result<S, ReuniteError<S>> {
        reunite(self, other)
    }

    /// As [`TcpStream::read`].
    pub fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.stream.inner().read(buffer)
    }

    /// As [`TcpStream::recv`].
    pub fn recv(&self) -> impl Future<Output = io::Result<Lease>> {
        self.stream.inner().recv(None)
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
        self.stream.inner().recv(Some(pool))
    }

    /// As [`TcpStream::recv_stream`].
    pub fn recv_stream(&self) -> RecvStream<'_> {
        self.stream.inner().recv_stream(None)
    }

    /// As [`TcpStream::recv_stream_in`].
    pub fn recv_stream_in<'a>(&'a self, pool: &'a Pool) -> RecvStream<'a> {
        self.stream.inner().recv_stream(Some(pool))
    }

    /// As [`TcpStream::read_exact`].
    pub async fn read_exact<B: IoBufMut>(&self, buffer: B) -> BufResult<(), B> {
        self.stream.inner().read_exact(buffer).await
    }

    /// As [`TcpStream::readv`].
    pub async fn readv<B: IoBufMut>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        self.stream.inner().readv(buffers).await
    }

    /// As [`TcpStream::peek`].
    pub async fn peek<B: IoBufMut>(&self, buffer: B) -> BufResult<usize, B> {
        self.stream.inner().peek(buffer).await
    }
}

impl<S: Connection> OwnedWriteHalf<S> {
    /// Puts the two halves together again. Nothing is shut down.
    ///
    /// # Errors
    ///
    /// The halves are not of the same connection; the error gives both back.
    pub fn reunite(self, other: OwnedReadHalf<S>) -> Result<S, ReuniteError<S>> {
        reunite(other, self)
    }

    /// As [`TcpStream::write`].
    pub async fn write<B: IoBuf>(&self, buffer: B) -> BufResult<usize, B> {
        self.stream.inner().write(buffer).await
    }

    /// As [`TcpStream::write_all`].
    pub fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        self.stream.inner().write_all(buffer)
    }

    /// As [`TcpStream::writev`].
    pub async fn writev<B: IoBuf>(&self, buffers: Vec<B>) -> BufResult<usize, Vec<B>> {
        self.stream.inner().writev(buffers).await
    }

    /// Ends the direction and tells whether that went well: the peer reads to the end of what was
    /// sent.
    ///
    /// # Errors
    ///
    /// As [`TcpStream::shutdown`].
    pub async fn shutdown(&self) -> io::Result<()> {
        self.stream.inner().shutdown(Shutdown::Write).await
    }

    /// Drops this half, and leaves the direction open until the connection is closed.
    pub fn forget(mut self) {
        self.shuts_down = false;
    }
}

impl<S: Connection> Drop for OwnedWriteHalf<S> {
    fn drop(&mut self) {
        if self.shuts_down {
            self.stream.inner().shutdown_now(Shutdown::Write);
        }
    }
}

impl<S: Connection> AsRef<S> for OwnedReadHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

impl<S: Connection> AsRef<S> for OwnedWriteHalf<S> {
    fn as_ref(&self) -> &S {
        &self.stream
    }
}

/// Two halves that are not of the same connection, from [`OwnedReadHalf::reunite`].
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let address = listener.local_addr()?;
///     let (read, write) = TcpStream::connect(address).await?.into_split();
///     let (other, _) = TcpStream::connect(address).await?.into_split();
///     let error = other.reunite(write).unwrap_err();
///     read.reunite(error.1).expect("two halves of one connection");
///     Ok(())
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct ReuniteError<S: Connection = TcpStream>(pub OwnedReadHalf<S>, pub OwnedWriteHalf<S>);

impl<S: Connection> fmt::Display for ReuniteError<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two connections: reunite those that one split has made")
    }
}

impl<S: Connection + fmt::Debug> Error for ReuniteError<S> {}

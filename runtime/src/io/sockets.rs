//! Sockets, their halves, pipes and standard streams as sources and sinks: owned, or shared.

use super::{AsyncRead, AsyncWrite};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::net::{
    Connection, OwnedReadHalf, OwnedWriteHalf, ReadHalf, Stream, TcpStream, UnixStream, WriteHalf,
};
use crate::pipe::{PipeReader, PipeWriter, Stderr, Stdin, Stdout};
use crate::yield_now::consume_budget;
use std::future::Future;
use std::io;
use std::net::Shutdown;

/// Of a type whose calls take `&self`: for itself and for its references.
macro_rules! reads {
    ($([$($of:tt)*] $type:ty: $stream:path),+ $(,)?) => {$(
        reads!(for [$($of)*] $type, $type, $stream);
        reads!(for [$($of)*] &$type, $type, $stream);
    )+};
    (for [$($of:tt)*] $own:ty, $type:ty, $stream:path) => {
        impl<$($of)*> AsyncRead for $own {
            fn read<B: IoBufMut>(
                &mut self,
                buffer: B,
            ) -> impl Future<Output = BufResult<usize, B>> {
                <$type>::read(self, buffer)
            }

            fn receives_from(&self) -> Option<&Stream> {
                let socket: &$type = self;
                $stream(socket)
            }
        }
    };
}

/// The same. None of them keeps anything back, so a flush is done at once.
macro_rules! writes {
    ($([$($of:tt)*] $type:ty: $stream:path, $shutdown:path),+ $(,)?) => {$(
        writes!(for [$($of)*] $type, $type, $stream, $shutdown);
        writes!(for [$($of)*] &$type, $type, $stream, $shutdown);
    )+};
    (for [$($of:tt)*] $own:ty, $type:ty, $stream:path, $shutdown:path) => {
        impl<$($of)*> AsyncWrite for $own {
            fn write<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
                <$type>::write(self, buffer)
            }

            fn write_all<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
                <$type>::write_all(self, buffer)
            }

            async fn flush(&mut self) -> io::Result<()> {
                consume_budget().await;
                Ok(())
            }

            async fn shutdown(&mut self) -> io::Result<()> {
                let stream: &$type = self;
                $shutdown(stream).await
            }

            fn sends_to(&self) -> Option<&Stream> {
                let socket: &$type = self;
                $stream(socket)
            }
        }
    };
}

reads! {
    [] TcpStream: inner,
    [] UnixStream: inner,
    [] PipeReader: no_socket,
    [] Stdin: no_socket,
    [S: Connection] ReadHalf<'_, S>: of_half,
    [S: Connection] OwnedReadHalf<S>: of_half,
}

writes! {
    [] TcpStream: inner, half_close_tcp,
    [] UnixStream: inner, half_close_unix,
    [] PipeWriter: no_socket, PipeWriter::shutdown,
    [] Stdout: no_socket, Stdout::shutdown,
    [] Stderr: no_socket, Stderr::shutdown,
    [S: Connection] WriteHalf<'_, S>: of_half, WriteHalf::shutdown,
    [S: Connection] OwnedWriteHalf<S>: of_half, OwnedWriteHalf::shutdown,
}

fn inner<S: Connection>(stream: &S) -> Option<&Stream> {
    Some(stream.inner())
}

fn of_half<S: Connection>(half: &impl AsRef<S>) -> Option<&Stream> {
    Some(half.as_ref().inner())
}

/// What is spliced from socket to socket is not for these.
fn no_socket<T>(_: &T) -> Option<&Stream> {
    None
}

fn half_close_tcp(stream: &TcpStream) -> impl Future<Output = io::Result<()>> {
    stream.shutdown(Shutdown::Write)
}

fn half_close_unix(stream: &UnixStream) -> impl Future<Output = io::Result<()>> {
    stream.shutdown(Shutdown::Write)
}

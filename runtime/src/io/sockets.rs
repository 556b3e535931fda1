//! Sockets, their halves, pipes and standard streams as sources and sinks: owned, or shared.

use super::{AsyncRead, AsyncWrite};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::net::{
    Connection, OwnedReadHalf, OwnedWriteHalf, ReadHalf, Reads, Stream, TcpStream, UnixStream,
    WriteHalf, Writes,
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
                $stream(self)
            }
        }
    };
}

/// As `reads`, for writes. Sockets keep nothing back, so a flush is done at once.
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
                $stream(self)
            }
        }
    };
}

reads! {
    [] TcpStream: reads,
    [] UnixStream: reads,
    [] PipeReader: no_socket,
    [] Stdin: no_socket,
    [S: Connection] ReadHalf<'_, S>: reads,
    [S: Connection] OwnedReadHalf<S>: reads,
}

writes! {
    [] TcpStream: writes, half_close_tcp,
    [] UnixStream: writes, half_close_unix,
    [] PipeWriter: no_socket, PipeWriter::shutdown,
    [] Stdout: no_socket, Stdout::shutdown,
    [] Stderr: no_socket, Stderr::shutdown,
    [S: Connection] WriteHalf<'_, S>: writes, WriteHalf::shutdown,
    [S: Connection] OwnedWriteHalf<S>: writes, OwnedWriteHalf::shutdown,
}

fn reads(of: &impl Reads) -> Option<&Stream> {
    Some(of.reads())
}

fn writes(of: &impl Writes) -> Option<&Stream> {
    Some(of.writes())
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

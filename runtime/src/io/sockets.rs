//! Sockets, their halves, pipes and standard streams as sources and sinks: owned, or shared.

use super::{AsyncRead, AsyncWrite};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::net::{
    Connection, OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, UnixStream, WriteHalf,
};
use crate::pipe::{PipeReader, PipeWriter, Stderr, Stdin, Stdout};
use crate::yield_now::consume_budget;
use std::future::Future;
use std::io;
use std::net::Shutdown;

/// Of a type whose calls take `&self`: for itself and for its references.
macro_rules! reads {
    ($([$($of:tt)*] $type:ty),+ $(,)?) => {$(
        impl<$($of)*> AsyncRead for $type {
            fn read<B: IoBufMut>(
                &mut self,
                buffer: B,
            ) -> impl Future<Output = BufResult<usize, B>> {
                <$type>::read(self, buffer)
            }
        }

        impl<$($of)*> AsyncRead for &$type {
            fn read<B: IoBufMut>(
                &mut self,
                buffer: B,
            ) -> impl Future<Output = BufResult<usize, B>> {
                <$type>::read(self, buffer)
            }
        }
    )+};
}

/// The same. None of them keeps anything back, so a flush is done at once.
macro_rules! writes {
    ($([$($of:tt)*] $type:ty: $shutdown:path),+ $(,)?) => {$(
        writes!(for [$($of)*] $type, $type, $shutdown);
        writes!(for [$($of)*] &$type, $type, $shutdown);
    )+};
    (for [$($of:tt)*] $own:ty, $type:ty, $shutdown:path) => {
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
        }
    };
}

reads! {
    [] TcpStream,
    [] UnixStream,
    [] PipeReader,
    [] Stdin,
    [S: Connection] ReadHalf<'_, S>,
    [S: Connection] OwnedReadHalf<S>,
}

writes! {
    [] TcpStream: half_close_tcp,
    [] UnixStream: half_close_unix,
    [] PipeWriter: PipeWriter::shutdown,
    [] Stdout: Stdout::shutdown,
    [] Stderr: Stderr::shutdown,
    [S: Connection] WriteHalf<'_, S>: WriteHalf::shutdown,
    [S: Connection] OwnedWriteHalf<S>: OwnedWriteHalf::shutdown,
}

fn half_close_tcp(stream: &TcpStream) -> impl Future<Output = io::Result<()>> {
    stream.shutdown(Shutdown::Write)
}

fn half_close_unix(stream: &UnixStream) -> impl Future<Output = io::Result<()>> {
    stream.shutdown(Shutdown::Write)
}

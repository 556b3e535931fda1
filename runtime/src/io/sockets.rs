//! Sockets as sources and sinks: owned, or shared by the two directions.

use super::{AsyncRead, AsyncWrite};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::net::TcpStream;
use crate::yield_now::consume_budget;
use std::future::Future;
use std::io;
use std::net::Shutdown;

impl AsyncRead for &TcpStream {
    fn read<B: IoBufMut>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        TcpStream::read(self, buffer)
    }
}

impl AsyncWrite for &TcpStream {
    fn write<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        TcpStream::write(self, buffer)
    }

    fn write_all<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        TcpStream::write_all(self, buffer)
    }

    async fn flush(&mut self) -> io::Result<()> {
        consume_budget().await;
        Ok(())
    }

    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
        TcpStream::shutdown(self, Shutdown::Write)
    }
}

impl AsyncRead for TcpStream {
    fn read<B: IoBufMut>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        Self::read(self, buffer)
    }
}

impl AsyncWrite for TcpStream {
    fn write<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        Self::write(self, buffer)
    }

    fn write_all<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        Self::write_all(self, buffer)
    }

    async fn flush(&mut self) -> io::Result<()> {
        consume_budget().await;
        Ok(())
    }

    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
        Self::shutdown(self, Shutdown::Write)
    }
}

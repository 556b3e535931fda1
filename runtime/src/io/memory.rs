//! Memory as a source and as a sink.

use super::{AsyncRead, AsyncWrite};
use crate::buf::{self, BufResult, IoBuf, IoBufMut};
use crate::yield_now::consume_budget;
use std::io::{self, Cursor};

/// Takes what comes first of the slice, which is then shorter.
impl AsyncRead for &[u8] {
    async fn read<B: IoBufMut>(&mut self, mut buffer: B) -> BufResult<usize, B> {
        consume_budget().await;
        let length = buf::fill(&mut buffer, 0, self);
        *self = &self[length..];
        (Ok(length), buffer)
    }
}

/// Takes what follows the position.
impl<T: AsRef<[u8]>> AsyncRead for Cursor<T> {
    async fn read<B: IoBufMut>(&mut self, mut buffer: B) -> BufResult<usize, B> {
        consume_budget().await;
        let position = usize::try_from(self.position()).unwrap_or(usize::MAX);
        let rest = self.get_ref().as_ref().get(position..).unwrap_or_default();
        let length = buf::fill(&mut buffer, 0, rest);
        self.set_position(self.position() + length as u64);
        (Ok(length), buffer)
    }
}

/// Appends to the vector. Nothing ends it.
impl AsyncWrite for Vec<u8> {
    async fn write<B: IoBuf>(&mut self, buffer: B) -> BufResult<usize, B> {
        consume_budget().await;
        self.extend_from_slice(buffer.as_bytes());
        (Ok(buffer.io_len()), buffer)
    }

    async fn flush(&mut self) -> io::Result<()> {
        consume_budget().await;
        Ok(())
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        consume_budget().await;
        Ok(())
    }
}

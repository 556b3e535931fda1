//! Files and their cursors as sources and sinks.

use super::{AsyncRead, AsyncWrite};
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::fs::{Cursor, File};
use crate::yield_now::consume_budget;
use std::borrow::Borrow;
use std::future::Future;
use std::io;

/// Nothing was kept back, and there is no other side.
async fn done() -> io::Result<()> {
    consume_budget().await;
    Ok(())
}

/// Takes what follows the position.
impl<F: Borrow<File>> AsyncRead for Cursor<F> {
    fn read<B: IoBufMut>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        Self::read(self, buffer)
    }
}

/// Writes to the position. A cursor keeps nothing back, so a flush is done at once; what the disk
/// keeps is another question, see [`File::sync_all`].
impl<F: Borrow<File>> AsyncWrite for Cursor<F> {
    fn write<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        Self::write(self, buffer)
    }

    fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
        done()
    }

    /// A file has no other side: as a flush.
    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
        done()
    }
}

/// Takes what follows where the open file stands.
impl AsyncRead for File {
    fn read<B: IoBufMut>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        Self::read(self, buffer)
    }
}

/// As a file itself.
impl AsyncRead for &File {
    fn read<B: IoBufMut>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        File::read(self, buffer)
    }
}

/// Writes where the open file stands. A file keeps nothing back, and has no other side.
impl AsyncWrite for File {
    fn write<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        Self::write(self, buffer)
    }

    fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
        done()
    }

    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
        done()
    }
}

/// As a file itself.
impl AsyncWrite for &File {
    fn write<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        File::write(self, buffer)
    }

    fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
        done()
    }

    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
        done()
    }
}

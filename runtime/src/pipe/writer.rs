//! `PipeWriter`: the end of a pipe that is written to.

use super::PipeReader;
use super::sink::Sink;
use crate::buf::{BufResult, IoBuf};
use socket2::SockRef;
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;

/// The end of a pipe to which is written: of [`pipe`], of a child's input, or of a
/// [named pipe](Self::open). When the last writer is dropped, the reader reads to the end.
///
/// # Examples
///
/// See [`pipe`], and for a child's input [`Child`](crate::process::Child).
#[derive(Debug)]
pub struct PipeWriter {
    sink: Sink,
}

/// A pipe: what is written to one end is read from the other. The kernel keeps 64 KiB between them;
/// then a write waits.
///
/// # Errors
///
/// No descriptors are left.
///
/// # Examples
///
/// ```
/// use nestling_runtime::io::pipe;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let (reader, writer) = pipe()?;
///     writer.write_all("hello").await.0?;
///     drop(writer);
///     assert_eq!(reader.read_to_end().await.1, b"hello");
///     Ok(())
/// })
/// # }
/// ```
pub fn pipe() -> io::Result<(PipeReader, PipeWriter)> {
    let (reader, writer) = io::pipe()?;
    Ok((PipeReader::from_std(reader), PipeWriter::from_std(writer)))
}

impl PipeWriter {
    pub(crate) fn from_owned(fd: OwnedFd) -> Self {
        Self { sink: Sink::new(fd) }
    }

    /// Writes from the start of `buffer`; tells how many bytes the pipe has taken. Waits while it
    /// is full. Up to 4,096 bytes are taken as a whole or not at all (`PIPE_BUF`, pipe(7)).
    ///
    /// # Cancellation
    ///
    /// What the pipe has taken while the write is cancelled is reported; how much has gone of a
    /// write whose future was dropped is not known.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` if every reader is gone. The kernel raises `SIGPIPE` as well, as for a write of
    /// the standard library; a Rust program ignores that unless it was told otherwise. The write
    /// was cancelled; the limit of operations in flight.
    pub fn write<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.sink.write(buffer)
    }

    /// Writes all of `buffer`.
    ///
    /// # Cancellation
    ///
    /// As [`write`](Self::write). The error tells through
    /// [`transferred`](crate::net::transferred) how many bytes had gone.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), with the count.
    pub fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        self.sink.write_all(buffer)
    }

    /// Closes this end, after the writes that are in flight: without another writer, the reader
    /// reads to the end. Nothing can be written any more.
    ///
    /// # Errors
    ///
    /// The call was cancelled; it is closed all the same.
    pub async fn shutdown(&self) -> io::Result<()> {
        self.sink.close().await
    }

    /// Takes over a pipe of the standard library.
    pub fn from_std(writer: io::PipeWriter) -> Self {
        Self::from_owned(writer.into())
    }

    /// Gives the pipe to the standard library, for example as the
    /// [`Stdio`](crate::process::Stdio) of a child.
    ///
    /// # Errors
    ///
    /// The writer was shut down. No descriptor is left for a duplicate, which is needed while a
    /// write is in flight.
    pub fn into_std(self) -> io::Result<io::PipeWriter> {
        let fd = self.sink.into_owned()?;
        // A named pipe was opened with `O_NONBLOCK`.
        SockRef::from(&fd).set_nonblocking(false)?;
        Ok(fd.into())
    }
}

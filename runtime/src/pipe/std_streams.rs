//! `Stdin`, `Stdout` and `Stderr`: what the process was started with.

use super::sink::Sink;
use super::source::Source;
use crate::buf::{BufResult, IoBuf, IoBufMut};
use crate::yield_now::consume_budget;
use std::future::Future;
use std::io;
use std::os::fd::AsFd;

/// The standard input of the process, from [`stdin`].
///
/// # Examples
///
/// See [`stdin`].
#[derive(Debug)]
pub struct Stdin {
    source: Source,
}

/// The standard output of the process, from [`stdout`].
///
/// # Examples
///
/// See [`stdout`].
#[derive(Debug)]
pub struct Stdout {
    sink: Sink,
}

/// The standard error of the process, from [`stderr`].
///
/// # Examples
///
/// See [`stderr`].
#[derive(Debug)]
pub struct Stderr {
    sink: Sink,
}

/// The standard input of the process: a terminal, a file, a pipe, or nothing.
///
/// Reads go past the buffer of [`std::io::stdin`]: use one of the two. Keep one `Stdin`: bytes that
/// were read for a future that was dropped are those of its next read. A `Stdin` takes a
/// descriptor, and the process's own stays open.
///
/// A file on a mount of FUSE may be read wrong from here, with some servers, by a fault of the
/// kernel's (see [`fs`](crate::fs#servers-in-user-space)): open it by its path.
///
/// # Errors
///
/// No descriptor is left; or the process has closed its standard input. (One that was started
/// without has `/dev/null`, which is at its end at once.)
///
/// # Examples
///
/// ```no_run
/// use nestling_runtime::io::{BufReader, stdin};
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let mut lines = BufReader::new(stdin()?).lines();
///     while let Some(line) = lines.next_line().await? {
///         println!("{line}");
///     }
///     Ok(())
/// })
/// # }
/// ```
pub fn stdin() -> io::Result<Stdin> {
    Ok(Stdin { source: Source::new(io::stdin().as_fd().try_clone_to_owned()?) })
}

/// The standard output of the process. It has no buffer: each write goes to the kernel. What
/// [`std::io::stdout`] keeps back, such as a line that was not ended, goes when that is flushed.
///
/// # Errors
///
/// As [`stdin`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::io::stdout;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     stdout()?.write_all("hello\n").await.0
/// })
/// # }
/// ```
pub fn stdout() -> io::Result<Stdout> {
    Ok(Stdout { sink: Sink::new(io::stdout().as_fd().try_clone_to_owned()?) })
}

/// The standard error of the process. It has no buffer.
///
/// # Errors
///
/// As [`stdin`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::io::stderr;
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     stderr()?.write_all("something went wrong\n").await.0
/// })
/// # }
/// ```
pub fn stderr() -> io::Result<Stderr> {
    Ok(Stderr { sink: Sink::new(io::stderr().as_fd().try_clone_to_owned()?) })
}

impl Stdin {
    /// Reads what comes next: see [`PipeReader::read`](super::PipeReader::read), of which every
    /// word holds.
    pub fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.source.read(buffer)
    }

    /// Reads to the end: see [`PipeReader::read_to_end`](super::PipeReader::read_to_end).
    pub fn read_to_end(&self) -> impl Future<Output = BufResult<(), Vec<u8>>> {
        self.source.read_to_end()
    }
}

impl Stdout {
    /// Writes from the start of `buffer`: see [`PipeWriter::write`](super::PipeWriter::write), of
    /// which every word holds.
    pub fn write<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.sink.write(buffer)
    }

    /// Writes all of `buffer`: see [`PipeWriter::write_all`](super::PipeWriter::write_all).
    pub fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        self.sink.write_all(buffer)
    }

    /// Does nothing: others of the process may write to it.
    pub(crate) async fn shutdown(&self) -> io::Result<()> {
        consume_budget().await;
        Ok(())
    }
}

impl Stderr {
    /// Writes from the start of `buffer`: see [`PipeWriter::write`](super::PipeWriter::write), of
    /// which every word holds.
    pub fn write<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.sink.write(buffer)
    }

    /// Writes all of `buffer`: see [`PipeWriter::write_all`](super::PipeWriter::write_all).
    pub fn write_all<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        self.sink.write_all(buffer)
    }

    /// Does nothing: others of the process may write to it.
    pub(crate) async fn shutdown(&self) -> io::Result<()> {
        consume_budget().await;
        Ok(())
    }
}

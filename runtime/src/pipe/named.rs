//! Named pipes: opened without a wait in the kernel, which would stop the core.

use super::source::Source;
use super::{PipeReader, PipeWriter};
use crate::scope;
use crate::time::sleep;
use crate::yield_now::consume_budget;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

/// Pauses between attempts to open a pipe that has no reader: the kernel tells of none. (inotify
/// tells of opens that are done, and that of a reader which waits for us is not.)
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

/// Opens a pipe that neither waits for the other end, nor blocks later on kernels that cannot wait
/// in a read of it.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<OwnedFd> {
    let file = options.custom_flags(libc::O_NONBLOCK).open(path)?;
    if !file.metadata()?.file_type().is_fifo() {
        let text = "it is no named pipe; those are made by mkfifo(1)";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    Ok(file.into())
}

fn in_vain(path: &Path, end: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot open {path:?} to {end}: {error}"))
}

impl PipeReader {
    /// Opens the end of a named pipe (a FIFO) from which is read. Does not wait for a writer: the
    /// first read does.
    ///
    /// When the last writer has closed its end, reads tell the end of the stream, also if another
    /// writer comes later.
    ///
    /// # Errors
    ///
    /// Nothing is at the path, or what is there is no named pipe, or may not be read. The error
    /// names the path.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nestling_runtime::io::PipeReader;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     let commands = PipeReader::open("/run/service/commands")?;
    ///     let (result, buffer) = commands.read(Vec::with_capacity(4096)).await;
    ///     println!("{} bytes: {buffer:?}", result?);
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        let fd = open(path, OpenOptions::new().read(true));
        let fd = fd.map_err(|error| in_vain(path, "read", &error))?;
        Ok(Self::from_source(Source::unopened(fd)))
    }
}

impl PipeWriter {
    /// Opens the end of a named pipe (a FIFO) to which is written. Waits until a process has opened
    /// the other end, or is about to: it looks every 64 ms, at first more often.
    ///
    /// # Cancellation
    ///
    /// Ends at once.
    ///
    /// # Errors
    ///
    /// As [`PipeReader::open`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use nestling_runtime::io::PipeWriter;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     let commands = PipeWriter::open("/run/service/commands").await?;
    ///     commands.write_all("reload\n").await.0
    /// })
    /// # }
    /// ```
    pub async fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref();
        consume_budget().await;
        scope::drop_point().await;
        let mut pause = FIRST_PAUSE;
        loop {
            match open(path, OpenOptions::new().write(true)) {
                // No reader has it open.
                Err(error) if error.raw_os_error() == Some(libc::ENXIO) => sleep(pause).await,
                result => {
                    let opened = result.map_err(|error| in_vain(path, "write", &error))?;
                    return Ok(Self::from_owned(opened));
                }
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
    }
}

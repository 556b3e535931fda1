//! `send_file`: a part of a file goes to a sink.

use super::AsyncWrite;
use super::splice::{self, Part};
use crate::buf::IoBuf;
use crate::fs::File;
use crate::net::Transferred;
use crate::yield_now::consume_budget;
use std::io;
use std::ops::Range;

/// The buffer of what is not spliced, in bytes.
const SIZE: u64 = 64 << 10;

/// Parts of this length are spliced. Measured on 6.18, from the page cache, in CPU time of what it
/// takes through a buffer of 256 KiB, three runs on a machine with other work
/// (`cargo bench --bench send_file`): 0.50 to 0.77 for 1 MiB, 0.53 to 0.62 for 4 MiB, 0.54 to 0.67
/// for 16 MiB. With 256 KiB, the round to a thread of the kernel's took 0.6 to 1.9. A splice on the
/// core itself took no less for long files, and waits there for the disk.
const BULK: u64 = 1 << 20;

/// Sends a part of a file, from `range.start` to `range.end`, and tells how many bytes that were:
/// fewer than the range has if the file ends before.
///
/// To a connection, or its writing half, a part of 1 MiB and more does not pass through the memory
/// of the process: the kernel's pages of the file go through a pipe into the socket, as with
/// `sendfile(2)`. So what the client gets is what the file has when the kernel sends it: bytes that
/// are changed meanwhile may come in the old or the new state. The disk is waited for on one of the
/// kernel's threads, never on the core. A core has 32 pipes for this, of 1 MiB, of which one is
/// taken while the writer is held up. What gets none, shorter parts, other writers, and all in a
/// process that does not ignore `SIGPIPE` (see [`copy`](super::copy())) go through a buffer of
/// 64 KiB; and so do files of a server in user space (FUSE), of which a splice may tell an end that
/// is none.
///
/// The writer is flushed, and not shut down.
///
/// # Cancellation
///
/// The error tells through [`transferred`](super::transferred) how many bytes the writer has taken:
/// the rest can be sent later, from `range.start` and so many bytes on. When the future is dropped,
/// that is not known.
///
/// # Errors
///
/// The errors of [`File::read_at`] and of the writer, with the count.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs::{self, File};
/// use nestling_runtime::io::send_file;
/// use nestling_runtime::net::UnixStream;
///
/// nestling_runtime::block_on(async {
///     let path = std::env::temp_dir().join(format!("nestling-send-{}", std::process::id()));
///     fs::write(&path, "hello, world").await?;
///     let (server, client) = UnixStream::pair()?;
///     let file = File::open(&path).await?;
///     assert_eq!(send_file(&file, 7..100, &mut &server).await?, 5);
///     assert_eq!(client.read_exact(vec![0; 5]).await.1, b"world");
///     fs::remove_file(&path).await
/// })
/// # }
/// ```
pub async fn send_file<W: AsyncWrite>(
    file: &File,
    range: Range<u64>,
    writer: &mut W,
) -> io::Result<u64> {
    let mut sent = 0;
    let ended = send(file, range, writer, &mut |bytes| sent += bytes).await;
    ended.map_err(|error| Transferred::wrap(sent, error))?;
    Ok(sent as u64)
}

/// One piece after the other; tells `note` how much has gone each time, also of one that fails.
async fn send<W: AsyncWrite>(
    file: &File,
    Range { mut start, end }: Range<u64>,
    writer: &mut W,
    note: &mut impl FnMut(usize),
) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut may_splice = end.saturating_sub(start) >= BULK && file.may_be_spliced();
    if start >= end {
        consume_budget().await;
    }
    while start < end {
        let left = end - start;
        let spliced = match writer.sends_to().filter(|_| may_splice) {
            // Boxed: most files are small.
            Some(to) => Box::pin(splice::send_part(file, start, left, to, note)).await?,
            None => Part::NoPipe,
        };
        may_splice &= spliced != Part::Unspliceable;
        let moved = match spliced {
            Part::Moved(moved) => moved,
            Part::NoPipe | Part::Unspliceable => {
                let length = left.min(SIZE) as usize;
                piece(file, start, length, &mut buffer, writer, note).await?
            }
        };
        if moved == 0 {
            break;
        }
        start += moved as u64;
    }
    Ok(())
}

/// Reads a part of the file and writes that; returns how much it was.
async fn piece<W: AsyncWrite>(
    file: &File,
    offset: u64,
    length: usize,
    buffer: &mut Vec<u8>,
    writer: &mut W,
    note: &mut impl FnMut(usize),
) -> io::Result<usize> {
    let mut bytes = std::mem::take(buffer);
    bytes.clear();
    bytes.reserve_exact(length);
    let (result, part) = file.read_at(bytes.slice(..length), offset).await;
    let length = result?;
    let (result, bytes) = writer.write_all(part.into_inner()).await;
    if let Err(error) = result {
        let (gone, error) = Transferred::split(error);
        note(gone);
        return Err(error);
    }
    note(length);
    writer.flush().await?;
    *buffer = bytes;
    Ok(length)
}

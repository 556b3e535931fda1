//! `copy`: all that a source has goes to a sink.

use super::{AsyncRead, AsyncWrite};
use crate::net::Transferred;
use std::io;

/// The buffer of a [`copy`], in bytes.
const SIZE: usize = 64 << 10;

/// Reads to the end of `reader`, writes all to `writer`, and tells how many bytes that were.
///
/// There is one buffer, of 64 KiB; [`copy_with`] has one of another size. What was read is written
/// and flushed before the next read, so nothing waits in a writer with a buffer for more to come.
/// The writer is not shut down.
///
/// # Cancellation
///
/// The error tells through [`transferred`](crate::net::transferred) how many bytes `writer` has
/// taken; what was read and not written is lost, at most one buffer. The same is lost when the
/// future is dropped during a write. When it is dropped during a read, nothing is, if the reader
/// keeps what it has, as sockets do.
///
/// # Errors
///
/// Those of the reader and the writer, with the count.
///
/// # Examples
///
/// ```
/// use nestling_runtime::io::copy;
/// use nestling_runtime::net::{TcpListener, TcpStream};
///
/// # fn main() -> std::io::Result<()> {
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _) = listener.accept().await?;
///     assert_eq!(copy(&mut &b"hello"[..], &mut &client).await?, 5);
///     client.shutdown(std::net::Shutdown::Write).await?;
///     let mut received = Vec::new();
///     assert_eq!(copy(&mut &server, &mut received).await?, 5);
///     assert_eq!(received, b"hello");
///     Ok(())
/// })
/// # }
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead,
    W: AsyncWrite,
{
    copy_with(reader, writer, SIZE).await
}

/// A [`copy`] with a buffer of so many bytes; at least one.
///
/// # Cancellation
///
/// As [`copy`].
///
/// # Errors
///
/// As [`copy`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::io::copy_with;
///
/// nestling_runtime::block_on(async {
///     let mut copied = Vec::new();
///     let bytes = copy_with(&mut &b"hello"[..], &mut copied, 2).await.unwrap();
///     assert_eq!((bytes, &copied[..]), (5, &b"hello"[..]));
/// });
/// ```
pub async fn copy_with<R, W>(reader: &mut R, writer: &mut W, size: usize) -> io::Result<u64>
where
    R: AsyncRead,
    W: AsyncWrite,
{
    let mut copied = 0;
    let ended = relay(reader, writer, size, |bytes| copied += bytes).await;
    ended.map_err(|error| Transferred::wrap(copied, error))?;
    Ok(copied as u64)
}

/// The loop of a copy. Tells `note` how many bytes have gone each time, also of a write that fails,
/// so that a copy that is cut has a count as well. The error is without one.
pub async fn relay<R, W>(
    reader: &mut R,
    writer: &mut W,
    size: usize,
    mut note: impl FnMut(usize),
) -> io::Result<()>
where
    R: AsyncRead,
    W: AsyncWrite,
{
    let mut buffer = Vec::with_capacity(size.max(1));
    loop {
        let (result, mut full) = reader.read(buffer).await;
        let length = result?;
        full.truncate(length);
        if length > 0 {
            let (result, all) = writer.write_all(full).await;
            if let Err(error) = result {
                let (gone, error) = Transferred::split(error);
                note(gone);
                return Err(error);
            }
            note(length);
            full = all;
        }
        writer.flush().await?;
        if length == 0 {
            return Ok(());
        }
        full.clear();
        buffer = full;
    }
}

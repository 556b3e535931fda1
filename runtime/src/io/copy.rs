//! `copy`: all that a source has goes to a sink.

use super::{AsyncRead, AsyncWrite, splice};
use crate::net::Transferred;
use std::io;

/// The buffer of a [`copy`], in bytes.
const SIZE: usize = 64 << 10;

/// After so many bytes that came as fast as they were read, they go from socket to socket without
/// the buffer. Measured with the benchmark `proxy`.
const BULK: usize = 32 << 10;

/// Reads to the end of `reader`, writes all to `writer`, and tells how many bytes that were.
///
/// There is one buffer, of 64 KiB; [`copy_with`] has one of another size. What was read is written
/// and flushed before the next read, so nothing waits in a writer with a buffer for more to come.
/// The writer is not shut down.
///
/// Between connections, or their halves, what comes in bulk does not pass through the buffer: once
/// reads have filled it for 32 KiB and there is more, bytes go from socket to socket within the
/// kernel (`splice`), until they come in small pieces again. That takes a third of the CPU time. A
/// core has 64 pipes for this, of 256 KiB, of which a copy has one while its writer is held up; a
/// copy that gets none goes on with its buffer. So does every copy in a process that does not
/// ignore `SIGPIPE`, as Rust's programs do, because `splice` cannot be told not to raise it.
///
/// For a part of a file there is [`send_file`](super::send_file()).
///
/// # Cancellation
///
/// The error tells through [`transferred`](crate::net::transferred) how many bytes `writer` has
/// taken; what was read and not written is lost, at most one buffer, or one pipe. The same is lost
/// when the future is dropped during a write. When it is dropped during a read, nothing is, if the
/// reader keeps what it has, as sockets do.
///
/// # Errors
///
/// The errors of the reader and of the writer, with the count.
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
    // Bytes of the last reads, if each has filled the buffer.
    let mut run = 0;
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
        run = if length == full.capacity() { run + length } else { 0 };
        if run >= BULK
            && let Some((from, to)) = reader.receives_from().zip(writer.sends_to())
        {
            // Boxed, because most copies never come here.
            Box::pin(splice::forward(from, to, &mut note)).await?;
            run = 0;
        }
        full.clear();
        buffer = full;
    }
}

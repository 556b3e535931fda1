//! `AsyncWrite`: where bytes go.

use crate::buf::{BufResult, IoBuf};
use crate::net::{Stream, Transferred};
use crate::yield_now::consume_budget;
use std::future::Future;
use std::io;

/// A sink of bytes that writes from buffers which it owns meanwhile.
///
/// # Examples
///
/// ```
/// use nestling_runtime::io::AsyncWrite;
/// use std::io;
///
/// async fn greet(writer: &mut impl AsyncWrite) -> io::Result<()> {
///     writer.write_all("hello").await.0?;
///     writer.flush().await
/// }
///
/// # fn main() -> io::Result<()> {
/// nestling_runtime::block_on(async {
///     let mut bytes = Vec::new();
///     greet(&mut bytes).await?;
///     assert_eq!(bytes, b"hello");
///     Ok(())
/// })
/// # }
/// ```
pub trait AsyncWrite {
    /// Writes from the start of `buffer`; tells how many bytes were taken, which is never more than
    /// it has.
    ///
    /// # Cancellation
    ///
    /// The sink decides. What was written while the write is cancelled is reported; how much has
    /// gone of a write whose future was dropped is not known.
    ///
    /// # Errors
    ///
    /// The errors of the sink, and cancellation. The buffer comes back in any case, and nothing of
    /// it has gone.
    fn write<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>>;

    /// Writes all of `buffer`.
    ///
    /// # Cancellation
    ///
    /// As [`write`](Self::write). The error tells through [`transferred`](crate::net::transferred)
    /// how many bytes had gone; a sink that writes in a way of its own is to say so as well.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write), with the count; `WriteZero` if the sink takes no more.
    ///
    /// # Panics
    ///
    /// When the sink says that it took more than there was.
    fn write_all<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        write_all(self, buffer)
    }

    /// Hands on what the sink itself has kept back. Sockets keep nothing.
    ///
    /// # Errors
    ///
    /// The errors of the sink, and cancellation.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>>;

    /// Flushes, then ends the stream: the other side reads to the end of what was written. Nothing
    /// can be written any more; what the other side sends can still be read.
    ///
    /// # Errors
    ///
    /// The errors of the sink, and cancellation.
    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>>;

    /// The connection, if writes do nothing else than to send on it: copies may put bytes there.
    /// Only this crate can name it.
    #[doc(hidden)]
    fn sends_to(&self) -> Option<&Stream> {
        None
    }
}

/// One write after the other, until all has gone.
async fn write_all<W, B>(writer: &mut W, mut buffer: B) -> BufResult<(), B>
where
    W: AsyncWrite + ?Sized,
    B: IoBuf,
{
    let length = buffer.io_len();
    if length == 0 {
        consume_budget().await;
    }
    let mut done = 0;
    while done < length {
        let (result, part) = writer.write(buffer.slice(done..length)).await;
        buffer = part.into_inner();
        let failure = match result {
            Ok(0) => io::Error::from(io::ErrorKind::WriteZero),
            Ok(taken) => {
                done += taken;
                assert!(done <= length, "a write that was given less took {taken} bytes");
                continue;
            }
            Err(error) => error,
        };
        return (Err(Transferred::wrap(done, failure)), buffer);
    }
    (Ok(()), buffer)
}

impl<W: AsyncWrite> AsyncWrite for &mut W {
    fn write<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        W::write(self, buffer)
    }

    fn write_all<B: IoBuf>(&mut self, buffer: B) -> impl Future<Output = BufResult<(), B>> {
        W::write_all(self, buffer)
    }

    fn flush(&mut self) -> impl Future<Output = io::Result<()>> {
        W::flush(self)
    }

    fn shutdown(&mut self) -> impl Future<Output = io::Result<()>> {
        W::shutdown(self)
    }

    fn sends_to(&self) -> Option<&Stream> {
        W::sends_to(self)
    }
}

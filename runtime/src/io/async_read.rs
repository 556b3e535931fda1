//! `AsyncRead`: where bytes come from.

use crate::buf::{BufResult, IoBufMut};
use crate::net::Stream;
use std::future::Future;

/// A source of bytes that reads into buffers which it owns meanwhile.
///
/// # Examples
///
/// ```
/// use nestling_runtime::buf::{BufResult, IoBufMut};
/// use nestling_runtime::io::AsyncRead;
///
/// /// Counts what comes through.
/// struct Counted<R>(R, usize);
///
/// impl<R: AsyncRead> AsyncRead for Counted<R> {
///     async fn read<B: IoBufMut>(&mut self, buffer: B) -> BufResult<usize, B> {
///         let (result, buffer) = self.0.read(buffer).await;
///         self.1 += result.as_ref().unwrap_or(&0);
///         (result, buffer)
///     }
/// }
///
/// nestling_runtime::block_on(async {
///     let mut reader = Counted(&b"hello, world"[..], 0);
///     let (result, buffer) = reader.read(Vec::with_capacity(5)).await;
///     assert_eq!((result.unwrap(), &buffer[..]), (5, &b"hello"[..]));
///     assert_eq!(reader.1, 5);
/// });
/// ```
pub trait AsyncRead {
    /// Reads into `buffer`, over what is in it from its start, up to its capacity; tells how many
    /// bytes there were, which are those at its start. Zero is the end, or a buffer without
    /// capacity.
    ///
    /// # Cancellation
    ///
    /// The source decides: [`TcpStream::read`](crate::net::TcpStream::read) keeps for the next read
    /// what comes for one whose future was dropped, and only the buffer is lost. A source of your
    /// own that keeps nothing says so.
    ///
    /// # Errors
    ///
    /// The errors of the source, and cancellation. The buffer comes back in any case.
    fn read<B: IoBufMut>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>>;

    /// The connection, if reads do nothing else than to receive from it: copies may take bytes from
    /// there. Only this crate can name it.
    #[doc(hidden)]
    fn receives_from(&self) -> Option<&Stream> {
        None
    }
}

impl<R: AsyncRead> AsyncRead for &mut R {
    fn read<B: IoBufMut>(&mut self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        R::read(self, buffer)
    }

    fn receives_from(&self) -> Option<&Stream> {
        R::receives_from(self)
    }
}

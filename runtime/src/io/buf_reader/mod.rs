//! `BufReader`: lines, and parts of a known length, out of a source that gives bytes as they come.
//!
//! ```text
//!   inner ──▶ buffer ──▶ the caller
//!               │ a line goes on in what is read next, or a call was dropped in the middle
//!               └──▶ kept ──▶ the buffer again, at the next call
//! ```

mod lines;
mod read;

pub use lines::Lines;

use super::{AsyncRead, BUFFER};
use crate::yield_now::consume_budget;
use std::{fmt, io, mem};

/// The longest line, in bytes, unless it is said otherwise.
const MAX_LINE: usize = 1 << 20;

/// A source with a buffer: it reads much at a time, and gives little at a time.
///
/// Its methods take slices, vectors and strings that are borrowed, and return plain results. There
/// is a limit for lines, so that no peer can take all memory: 1 MiB, or what
/// [`set_max_line`](Self::set_max_line) says.
///
/// # Cancellation
///
/// A call whose future is dropped, or that fails, has taken nothing: what it had read of a line, or
/// of an exact length, is there for the next call. (But `read_exact`, when it fails, has filled a
/// part of the caller's slice, and says how much; and `read_to_end` leaves what it read where it
/// put it.) That holds if the source loses nothing when a read is dropped, as sockets do; the
/// buffer that was lent then is lost, and the next call makes another one.
///
/// What is in the buffer is given to cancelled tasks as well.
///
/// # Examples
///
/// Both directions of one stream: an answer for each line.
///
/// ```
/// use nestling_runtime::io::BufReader;
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// use std::io;
/// use std::net::Shutdown;
///
/// async fn shout(stream: TcpStream) -> io::Result<()> {
///     let mut lines = BufReader::new(&stream).lines();
///     while let Some(line) = lines.next_line().await? {
///         stream.write_all(line.to_uppercase() + "\n").await.0?;
///     }
///     stream.shutdown(Shutdown::Write).await
/// }
///
/// # fn main() -> io::Result<()> {
/// # nestling_runtime::block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let client = TcpStream::connect(listener.local_addr()?).await?;
/// client.write_all("hello\nworld\r\n").await.0?;
/// client.shutdown(Shutdown::Write).await?;
/// shout(listener.accept().await?.0).await?;
///
/// let mut answers = String::new();
/// let mut reader = BufReader::new(&client);
/// while reader.read_line(&mut answers).await? > 0 {}
/// assert_eq!(answers, "HELLO\nWORLD\n");
/// # Ok(())
/// # })
/// # }
/// ```
pub struct BufReader<R> {
    inner: R,
    /// What was read. Lent while more is read, which happens when all of it was taken.
    buffer: Vec<u8>,
    /// How many bytes of the buffer were taken.
    taken: usize,
    /// What comes next, before the buffer. Between calls there is nothing in one of the two.
    kept: Vec<u8>,
    capacity: usize,
    max_line: usize,
}

impl<R> BufReader<R> {
    /// A reader with a buffer of 8 KiB.
    pub fn new(inner: R) -> Self {
        Self::with_capacity(BUFFER, inner)
    }

    /// A reader with a buffer of so many bytes; at least one. It is allocated by the first call.
    pub fn with_capacity(capacity: usize, inner: R) -> Self {
        let capacity = capacity.max(1);
        let (buffer, kept) = (Vec::new(), Vec::new());
        Self { inner, buffer, taken: 0, kept, capacity, max_line: MAX_LINE }
    }

    /// Lets lines, and what [`read_until`](Self::read_until) looks for, have so many bytes at most,
    /// with their end.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::io::BufReader;
    /// use std::io::ErrorKind;
    ///
    /// nestling_runtime::block_on(async {
    ///     let mut reader = BufReader::new(&b"GET / HTTP/1.1\r\n"[..]);
    ///     reader.set_max_line(10);
    ///     let error = reader.read_line(&mut String::new()).await.unwrap_err();
    ///     assert_eq!(error.kind(), ErrorKind::InvalidData);
    /// });
    /// ```
    pub fn set_max_line(&mut self, bytes: usize) {
        self.max_line = bytes;
    }

    /// The source.
    pub fn get_ref(&self) -> &R {
        &self.inner
    }

    /// The source. What is read from it directly comes after what is in the buffer.
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.inner
    }

    /// The source. What is in the buffer is lost; look at [`buffer`](Self::buffer) before.
    pub fn into_inner(self) -> R {
        self.inner
    }

    /// What was read and not taken. Reads nothing.
    pub fn buffer(&self) -> &[u8] {
        if self.kept.is_empty() { &self.buffer[self.taken..] } else { &self.kept }
    }

    /// Takes so many bytes of the buffer: as many as it has, at most.
    pub fn consume(&mut self, bytes: usize) {
        self.restore();
        self.taken = self.taken.saturating_add(bytes).min(self.buffer.len());
    }

    /// What was kept comes first. Only when nothing is in the buffer.
    fn restore(&mut self) {
        if !self.kept.is_empty() {
            self.buffer = mem::take(&mut self.kept);
            self.taken = 0;
        }
    }

    /// Moves bytes from the buffer to what is kept.
    fn keep(&mut self, bytes: usize) {
        let end = self.taken + bytes;
        self.kept.extend_from_slice(&self.buffer[self.taken..end]);
        self.taken = end;
    }
}

impl<R: AsyncRead> BufReader<R> {
    /// What is in the buffer; if there is nothing, what is read next. Empty at the end only. Call
    /// [`consume`](Self::consume) with what you have taken.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// The errors of the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::io::BufReader;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     let mut reader = BufReader::new(&b"hello"[..]);
    ///     assert_eq!(reader.fill_buf().await?, b"hello");
    ///     reader.consume(4);
    ///     assert_eq!(reader.fill_buf().await?, b"o");
    ///     reader.consume(1);
    ///     assert!(reader.fill_buf().await?.is_empty());
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.fill().await?;
        Ok(&self.buffer[self.taken..])
    }

    /// Sees to it that something is in the buffer, unless the source has ended.
    async fn fill(&mut self) -> io::Result<()> {
        self.restore();
        if self.taken == self.buffer.len() {
            return self.refill().await;
        }
        consume_budget().await;
        Ok(())
    }

    /// Reads into the buffer, of which everything was taken.
    async fn refill(&mut self) -> io::Result<()> {
        // If this future is dropped, there is none.
        let mut buffer = mem::take(&mut self.buffer);
        self.taken = 0;
        buffer.clear();
        // What was kept can have any size.
        if !(self.capacity..=self.capacity.saturating_mul(2)).contains(&buffer.capacity()) {
            buffer = Vec::with_capacity(self.capacity);
        }
        let (result, mut buffer) = self.inner.read(buffer).await;
        buffer.truncate(*result.as_ref().unwrap_or(&0));
        self.buffer = buffer;
        result.map(drop)
    }
}

impl<R: fmt::Debug> fmt::Debug for BufReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("inner", &self.inner)
            .field("buffered", &self.buffer().len())
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

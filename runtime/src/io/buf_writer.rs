//! `BufWriter`: gathers small writes, so that much goes at a time.

use super::{AsyncWrite, BUFFER};
use crate::buf::{BufResult, IoBuf};
use crate::net::{Transferred, transferred};
use crate::yield_now::consume_budget;
use std::{fmt, io, mem};

/// A sink with a buffer. Its methods take slices that are borrowed, and return plain results.
///
/// Nothing is sent by itself but what the buffer has no room for: [`flush`](Self::flush) at the end
/// of each message. What was not flushed when the writer is dropped is lost, because a drop cannot
/// wait.
///
/// # Cancellation
///
/// A call that fails or is cancelled tells through [`transferred`](crate::net::transferred) how
/// many bytes it took, and the writer has kept exactly those that have not gone: the next call goes
/// on behind them. When the *future* of a call is dropped while bytes are on their way, it is not
/// known how many have gone. The writer is broken then, and each further call is an error: no byte
/// is sent twice, and none is left out.
///
/// # Examples
///
/// Messages that begin with their length, each of which is sent at once:
///
/// ```
/// use nestling_runtime::io::{BufReader, BufWriter};
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// use std::io;
///
/// async fn send(writer: &mut BufWriter<&TcpStream>, message: &[u8]) -> io::Result<()> {
///     writer.write_all(&(message.len() as u32).to_be_bytes()).await?;
///     writer.write_all(message).await?;
///     writer.flush().await
/// }
///
/// async fn receive(reader: &mut BufReader<&TcpStream>) -> io::Result<Vec<u8>> {
///     let mut length = [0; 4];
///     reader.read_exact(&mut length).await?;
///     // Of a peer that is not trusted, look at the length first.
///     let mut message = vec![0; u32::from_be_bytes(length) as usize];
///     reader.read_exact(&mut message).await?;
///     Ok(message)
/// }
///
/// # fn main() -> io::Result<()> {
/// # nestling_runtime::block_on(async {
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// let client = TcpStream::connect(listener.local_addr()?).await?;
/// let (server, _) = listener.accept().await?;
///
/// // Both directions of one stream.
/// let (mut requests, mut answers) = (BufReader::new(&server), BufWriter::new(&server));
/// send(&mut BufWriter::new(&client), b"ping").await?;
/// assert_eq!(receive(&mut requests).await?, b"ping");
/// send(&mut answers, b"pong").await?;
/// assert_eq!(receive(&mut BufReader::new(&client)).await?, b"pong");
/// # Ok(())
/// # })
/// # }
/// ```
pub struct BufWriter<W> {
    inner: W,
    /// What was written and has not gone. Lent while it goes.
    buffer: Vec<u8>,
    capacity: usize,
    /// Something is on its way, and has not come back with a count.
    is_lent: bool,
}

impl<W> BufWriter<W> {
    /// A writer with a buffer of 8 KiB.
    pub fn new(inner: W) -> Self {
        Self::with_capacity(BUFFER, inner)
    }

    /// A writer with a buffer of so many bytes; at least one. It is allocated by the first write.
    pub fn with_capacity(capacity: usize, inner: W) -> Self {
        Self { inner, buffer: Vec::new(), capacity: capacity.max(1), is_lent: false }
    }

    /// The sink.
    pub fn get_ref(&self) -> &W {
        &self.inner
    }

    /// The sink. What is written to it directly goes before what is in the buffer.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.inner
    }

    /// The sink. What is in the buffer is lost; flush before.
    pub fn into_inner(self) -> W {
        self.inner
    }

    /// What was written and has not gone.
    pub fn buffer(&self) -> &[u8] {
        &self.buffer
    }

    /// # Errors
    ///
    /// How much the sink has taken is not known.
    fn check(&self) -> io::Result<()> {
        if !self.is_lent {
            return Ok(());
        }
        let text = "a call of this `BufWriter` was dropped while bytes were on their way, or its \
                    sink failed without a count: what has gone is not known, so close the stream";
        Err(io::Error::other(text))
    }

    /// Takes as much as there is room for; tells how much that was.
    fn push(&mut self, bytes: &[u8]) -> usize {
        let length = self.capacity.saturating_sub(self.buffer.len()).min(bytes.len());
        if length > 0 && self.buffer.capacity() < self.capacity {
            self.buffer.reserve_exact(self.capacity - self.buffer.len());
        }
        self.buffer.extend_from_slice(&bytes[..length]);
        length
    }
}

impl<W: AsyncWrite> BufWriter<W> {
    /// Takes all of `bytes` into the buffer; sends it each time when there is no more room.
    ///
    /// # Cancellation
    ///
    /// Nothing was taken when the future is dropped; but if that was while bytes were on their way,
    /// the writer is broken.
    ///
    /// # Errors
    ///
    /// The errors of the sink, and cancellation. The error tells through
    /// [`transferred`](crate::net::transferred) how many of the bytes were taken, into the buffer
    /// or beyond it: go on with those behind them. Or the writer is broken.
    ///
    /// # Examples
    ///
    /// ```
    /// use nestling_runtime::io::BufWriter;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// nestling_runtime::block_on(async {
    ///     let mut writer = BufWriter::with_capacity(8, Vec::new());
    ///     writer.write_all(b"hello, ").await?;
    ///     assert_eq!(writer.get_ref(), b"");
    ///     writer.write_all(b"world").await?;
    ///     assert_eq!((&writer.get_ref()[..], writer.buffer()), (&b"hello, w"[..], &b"orld"[..]));
    ///     writer.flush().await?;
    ///     assert_eq!(writer.into_inner(), b"hello, world");
    ///     Ok(())
    /// })
    /// # }
    /// ```
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.check()?;
        consume_budget().await;
        let mut done = self.push(bytes);
        while done < bytes.len() {
            let sent = self.send().await;
            sent.map_err(|error| Transferred::wrap(done, Transferred::split(error).1))?;
            done += self.push(&bytes[done..]);
        }
        Ok(())
    }

    /// Sends what is in the buffer, and flushes the sink.
    ///
    /// # Cancellation
    ///
    /// The buffer keeps what has not gone. If the future is dropped, the writer is broken, unless
    /// there was nothing to send.
    ///
    /// # Errors
    ///
    /// The errors of the sink, and cancellation. The buffer keeps what has not gone, and the error
    /// tells through [`transferred`](crate::net::transferred) how much has. Or the writer is
    /// broken.
    pub async fn flush(&mut self) -> io::Result<()> {
        self.send().await?;
        self.inner.flush().await
    }

    /// Sends what is in the buffer, then ends the stream: the other side reads to the end of it.
    ///
    /// # Cancellation
    ///
    /// As [`flush`](Self::flush).
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush). What failed can be called again.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        self.send().await?;
        self.inner.shutdown().await
    }

    /// Sends what is in the buffer.
    async fn send(&mut self) -> io::Result<()> {
        self.check()?;
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.is_lent = true;
        let (result, mut buffer) = self.inner.write_all(mem::take(&mut self.buffer)).await;
        let sent = match &result {
            Ok(()) => Some(buffer.len()),
            Err(error) => transferred(error),
        };
        self.is_lent = sent.is_none();
        buffer.drain(..sent.unwrap_or(usize::MAX).min(buffer.len()));
        self.buffer = buffer;
        result
    }

    /// Sends what is in the buffer, if that leaves no room for so many bytes.
    async fn make_room(&mut self, bytes: usize) -> io::Result<()> {
        self.check()?;
        if self.buffer.len() + bytes > self.capacity {
            let sent = self.send().await;
            return sent.map_err(|error| Transferred::split(error).1);
        }
        consume_budget().await;
        Ok(())
    }
}

/// What is not smaller than the buffer goes to the sink itself, without a copy, after what is in
/// the buffer.
impl<W: AsyncWrite> AsyncWrite for BufWriter<W> {
    async fn write<B: IoBuf>(&mut self, buffer: B) -> BufResult<usize, B> {
        let length = buffer.io_len();
        if let Err(error) = self.make_room(length).await {
            return (Err(error), buffer);
        }
        if length < self.capacity {
            return (Ok(self.push(buffer.as_bytes())), buffer);
        }
        self.is_lent = true;
        let answer = self.inner.write(buffer).await;
        self.is_lent = false;
        answer
    }

    async fn write_all<B: IoBuf>(&mut self, buffer: B) -> BufResult<(), B> {
        let length = buffer.io_len();
        if let Err(error) = self.make_room(length).await {
            return (Err(Transferred::wrap(0, error)), buffer);
        }
        if length < self.capacity {
            self.push(buffer.as_bytes());
            return (Ok(()), buffer);
        }
        self.is_lent = true;
        let (result, buffer) = self.inner.write_all(buffer).await;
        self.is_lent = result.as_ref().is_err_and(|error| transferred(error).is_none());
        (result, buffer)
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.flush().await
    }

    async fn shutdown(&mut self) -> io::Result<()> {
        self.shutdown().await
    }
}

impl<W: fmt::Debug> fmt::Debug for BufWriter<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufWriter")
            .field("inner", &self.inner)
            .field("buffered", &self.buffer.len())
            .field("capacity", &self.capacity)
            .field("broken", &self.is_lent)
            .finish()
    }
}

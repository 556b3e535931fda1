//! Reads of a number of bytes: as many as there are, exactly so many, or all.

use super::BufReader;
use crate::buf::{self, BufResult, IoBufMut};
use crate::io::AsyncRead;
use crate::net::Transferred;
use crate::yield_now::consume_budget;
use std::io;

impl<R: AsyncRead> BufReader<R> {
    /// Reads into `bytes` what there is; waits if there is nothing. Zero is the end, or an empty
    /// slice. To read into an owned buffer, call [`AsyncRead::read`] by this name.
    ///
    /// # Cancellation
    ///
    /// Nothing is lost when the future is dropped.
    ///
    /// # Errors
    ///
    /// The errors of the source.
    pub async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            consume_budget().await;
            return Ok(0);
        }
        self.fill().await?;
        Ok(self.take(bytes))
    }

    /// Fills `bytes`.
    ///
    /// # Cancellation
    ///
    /// When the future is dropped, the reader has all that had come, from the first byte on, for
    /// the next call. When it fails, the slice has it.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the source ends before; else the errors of the source. The error tells
    /// through [`transferred`](crate::net::transferred) how many bytes had come.
    ///
    /// # Examples
    ///
    /// Messages that begin with their length:
    ///
    /// ```
    /// use nestling_runtime::io::{AsyncRead, BufReader};
    /// use std::io;
    ///
    /// async fn message(reader: &mut BufReader<impl AsyncRead>) -> io::Result<Vec<u8>> {
    ///     let mut length = [0; 4];
    ///     reader.read_exact(&mut length).await?;
    ///     let length = u32::from_be_bytes(length) as usize;
    ///     if length > 1 << 20 {
    ///         return Err(io::Error::new(io::ErrorKind::InvalidData, "a message of over 1 MiB"));
    ///     }
    ///     let mut message = vec![0; length];
    ///     reader.read_exact(&mut message).await?;
    ///     Ok(message)
    /// }
    ///
    /// # fn main() -> io::Result<()> {
    /// # nestling_runtime::block_on(async {
    /// let mut reader = BufReader::new(&b"\0\0\0\x05hello\0\0\0\0\0\0"[..]);
    /// assert_eq!(message(&mut reader).await?, b"hello");
    /// assert_eq!(message(&mut reader).await?, b"");
    /// let error = message(&mut reader).await.unwrap_err();
    /// assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    /// # Ok(())
    /// # })
    /// # }
    /// ```
    pub async fn read_exact(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        if bytes.is_empty() {
            consume_budget().await;
            return Ok(());
        }
        let mut part = Part { reader: self, bytes, done: 0 };
        let result = part.complete().await;
        let done = std::mem::take(&mut part.done);
        result.map_err(|error| Transferred::wrap(done, error))
    }

    /// Appends all that comes up to the end of the source, and tells how many bytes that were.
    ///
    /// There is no limit: of a peer that is not trusted, [`read`](Self::read) what you have room
    /// for.
    ///
    /// # Cancellation
    ///
    /// What has come by then is in the vector, also when the future is dropped.
    ///
    /// # Errors
    ///
    /// The errors of the source, which tell through [`transferred`](crate::net::transferred) how
    /// many bytes were appended.
    pub async fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let mut done = 0;
        loop {
            self.fill().await.map_err(|error| Transferred::wrap(done, error))?;
            let rest = self.buffer();
            if rest.is_empty() {
                return Ok(done);
            }
            bytes.extend_from_slice(rest);
            done += rest.len();
            self.taken = self.buffer.len();
        }
    }

    /// Takes what is in the buffer and has room.
    fn take(&mut self, bytes: &mut [u8]) -> usize {
        let rest = self.buffer();
        let length = rest.len().min(bytes.len());
        bytes[..length].copy_from_slice(&rest[..length]);
        self.taken += length;
        length
    }
}

/// What an exact read has taken. When that is dropped, the reader gets it back.
struct Part<'a, R> {
    reader: &'a mut BufReader<R>,
    bytes: &'a mut [u8],
    done: usize,
}

impl<R: AsyncRead> Part<'_, R> {
    async fn complete(&mut self) -> io::Result<()> {
        while self.done < self.bytes.len() {
            self.reader.fill().await?;
            match self.reader.take(&mut self.bytes[self.done..]) {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.done += length,
            }
        }
        Ok(())
    }
}

impl<R> Drop for Part<'_, R> {
    fn drop(&mut self) {
        // The read was waiting for more bytes, so nothing else is in the reader.
        self.reader.kept.extend_from_slice(&self.bytes[..self.done]);
    }
}

/// What has come is given first. A buffer that is not smaller than that of the reader is then lent
/// to the source itself, without a copy.
impl<R: AsyncRead> AsyncRead for BufReader<R> {
    async fn read<B: IoBufMut>(&mut self, mut buffer: B) -> BufResult<usize, B> {
        if self.buffer().is_empty() && buffer.io_capacity() >= self.capacity {
            return self.inner.read(buffer).await;
        }
        if buffer.io_capacity() == 0 {
            consume_budget().await;
            return (Ok(0), buffer);
        }
        if let Err(error) = self.fill().await {
            return (Err(error), buffer);
        }
        let length = buf::fill(&mut buffer, 0, self.buffer());
        self.taken += length;
        (Ok(length), buffer)
    }
}

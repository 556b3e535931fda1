//! Reads and writes at places in a file.

use super::File;
use super::mounts::Way;
use super::opening::{Opened, may_call};
use super::placed::Placed;
use super::pooled;
use crate::buf::{BufResult, IoBuf, IoBufMut, Transferred};
use crate::op::{Each, ReadEachAt, ReadOp, WriteEachAt, WriteOp};
use crate::sys;
use crate::yield_now::consume_budget;
use std::future::Future;
use std::io;

/// The least that is read to the end of a file in one go.
const CHUNK: usize = 32 << 10;

impl File {
    /// Reads what is at `offset` into `buffer`, over what is in it from its start, up to its
    /// capacity; tells how many bytes there were. Zero is the end of the file, or a buffer without
    /// capacity. There may be fewer before the end, which is rare.
    ///
    /// What has no places, such as a pipe, gives what comes next, and waits for it.
    ///
    /// # Cancellation
    ///
    /// What a disk has begun to read it reads; the buffer comes back, or is freed, after that. From
    /// a pipe, bytes are lost that were read for a future which was dropped.
    ///
    /// A file whose server is in user space (FUSE) is read by a thread of the pool, at most 256 KiB
    /// at a time, because the kernel's ring may give wrong bytes of it (see [`fs`](super)). Such a
    /// read can be cancelled while it waits for the thread, as other blocking calls; once it has
    /// begun, it is waited for, and gives what it has read.
    ///
    /// # Errors
    ///
    /// The errors of `pread(2)`, and cancellation. The buffer comes back in any case.
    pub fn read_at<B: IoBufMut>(
        &self,
        buffer: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, B>> {
        self.read_behind(buffer, 0, Some(offset))
    }

    /// Reads where the open file stands, which moves on by what was read. All duplicates of the
    /// open file share that, also those of other processes, such as a standard stream: one read or
    /// write at a time. Places of one's own are those of [`read_at`](Self::read_at) and of a
    /// [`Cursor`](super::Cursor).
    ///
    /// # Cancellation
    ///
    /// As [`read_at`](Self::read_at); where the file stands when the future is dropped is not
    /// known.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Self::read_at).
    pub fn read<B: IoBufMut>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.read_behind(buffer, 0, None)
    }

    /// Whether the ring may give wrong bytes.
    pub(super) fn is_read_by_pool(&self) -> bool {
        self.way == Way::Pool
    }

    /// Reads behind the first `skip` bytes of the buffer.
    fn read_behind<B: IoBufMut>(
        &self,
        buffer: B,
        skip: usize,
        offset: Option<u64>,
    ) -> impl Future<Output = BufResult<usize, B>> {
        let begin = move |at, buffer| ReadOp::new(at, buffer, skip);
        let call = move |buffer| pooled::read(self, buffer, skip, offset);
        Placed::new(self, buffer, offset, begin, self.is_read_by_pool().then_some(call))
    }

    /// Reads as many bytes as [`io_exact`](IoBufMut::io_exact) says: the buffer's length, if it has
    /// one, else its capacity.
    ///
    /// # Cancellation
    ///
    /// As [`read_at`](Self::read_at). The error tells through
    /// [`transferred`](crate::io::transferred) how many bytes are in the buffer.
    ///
    /// # Errors
    ///
    /// As [`read_at`](Self::read_at), with the count; `UnexpectedEof` if the file ends before.
    pub async fn read_exact_at<B: IoBufMut>(&self, buffer: B, offset: u64) -> BufResult<(), B> {
        let wanted = buffer.io_exact().min(buffer.io_capacity());
        let mut part = buffer.slice(..wanted);
        let mut done = 0;
        if wanted == 0 {
            consume_budget().await;
        }
        while done < wanted {
            let result;
            let place = Some(offset.saturating_add(done as u64));
            (result, part) = self.read_behind(part, done, place).await;
            let failure = match result {
                Ok(0) => io::Error::from(io::ErrorKind::UnexpectedEof),
                Ok(read) => {
                    done += read;
                    continue;
                }
                Err(error) => error,
            };
            return (Err(Transferred::wrap(done, failure)), part.into_inner());
        }
        (Ok(()), part.into_inner())
    }

    /// Reads into several buffers, one after the other: each is filled to its capacity before the
    /// next one.
    ///
    /// # Cancellation
    ///
    /// As [`read_at`](Self::read_at).
    ///
    /// # Errors
    ///
    /// As [`read_at`](Self::read_at).
    pub async fn readv_at<B: IoBufMut>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> BufResult<usize, Vec<B>> {
        let (buffers, offset) = (Each(buffers), Some(offset));
        let call = |buffers| pooled::read_each(self, buffers, offset);
        let call = self.is_read_by_pool().then_some(call);
        let reading = Placed::new(self, buffers, offset, ReadEachAt::new, call);
        let (result, Each(buffers)) = reading.await;
        (result, buffers)
    }

    /// Appends to `buffer` what is in the file from `offset` to its end; tells how many bytes.
    ///
    /// # Cancellation
    ///
    /// As [`read_exact_at`](Self::read_exact_at).
    ///
    /// # Errors
    ///
    /// As [`read_exact_at`](Self::read_exact_at), but for the end. `OutOfMemory`: there is no
    /// memory for it.
    pub async fn read_to_end(&self, buffer: Vec<u8>, offset: u64) -> BufResult<usize, Vec<u8>> {
        let length = self.length();
        self.read_rest(buffer, offset, length.map(|length| length.saturating_sub(offset))).await
    }

    /// Its length, if no server has to be asked for it, nor a thread of the kernel's.
    fn length(&self) -> Option<u64> {
        (self.way == Way::Ring).then(|| sys::length(&self.fd).unwrap_or(0))
    }

    /// All that is in a file that was opened for no more than that.
    pub(super) async fn read_whole(opened: Opened) -> io::Result<Vec<u8>> {
        let length = opened.length;
        let mut buffer = Vec::new();
        let is_file = opened.known.as_ref().is_ok_and(|known| known.kind == libc::S_IFREG);
        // On the spot: the ring would read it there, too.
        if let Some(length) = length.filter(|length| *length <= CHUNK as u64)
            && is_file
            && opened.way == Way::Ring
            && may_call().await
        {
            // One byte more shows that there is no more.
            buffer.reserve(length as usize + 1);
            match sys::read_cached(&opened.fd, &mut buffer, 0) {
                Ok(read) if read as u64 == length => return Ok(buffer),
                // A part of it is in the cache, or its file system has no such reads.
                _ => buffer.clear(),
            }
        }
        let file = Self::of(opened)?;
        let length = length.or_else(|| file.length());
        let (result, buffer) = file.read_rest(buffer, 0, length).await;
        result.map(|_| buffer)
    }

    /// Appends what is there from `offset`, which is expected to be so long, if that is known.
    async fn read_rest(
        &self,
        mut buffer: Vec<u8>,
        offset: u64,
        expected: Option<u64>,
    ) -> BufResult<usize, Vec<u8>> {
        let before = buffer.len();
        // One byte more: the read that finds the end does not have to grow the buffer.
        let mut more = expected.map_or(CHUNK, |expected| {
            usize::try_from(expected.saturating_add(1)).unwrap_or(usize::MAX)
        });
        loop {
            let (length, done) = (buffer.len(), buffer.len() - before);
            if buffer.capacity() == length
                && let Err(error) = buffer.try_reserve(more.max(1))
            {
                let error = io::Error::new(io::ErrorKind::OutOfMemory, error);
                return (Err(Transferred::wrap(done, error)), buffer);
            }
            more = CHUNK;
            let result;
            let place = Some(offset.saturating_add(done as u64));
            (result, buffer) = self.read_behind(buffer, length, place).await;
            match result {
                Ok(0) => return (Ok(done), buffer),
                Ok(read) => {
                    let done = done + read;
                    // There was room for more, and there is no more. What a server in user space
                    // gives may be short before the end.
                    let is_full = buffer.len() == buffer.capacity();
                    if Some(done as u64) == expected && !is_full && !self.is_read_by_pool() {
                        return (Ok(done), buffer);
                    }
                }
                Err(error) => return (Err(Transferred::wrap(done, error)), buffer),
            }
        }
    }

    /// Writes from the start of `buffer` to `offset`; tells how many bytes. They may be fewer than
    /// there are, such as when the disk is full after them. In a file opened with
    /// [`append`](super::OpenOptions::append), to its end.
    ///
    /// # Cancellation
    ///
    /// A write that was cancelled, or whose future was dropped, may have been done in whole, in
    /// part or not at all. With `O_DIRECT` to a server in user space, a thread of the pool writes,
    /// as it [reads](Self::read_at).
    ///
    /// # Errors
    ///
    /// The errors of `pwrite(2)`, such as `StorageFull`, and cancellation. The buffer comes back in
    /// any case.
    pub fn write_at<B: IoBuf>(
        &self,
        buffer: B,
        offset: u64,
    ) -> impl Future<Output = BufResult<usize, B>> {
        self.write_rest(buffer, 0, Some(offset))
    }

    /// Writes where the open file stands, which moves on by what was written: see
    /// [`read`](Self::read).
    ///
    /// # Cancellation
    ///
    /// As [`write_at`](Self::write_at); where the file stands when the future is dropped is not
    /// known.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub fn write<B: IoBuf>(&self, buffer: B) -> impl Future<Output = BufResult<usize, B>> {
        self.write_rest(buffer, 0, None)
    }

    /// The ring writes as it should, but not past the page cache. The flag may come and go.
    fn is_written_by_pool(&self) -> bool {
        self.is_read_by_pool() && sys::is_direct(&self.fd)
    }

    /// Writes what follows the first `skip` bytes of the buffer.
    fn write_rest<B: IoBuf>(
        &self,
        buffer: B,
        skip: usize,
        offset: Option<u64>,
    ) -> impl Future<Output = BufResult<usize, B>> {
        let begin = move |at, buffer| WriteOp::new(at, buffer, skip);
        let call = move |buffer| pooled::write(self, buffer, skip, offset);
        Placed::new(self, buffer, offset, begin, self.is_written_by_pool().then_some(call))
    }

    /// Writes all of `buffer` to `offset` and what follows it.
    ///
    /// # Cancellation
    ///
    /// As [`write_at`](Self::write_at). The error tells through
    /// [`transferred`](crate::io::transferred) how many bytes were written for certain.
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at), with the count; `WriteZero` if the file takes no more.
    pub async fn write_all_at<B: IoBuf>(&self, mut buffer: B, offset: u64) -> BufResult<(), B> {
        let length = buffer.io_len();
        let mut done = 0;
        if length == 0 {
            consume_budget().await;
        }
        while done < length {
            let result;
            let place = Some(offset.saturating_add(done as u64));
            (result, buffer) = self.write_rest(buffer, done, place).await;
            let failure = match result {
                Ok(0) => io::Error::from(io::ErrorKind::WriteZero),
                Ok(written) => {
                    done += written;
                    continue;
                }
                Err(error) => error,
            };
            return (Err(Transferred::wrap(done, failure)), buffer);
        }
        (Ok(()), buffer)
    }

    /// Writes from several buffers, one after the other.
    ///
    /// # Cancellation
    ///
    /// As [`write_at`](Self::write_at).
    ///
    /// # Errors
    ///
    /// As [`write_at`](Self::write_at).
    pub async fn writev_at<B: IoBuf>(
        &self,
        buffers: Vec<B>,
        offset: u64,
    ) -> BufResult<usize, Vec<B>> {
        let (buffers, offset) = (Each(buffers), Some(offset));
        let call = |buffers| pooled::write_each(self, buffers, offset);
        let call = self.is_written_by_pool().then_some(call);
        let writing = Placed::new(self, buffers, offset, WriteEachAt::new, call);
        let (result, Each(buffers)) = writing.await;
        (result, buffers)
    }
}

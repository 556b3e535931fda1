//! Reads and writes on a thread of the pool, for files of which the ring gives wrong bytes: see
//! [`Way::Pool`](super::mounts::Way).
//!
//! The thread has memory of its own, which is copied: so the caller's buffer is not lent. A server
//! in user space takes far longer than a copy. The memory is aligned, as `O_DIRECT` may ask.
//!
//! Only the server ends a call, so these calls have threads of their own: a server that is dead
//! does not keep those of other calls.

use super::File;
use super::placed::goes_on;
use crate::blocking::blocking_on;
use crate::buf::{AlignedBuf, BufResult, IoBuf, IoBufMut, fill};
use crate::op::Each;
use crate::sys;
use std::io;

/// The most that one call moves, in bytes.
const MOST: usize = 256 << 10;

/// What pages and disks are aligned to, in bytes.
const ALIGNMENT: usize = 4096;

/// Reads behind the first `skip` bytes of the buffer.
pub(super) async fn read<B: IoBufMut>(
    file: &File,
    mut buffer: B,
    skip: usize,
    offset: Option<u64>,
) -> BufResult<usize, B> {
    let room = buffer.io_capacity().saturating_sub(skip);
    let bytes = fetch(&"read", file, room, offset).await;
    (bytes.map(|bytes| fill(&mut buffer, skip, &bytes)), buffer)
}

/// Reads into several buffers, one after the other.
pub(super) async fn read_each<B: IoBufMut>(
    file: &File,
    mut buffers: Each<B>,
    offset: Option<u64>,
) -> BufResult<usize, Each<B>> {
    let room =
        buffers.0.iter().fold(0_usize, |sum, buffer| sum.saturating_add(buffer.io_capacity()));
    let bytes = match fetch(&"readv", file, room, offset).await {
        Ok(bytes) => bytes,
        Err(error) => return (Err(error), buffers),
    };
    let mut done = 0;
    for buffer in &mut buffers.0 {
        done += fill(buffer, 0, &bytes[done..]);
    }
    (Ok(done), buffers)
}

async fn fetch(
    name: &'static &'static str,
    file: &File,
    length: usize,
    offset: Option<u64>,
) -> io::Result<AlignedBuf> {
    loop {
        let read = blocking_on(&file.fd, name, move |fd| {
            let mut bytes = AlignedBuf::zeroed(length.min(MOST), ALIGNMENT);
            let length = sys::read_at(fd, bytes.as_mut_slice(), offset)?;
            bytes.truncate(length);
            Ok(bytes)
        });
        match read.await {
            Err(error) if goes_on(&error) => {}
            read => return read,
        }
    }
}

/// Writes what follows the first `skip` bytes of the buffer.
pub(super) async fn write<B: IoBuf>(
    file: &File,
    buffer: B,
    skip: usize,
    offset: Option<u64>,
) -> BufResult<usize, B> {
    let rest = [&buffer.as_bytes()[skip..]];
    (store(&"write", file, rest.into_iter(), offset).await, buffer)
}

/// Writes from several buffers, one after the other.
pub(super) async fn write_each<B: IoBuf>(
    file: &File,
    buffers: Each<B>,
    offset: Option<u64>,
) -> BufResult<usize, Each<B>> {
    let parts = buffers.0.iter().map(IoBuf::as_bytes);
    (store(&"writev", file, parts, offset).await, buffers)
}

async fn store<'bytes>(
    name: &'static &'static str,
    file: &File,
    parts: impl Iterator<Item = &'bytes [u8]> + Clone,
    offset: Option<u64>,
) -> io::Result<usize> {
    let length = parts.clone().fold(0_usize, |sum, part| sum.saturating_add(part.len()));
    loop {
        let mut bytes = AlignedBuf::new(length.min(MOST), ALIGNMENT);
        for part in parts.clone() {
            let room = bytes.capacity() - bytes.len();
            bytes.extend_from_slice(&part[..part.len().min(room)]);
        }
        let written = blocking_on(&file.fd, name, move |fd| sys::write_at(fd, &bytes, offset));
        match written.await {
            Err(error) if goes_on(&error) => {}
            written => return written,
        }
    }
}

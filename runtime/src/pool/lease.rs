//! `Lease`: bytes that were received, in a buffer that is lent by a pool.

use super::Shared;
use super::buffers::Buffers;
use crate::buf::{IoBuf, IoBufMut};
use crate::context;
use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

/// One buffer, which nothing else reaches. Goes back to its pool when it is dropped, from whichever
/// thread.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// `None` once it went back.
    home: Option<Arc<Shared>>,
    id: u16,
}

impl Buffer {
    /// The one for that part of the memory: `home` is what the pool keeps while it has it.
    pub(super) fn new(home: Arc<Shared>, id: u16) -> Self {
        Self { home: Some(home), id }
    }

    fn home(&self) -> &Shared {
        self.home.as_ref().expect("only a drop takes it")
    }

    /// What these bytes are, which were received.
    pub(crate) fn into_lease(self, bytes: Range<usize>) -> Lease {
        let Range { start, end } = bytes;
        assert!(end <= self.home().size(), "the kernel received what there was room for");
        match start < end {
            true => Lease(Bytes::Pooled(self, start as u32..end as u32)),
            false => Lease::empty(),
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(home) = self.home.take() else { return };
        match context::with_core(|core| core.pools.find(&home)).flatten() {
            Some(pool) => Buffers::put_back(&pool, home, self.id),
            None => home.give_back(self.id),
        }
    }
}

// SAFETY: the memory is on the heap, initialised, and lives until the buffer is back, which a
// buffer that is leaked never is.
unsafe impl IoBuf for Buffer {
    fn io_ptr(&self) -> *const u8 {
        self.home().at(self.id)
    }

    fn io_len(&self) -> usize {
        self.home().size()
    }
}

// SAFETY: as above, and there is one value for each buffer.
unsafe impl IoBufMut for Buffer {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.home().at(self.id)
    }

    unsafe fn set_init(&mut self, _: usize) {}
}

/// Bytes that were received, in memory that is lent: by the pool of a core, to which it goes back
/// when this is dropped. Read them as a slice; send them as they are, or a
/// [part](IoBuf::slice) of them; or [take](Self::into_vec) them as a vector. An empty one is
/// the end of a stream.
///
/// A lease may be sent to other threads, kept there, and dropped there, also when the runtime has
/// ended. But each lease that is kept is a buffer less for other receives: what is to be kept for
/// long is better a vector.
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::net::{TcpListener, TcpStream};
/// nestling_runtime::block_on(async {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     let client = TcpStream::connect(listener.local_addr()?).await?;
///     let (server, _) = listener.accept().await?;
///     client.write_all("hello").await.0?;
///     let lease = server.recv().await?;
///     assert_eq!(&lease[..], b"hello");
///     server.write_all(lease).await.0?; // back to where it came from
///     assert_eq!(client.recv().await?.into_vec(), b"hello");
///     Ok(())
/// })
/// # }
/// ```
pub struct Lease(Bytes);

enum Bytes {
    Pooled(Buffer, Range<u32>),
    /// No buffer was to be had, or the bytes came before they were asked for.
    Owned(Vec<u8>),
}

impl Lease {
    /// The end of a stream.
    pub(crate) fn empty() -> Self {
        Self(Bytes::Owned(Vec::new()))
    }

    /// Bytes of their own.
    pub(crate) fn owned(bytes: Vec<u8>) -> Self {
        Self(Bytes::Owned(bytes))
    }

    /// The bytes, as a vector: copied, unless they have memory of their own already.
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Bytes::Pooled(..) => self.to_vec(),
            Bytes::Owned(bytes) => bytes,
        }
    }
}

impl Deref for Lease {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Pooled(buffer, Range { start, end }) => {
                &buffer.as_bytes()[*start as usize..*end as usize]
            }
            Bytes::Owned(bytes) => bytes,
        }
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Bytes::Pooled(buffer, Range { start, end }) => {
                let (first, length) = (buffer.io_ptr_mut(), *end as usize);
                // SAFETY: initialised bytes of the buffer, which this value alone reaches.
                let bytes = unsafe { std::slice::from_raw_parts_mut(first, length) };
                &mut bytes[*start as usize..]
            }
            Bytes::Owned(bytes) => bytes,
        }
    }
}

impl AsRef<[u8]> for Lease {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Lease> for Vec<u8> {
    fn from(lease: Lease) -> Self {
        lease.into_vec()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pooled = matches!(self.0, Bytes::Pooled(..));
        f.debug_struct("Lease").field("len", &self.len()).field("pooled", &pooled).finish()
    }
}

// SAFETY: both kinds have their bytes on the heap; to move or leak the value does not touch them.
unsafe impl IoBuf for Lease {
    fn io_ptr(&self) -> *const u8 {
        self.as_ptr()
    }

    fn io_len(&self) -> usize {
        self.len()
    }
}

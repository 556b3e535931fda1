//! `FixedPool`: buffers for files that the kernel keeps at hand.

use super::Shared;
use crate::buf::{IoBuf, IoBufMut};
use crate::driver::{self, Driver};
use crate::ring::MOST_BUFFERS;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::{Deref, DerefMut};
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// 4 KiB: what a disk asks for at most, past the page cache.
const PAGE: usize = 4096;

/// Buffers for reads and writes of files, which are registered with this core's ring: the kernel
/// keeps their pages at hand, and need not look them up for each operation. That pays for small
/// reads and writes, most of all past the page cache ([`direct`](crate::fs::OpenOptions::direct)):
/// each buffer begins at a multiple of 4 KiB, and has a multiple of it.
///
/// [`take`](Self::take) gives a buffer, which goes back when it is dropped, on any thread. It is a
/// buffer as any other: also a [part](IoBuf::slice) of it is read into as fast. It is plain memory
/// on another core, after the pool's end, and for a file on a mount that may have a server.
///
/// The kernel counts the memory as locked (`RLIMIT_MEMLOCK`). Where that is not allowed, or 16
/// pools of this core are registered already, the pool serves all the same and
/// [is not registered](Self::is_registered).
///
/// # Examples
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// use nestling_runtime::fs::{self, File};
/// use nestling_runtime::pool::FixedPool;
/// nestling_runtime::block_on(async {
///     let path = std::env::temp_dir().join(format!("nestling-fixed-{}", std::process::id()));
///     fs::write(&path, "hello, world").await?;
///     let pool = FixedPool::new(2, 4096)?;
///     let buffer = pool.take().expect("two are free");
///     let (result, buffer) = File::open(&path).await?.read_at(buffer, 7).await;
///     assert_eq!((result?, &buffer[..]), (5, &b"world"[..]));
///     fs::remove_file(&path).await
/// })
/// # }
/// ```
#[derive(Debug)]
pub struct FixedPool {
    shared: Arc<Shared>,
    free: RefCell<Vec<u16>>,
    driver: Weak<RefCell<Driver>>,
    /// In which slot the ring has the memory.
    slot: Option<u16>,
}

impl FixedPool {
    /// Makes a pool of `count` buffers, each of `size` bytes, rounded up to a multiple of 4 KiB.
    /// The memory is the process's at once.
    ///
    /// # Errors
    ///
    /// `InvalidInput`: there are none, or more than 32,768, or they have no bytes. `OutOfMemory`.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub fn new(count: usize, size: usize) -> io::Result<Self> {
        let driver = driver::expect_current("FixedPool::new");
        if count == 0 || count > MOST_BUFFERS || size == 0 {
            let text = format!(
                "a pool cannot have {count} buffers of {size} bytes: it has from 1 to \
                 {MOST_BUFFERS}, of at least 1 byte"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let size = size.checked_next_multiple_of(PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        let shared = Shared::aligned(count, size, 0, PAGE)?;
        // SAFETY: the pool keeps the memory, and takes it back when it is dropped; a pool that is
        // forgotten never frees it.
        let slot = unsafe { driver.borrow_mut().register_memory(shared.at(0), count * size) };
        let free = (0..count).rev().map(|id| id as u16).collect();
        let driver = Rc::downgrade(&driver);
        Ok(Self { shared, free: RefCell::new(free), driver, slot })
    }

    /// An empty buffer; `None` if all are taken.
    pub fn take(&self) -> Option<FixedBuf> {
        let mut free = self.free.borrow_mut();
        if free.is_empty() {
            *free = self.shared.take();
        }
        free.pop().map(|id| FixedBuf { home: Arc::clone(&self.shared), id, length: 0 })
    }

    /// How many buffers are free.
    pub fn available(&self) -> usize {
        self.free.borrow().len() + self.shared.returned()
    }

    /// Bytes of each buffer.
    pub fn buffer_size(&self) -> usize {
        self.shared.size()
    }

    /// Whether the kernel keeps the memory at hand.
    pub fn is_registered(&self) -> bool {
        self.slot.is_some()
    }
}

impl Drop for FixedPool {
    fn drop(&mut self) {
        // What is in flight keeps its buffer, and the kernel the pages until it is done. The ring
        // of a core that has ended has let go of them.
        if let (Some(slot), Some(driver)) = (self.slot, self.driver.upgrade()) {
            driver.borrow_mut().unregister_memory(slot);
        }
        self.shared.close();
    }
}

/// A buffer of a [`FixedPool`]. It never grows. It may be sent to other threads, kept there, and
/// dropped there, also when the runtime has ended.
///
/// # Examples
///
/// ```
/// nestling_runtime::block_on(async {
///     let pool = nestling_runtime::pool::FixedPool::new(1, 5000).unwrap();
///     let mut buffer = pool.take().unwrap();
///     buffer.extend_from_slice(b"hello");
///     assert_eq!((&buffer[..], buffer.capacity()), (&b"hello"[..], 8192));
///     assert!(pool.take().is_none());
///     std::thread::spawn(move || drop(buffer)).join().unwrap();
///     assert!(pool.take().unwrap().is_empty());
/// });
/// ```
pub struct FixedBuf {
    home: Arc<Shared>,
    id: u16,
    length: usize,
}

impl FixedBuf {
    /// How many bytes there is room for.
    pub fn capacity(&self) -> usize {
        self.home.size()
    }

    /// Forgets the bytes; the memory stays.
    pub fn clear(&mut self) {
        self.length = 0;
    }

    /// Appends bytes.
    ///
    /// # Panics
    ///
    /// When there is no room: a buffer that grew would not stay where it is.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) {
        let (length, left) = (self.length, self.capacity() - self.length);
        assert!(bytes.len() <= left, "there is room for {left} bytes, not for {}", bytes.len());
        self.length += bytes.len();
        self[length..].copy_from_slice(bytes);
    }
}

impl Deref for FixedBuf {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl DerefMut for FixedBuf {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: initialised bytes of the buffer, which this value alone reaches.
        unsafe { std::slice::from_raw_parts_mut(self.io_ptr_mut(), self.length) }
    }
}

impl fmt::Debug for FixedBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, capacity) = (self.length, self.capacity());
        f.debug_struct("FixedBuf").field("len", &length).field("capacity", &capacity).finish()
    }
}

impl Drop for FixedBuf {
    fn drop(&mut self) {
        self.home.give_back(self.id);
    }
}

// SAFETY: the memory is on the heap, initialised, and lives until the buffer is back, which one
// that is leaked never is.
unsafe impl IoBuf for FixedBuf {
    fn io_ptr(&self) -> *const u8 {
        self.home.at(self.id)
    }

    fn io_len(&self) -> usize {
        self.length
    }

    fn io_capacity(&self) -> usize {
        self.home.size()
    }
}

// SAFETY: as above, and there is one value for each buffer.
unsafe impl IoBufMut for FixedBuf {
    fn io_ptr_mut(&mut self) -> *mut u8 {
        self.home.at(self.id)
    }

    unsafe fn set_init(&mut self, n: usize) {
        self.length = self.length.max(n);
    }
}

//! The bare ring: the io-uring crate with the runtime's flags and queue sizes, and nothing above.
#![expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]

use io_uring::squeue::Entry;
use io_uring::{CompletionQueue, IoUring, SubmissionQueue, Submitter};
use nestling::buf::IoBufMut;
use std::os::fd::AsRawFd;

/// What the runtime asks for when nothing else is said; see `runtime/src/config.rs`.
const ENTRIES: u32 = 256;
const COMPLETIONS: u32 = 8192;

/// A ring that runs completions only inside this thread's own calls, as the runtime's does.
pub(crate) fn ring() -> IoUring {
    IoUring::builder()
        .setup_single_issuer()
        .setup_defer_taskrun()
        .setup_taskrun_flag()
        .setup_submit_all()
        .setup_no_sqarray()
        .setup_cqsize(COMPLETIONS)
        .build(ENTRIES)
        .expect("a ring; see `Runtime::builder().build()` for what may be missing")
}

/// Registers a file and buffers with a ring, each by its place.
#[allow(dead_code, reason = "one benchmark uses it")]
pub(crate) fn register(ring: &IoUring, file: &impl AsRawFd, buffers: &mut [impl IoBufMut]) {
    let submitter = ring.submitter();
    submitter.register_files(&[file.as_raw_fd()]).expect("a place for a file");
    let parts: Vec<_> = buffers.iter_mut().map(to_fill).collect();
    // SAFETY: the benches keep their buffers for as long as the ring is used.
    let registered = unsafe { submitter.register_buffers(&parts) };
    registered.expect("memory that may be locked");
}

#[allow(dead_code, reason = "as above")]
fn to_fill(buffer: &mut impl IoBufMut) -> libc::iovec {
    libc::iovec { iov_len: buffer.io_capacity(), iov_base: buffer.io_ptr_mut().cast() }
}

/// The parts of a ring, entered through its registered descriptor.
pub(crate) struct Bare<'ring> {
    submitter: Submitter<'ring>,
    queue: SubmissionQueue<'ring>,
    completions: CompletionQueue<'ring>,
}

impl<'ring> Bare<'ring> {
    pub(crate) fn new(ring: &'ring mut IoUring) -> Self {
        let (mut submitter, queue, completions) = ring.split();
        submitter.register_ring_fd().expect("a place for the ring's descriptor");
        Self { submitter, queue, completions }
    }

    /// Submits all of `entries`, a full queue at a time, and takes so many answers. Returns how
    /// many of them were errors.
    pub(crate) fn exchange(
        &mut self,
        mut entries: impl Iterator<Item = Entry>,
        answers: usize,
    ) -> usize {
        let (mut left, mut errors) = (answers, 0);
        loop {
            while !self.queue.is_full()
                && let Some(entry) = entries.next()
            {
                // SAFETY: what the benches lend is valid until the answers are taken.
                let pushed = unsafe { self.queue.push(&entry) };
                pushed.expect("the queue is not full");
            }
            self.queue.sync();
            if self.queue.is_empty() && left == 0 {
                return errors;
            }
            self.submitter.submit_and_wait(left.min(self.queue.len())).expect("an enter");
            self.queue.sync();
            self.completions.sync();
            for completion in &mut self.completions {
                left -= 1;
                errors += usize::from(completion.result() < 0);
            }
            self.completions.sync();
        }
    }
}

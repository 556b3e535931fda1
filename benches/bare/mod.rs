//! The bare ring: the io-uring crate with the runtime's flags and queue sizes, and nothing above.
#![expect(unsafe_code, reason = "pushing entries is a promise about what they point to")]

use io_uring::squeue::Entry;
use io_uring::{CompletionQueue, IoUring, SubmissionQueue, Submitter};

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

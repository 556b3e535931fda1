//! Notices a `fork`: a ring belongs to the process that made it.
//!
//! After a fork the child has the ring's descriptor, but its mappings are gone (`MADV_DONTFORK`),
//! so touching the queues would be a fault. Asking for the process id would be a system call on
//! every turn; a handler that counts forks in the child costs one load.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

static FORKS: AtomicU32 = AtomicU32::new(0);
static INSTALL: Once = Once::new();

extern "C" fn in_child() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// Remembers in which process it was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ForkGuard(u32);

impl ForkGuard {
    pub(crate) fn new() -> Self {
        INSTALL.call_once(|| {
            // SAFETY: `in_child` is async-signal-safe (one atomic add) and lives as long as the
            // program, because it is a function of it.
            let result = unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
            assert_eq!(result, 0, "pthread_atfork only fails without memory");
        });
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether this is a child of the process in which the guard was made.
    pub(crate) fn forked(self) -> bool {
        FORKS.load(Ordering::Relaxed) != self.0
    }
}

//! Which processors a thread may run on.

use super::check;
use std::io;
use std::mem;

/// The processors that a thread may run on. A thread inherits those of the one that starts it.
#[derive(Clone, Copy)]
pub(crate) struct Affinity(libc::cpu_set_t);

impl std::fmt::Debug for Affinity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Affinity")
    }
}

impl Affinity {
    /// The processors of the calling thread.
    ///
    /// # Errors
    ///
    /// The machine has more processors than the set has room for (1024).
    pub(crate) fn of_this_thread() -> io::Result<Self> {
        // SAFETY: an array of integers, of which zeros are the empty set.
        let mut set: libc::cpu_set_t = unsafe { mem::zeroed() };
        // SAFETY: `set` is live, writable, and of the size given.
        let result = unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) };
        check(result.into())?;
        Ok(Self(set))
    }

    /// Lets the calling thread run on these.
    ///
    /// # Errors
    ///
    /// None of them is left to this process.
    pub(crate) fn apply(&self) -> io::Result<()> {
        // SAFETY: the set is live, and of the size given.
        let result = unsafe { libc::sched_setaffinity(0, size_of_val(&self.0), &self.0) };
        check(result.into()).map(drop)
    }
}

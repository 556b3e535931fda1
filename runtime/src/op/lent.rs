//! `Lent`: an operation that may be moved while the kernel has what it points to.
//!
//! To move a `Box` is to claim that it is the only way to its memory, by the language's rules of
//! aliasing; a write of the kernel's through the pointer that it was lent would break that claim.
//! `MaybeUninit` claims nothing of what is in it.

use std::fmt;
use std::mem::{ManuallyDrop, MaybeUninit};

pub(crate) struct Lent<T>(MaybeUninit<T>);

impl<T> Lent<T> {
    pub(super) fn new(operation: T) -> Self {
        Self(MaybeUninit::new(operation))
    }

    pub(super) fn get(&self) -> &T {
        // SAFETY: written by `new`, and taken out with this value only.
        unsafe { self.0.assume_init_ref() }
    }

    pub(super) fn get_mut(&mut self) -> &mut T {
        // SAFETY: as in `get`.
        unsafe { self.0.assume_init_mut() }
    }

    /// The kernel is done with it, or has never seen it.
    #[inline]
    pub(super) fn back(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: as in `get`; it is not used any more, nor dropped.
        unsafe { this.0.assume_init_read() }
    }
}

impl<T> Drop for Lent<T> {
    fn drop(&mut self) {
        // SAFETY: as in `get`; it is not used any more.
        unsafe { self.0.assume_init_drop() }
    }
}

impl<T: fmt::Debug> fmt::Debug for Lent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

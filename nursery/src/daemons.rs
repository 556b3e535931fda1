//! `Daemons`: the children that a nursery does not wait for, but stops.

use nestling_runtime::lowlevel::{CancelHandle, Reason};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The daemons of one nursery.
#[derive(Debug, Default)]
pub(crate) struct Daemons {
    handles: RefCell<Vec<CancelHandle>>,
    alive: Rc<Cell<usize>>,
}

/// Held by the future of a daemon that has not ended.
#[derive(Debug)]
pub(crate) struct Alive(Rc<Cell<usize>>);

impl Daemons {
    /// Another daemon starts.
    pub(crate) fn count(&self) -> Alive {
        self.alive.set(self.alive.get() + 1);
        Alive(Rc::clone(&self.alive))
    }

    /// Adds the handle that cancels a daemon.
    pub(crate) fn add(&self, handle: CancelHandle) {
        let mut handles = self.handles.borrow_mut();
        // Handles of daemons that have ended do not pile up.
        if handles.len() > 2 * self.alive.get() + 8 {
            handles.retain(|handle| !handle.is_cancelled());
        }
        handles.push(handle);
    }

    /// The body has ended, and so many children are alive: if all of them are daemons, cancels
    /// them. A daemon may still start another child, so the nursery calls this again.
    #[inline]
    pub(crate) fn retire(&self, children: usize) {
        if children <= self.alive.get() {
            self.cancel();
        }
    }

    #[cold]
    fn cancel(&self) {
        for handle in self.handles.take() {
            handle.cancel(Reason::Asked);
        }
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

//! `Door`: the way into a nursery for children that come from outside its code.

use crate::cancel::CancelScope;
use crate::context;
use crate::inbox::{self, Injector};
use crate::scope;
use crate::tree::NodeId;
use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Leads to what takes in the children of one nursery, from any thread. A key and no pointer: it
/// keeps nothing open, and leads nowhere once the nursery has closed.
#[derive(Clone)]
pub struct Door {
    scope: NodeId,
    core: Arc<Injector>,
    open: Arc<AtomicBool>,
}

/// A nursery takes in children until this is dropped, on its own thread.
#[derive(Debug)]
pub struct Doorway {
    door: Door,
    one_thread: PhantomData<*const ()>,
}

impl Doorway {
    /// For the nursery with that scope, on the core that this thread runs.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub fn new(scope: &CancelScope, adopter: Weak<dyn Any>) -> Self {
        let core = inbox::current().expect("a nursery is open on a core");
        scope::open_to_all(scope.id(), adopter);
        let door = Door { scope: scope.id(), core, open: Arc::new(AtomicBool::new(true)) };
        Self { door, one_thread: PhantomData }
    }

    /// The way in.
    pub fn door(&self) -> Door {
        self.door.clone()
    }
}

impl Drop for Doorway {
    fn drop(&mut self) {
        self.door.open.store(false, Ordering::Release);
        scope::close_to_all(self.door.scope);
    }
}

impl Door {
    /// Whether this thread runs the core of the nursery.
    pub fn is_here(&self) -> bool {
        context::is_current(&self.core)
    }

    /// Whether the nursery has not closed. On another thread that may change at any time.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// What takes the children in; `None` on another thread, or when the nursery has closed.
    pub fn adopter(&self) -> Option<Rc<dyn Any>> {
        if self.is_here() { scope::adopter(self.scope) } else { None }
    }

    /// Has the core of the nursery run something, in its next turn. When the core is gone, it is
    /// dropped.
    pub fn send(&self, job: impl FnOnce() + Send + 'static) {
        inbox::send(&self.core, job);
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("open", &self.is_open()).finish_non_exhaustive()
    }
}

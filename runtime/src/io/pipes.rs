//! `Pipes`: the pipes of one core, to be used again.
//!
//! A copy has one only while something is in it. So copies to peers that read share one, and each
//! peer that does not read has one to itself.

use crate::context;
use crate::sys::Pipe;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes of a pipe. The kernel moves whole pieces of what it has received, some of them small, so a
/// pipe is full before this; measured with the benchmark `proxy`.
const SIZE: libc::c_int = 256 << 10;
/// Pipes of one core in all: what memory of the kernel's peers that do not read may hold up. Copies
/// without one go through their buffers.
const MOST: usize = 64;
/// Pipes that are kept for later.
const KEPT: usize = 8;

/// The pipes of one core.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    free: RefCell<Vec<Pipe>>,
    lent: Cell<usize>,
}

/// A pipe of this core. When it is dropped, others may have it, unless something is left in it.
#[derive(Debug)]
pub(super) struct Borrowed {
    pipe: Option<Pipe>,
    pipes: Rc<Pipes>,
}

/// An empty pipe; `None` if the core has too many, the process has no descriptors, or there is no
/// core.
pub(super) fn borrow() -> Option<Borrowed> {
    let pipes = context::with_core(|core| Rc::clone(&core.pipes))?;
    if pipes.lent.get() == MOST {
        return None;
    }
    let free = pipes.free.borrow_mut().pop();
    let pipe = Some(free.map_or_else(|| Pipe::new(SIZE), Ok).ok()?);
    pipes.lent.set(pipes.lent.get() + 1);
    Some(Borrowed { pipe, pipes })
}

impl Borrowed {
    pub(super) fn get(&mut self) -> &mut Pipe {
        self.pipe.as_mut().expect("it is taken by the drop")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let Self { pipe, pipes } = self;
        pipes.lent.set(pipes.lent.get() - 1);
        let mut free = pipes.free.borrow_mut();
        let has_room = free.len() < KEPT;
        free.extend(pipe.take().filter(|pipe| has_room && pipe.is_empty()));
    }
}

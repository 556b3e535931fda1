//! `Pipes`: the pipes of one core, to be used again.
//!
//! A copy has one only while something is in it. So copies to peers that read share one, and each
//! peer that does not read has one to itself.

use crate::context;
use crate::sys::Pipe;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// What goes through a pipe.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source {
    Sockets,
    Files,
}

impl Source {
    /// Bytes of a pipe.
    const fn size(self) -> usize {
        match self {
            // The kernel moves whole pieces of what it has received, some of them small, so a pipe
            // is full before this; measured with the benchmark `proxy`.
            Self::Sockets => 256 << 10,
            // As much as a user's pipe may have: each fill is a round to a thread of the kernel's.
            Self::Files => 1 << 20,
        }
    }

    /// The least that is of use. The kernel gives less to a user who has much in pipes already.
    const fn least(self) -> usize {
        self.size() / 4
    }

    /// Pipes of one core in all: what memory of the kernel's peers that do not read may hold up.
    /// Copies without one go through their buffers.
    const fn most(self) -> usize {
        match self {
            Self::Sockets => 64,
            Self::Files => 32,
        }
    }

    /// Pipes that are kept for later.
    const fn kept(self) -> usize {
        self.most() / 8
    }
}

#[derive(Debug, Default)]
struct Stock {
    free: RefCell<Vec<Pipe>>,
    lent: Cell<usize>,
}

/// The pipes of one core.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    sockets: Stock,
    files: Stock,
}

impl Pipes {
    fn stock(&self, from: Source) -> &Stock {
        match from {
            Source::Sockets => &self.sockets,
            Source::Files => &self.files,
        }
    }
}

/// A pipe of this core. When it is dropped, others may have it, unless something is left in it.
#[derive(Debug)]
pub(super) struct Borrowed {
    pipe: Option<Pipe>,
    from: Source,
    pipes: Rc<Pipes>,
}

/// An empty pipe; `None` if the core or the user has too many, the process has no descriptors, or
/// there is no core.
pub(super) fn borrow(from: Source) -> Option<Borrowed> {
    let pipes = context::with_core(|core| Rc::clone(&core.pipes))?;
    let stock = pipes.stock(from);
    if stock.lent.get() == from.most() {
        return None;
    }
    let free = stock.free.borrow_mut().pop();
    let pipe = free.map_or_else(|| Pipe::new(from.size()), Ok).ok()?;
    if pipe.capacity() < from.least() {
        return None;
    }
    stock.lent.set(stock.lent.get() + 1);
    Some(Borrowed { pipe: Some(pipe), from, pipes })
}

impl AsMut<Pipe> for Borrowed {
    fn as_mut(&mut self) -> &mut Pipe {
        self.pipe.as_mut().expect("it is taken by the drop")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        let Self { pipe, from, pipes } = self;
        let stock = pipes.stock(*from);
        stock.lent.set(stock.lent.get() - 1);
        let mut free = stock.free.borrow_mut();
        let has_room = free.len() < from.kept();
        free.extend(pipe.take().filter(|pipe| has_room && pipe.is_empty()));
    }
}

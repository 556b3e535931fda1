//! `Buffers`: one pool, as its core sees it.
//!
//! ```text
//!                    ┌── 5 serve: the first that waits in line ◀──┐
//!                    ▼                                            │ 4 put_back
//!   free ── 1 fill ──▶ the kernel's queue ── 2 lease ──▶ a buffer of a receive, a lease
//!    ▲                                                            │
//!    └──────────────────────────── 4 put_back ────────────────────┘
//! ```
//!
//! The kernel takes the oldest of its queue, so that goes round all that are in it. So few are in
//! it, and the others wait in a stack, of which the last one that came back is the next to go in:
//! its bytes are still in the processor's cache. When the kernel finds its queue empty although
//! some are free, there are to be more from then on.

use super::line::{Line, LinePlace};
use super::{Buffer, Pools, Shared};
use crate::config::POOL_DEPTH;
use crate::driver::{self, Driver};
use crate::inbox;
use crate::ring::BufferQueue;
use crate::wake::{self, Waiter};
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;

/// A pool that is registered with its core's ring. Each operation that may take a buffer of it
/// keeps it alive.
#[derive(Debug)]
pub(crate) struct Buffers {
    shared: Arc<Shared>,
    pools: Weak<Pools>,
    driver: Weak<RefCell<Driver>>,
    state: RefCell<State>,
}

#[derive(Debug)]
struct State {
    queue: BufferQueue,
    slots: Vec<Slot>,
    /// Neither lent nor in the queue; the last one came back last.
    free: Vec<u16>,
    /// How many are in the queue, or were taken and are not named yet.
    queued: usize,
    /// How many of them were taken for streams that have not looked at them.
    taken: Rc<Cell<usize>>,
    /// How many are to be in the queue.
    depth: usize,
    line: Line,
}

/// One buffer.
#[derive(Debug)]
struct Slot {
    /// What it takes along when it is lent; so nothing is counted then, and it is not lent twice.
    home: Option<Arc<Shared>>,
    /// How many the stream holds which this one was lent to, and which has a share.
    holder: Option<Rc<Cell<usize>>>,
}

impl State {
    /// How many the kernel can take.
    fn left(&self) -> usize {
        self.queued - self.taken.get()
    }

    /// Puts free buffers into the kernel's queue, unless they are for those that wait.
    fn fill(&mut self, shared: &Shared) {
        while self.left() < self.depth && self.line.is_empty() {
            let Some(id) = self.free.pop() else { return };
            // SAFETY: the queue has room for all buffers. Nothing reaches this one, which is not
            // lent, until the kernel has named it; the memory lives as long as this pool, and the
            // pool as long as an operation may take a buffer.
            unsafe { self.queue.push(id, shared.at(id), shared.size() as u32) };
            self.queued += 1;
        }
    }

    fn lend(&mut self, id: u16, holder: Option<&Rc<Cell<usize>>>) -> Option<Buffer> {
        let slot = self.slots.get_mut(usize::from(id))?;
        let home = slot.home.take()?;
        if let Some(holder) = holder {
            holder.set(holder.get() + 1);
            slot.holder = Some(Rc::clone(holder));
        }
        Some(Buffer::new(home, id))
    }

    /// A buffer is back. Gives what is to be woken for it.
    fn put_back(&mut self, home: Arc<Shared>, id: u16) -> Waiter {
        let slot = &mut self.slots[usize::from(id)];
        if let Some(holder) = slot.holder.take() {
            holder.set(holder.get() - 1);
        }
        if self.line.is_empty() {
            slot.home = Some(home);
            self.free.push(id);
            return Waiter::Nobody;
        }
        match self.line.serve(Buffer::new(home, id)) {
            Ok(waiter) => waiter,
            Err(_) => unreachable!("the line is not empty"),
        }
    }
}

impl Buffers {
    /// Registers a pool with the core that this thread runs.
    pub(super) fn new(
        pools: &Rc<Pools>,
        group: u16,
        (count, size): (usize, usize),
    ) -> io::Result<Rc<Self>> {
        let driver = driver::expect_current("a pool of buffers");
        let shared = Shared::new(count, size, group)?;
        let queue = BufferQueue::new(count)?;
        // SAFETY: each operation that names the group keeps this pool, and so the queue.
        unsafe { driver.borrow_mut().register_buffers(group, &queue, shared.at(0)) }?;
        let slot = || Slot { home: Some(Arc::clone(&shared)), holder: None };
        let slots = (0..count).map(|_| slot()).collect();
        // The first is the next to be taken.
        let free = (0..count).rev().map(|id| id as u16).collect();
        let depth = POOL_DEPTH.min(count);
        let (taken, line) = (Rc::default(), Line::default());
        let mut state = State { queue, slots, free, queued: 0, taken, depth, line };
        state.fill(&shared);
        let (pools, driver) = (Rc::downgrade(pools), Rc::downgrade(&driver));
        Ok(Rc::new(Self { shared, pools, driver, state: RefCell::new(state) }))
    }

    pub(crate) fn group(&self) -> u16 {
        self.shared.group
    }

    pub(crate) fn count(&self) -> usize {
        self.state.borrow().slots.len()
    }

    /// Bytes of one buffer.
    pub(crate) fn size(&self) -> usize {
        self.shared.size()
    }

    /// What counts those that were taken for streams which have not looked at them.
    pub(crate) fn taken(&self) -> Rc<Cell<usize>> {
        Rc::clone(&self.state.borrow().taken)
    }

    /// How many are with leases and receives.
    pub(crate) fn lent(&self) -> usize {
        let state = self.state.borrow();
        state.slots.len() - state.free.len() - state.left() - self.shared.returned()
    }

    /// Whether it is a pool of that core.
    pub(super) fn is_of(&self, pools: &Rc<Pools>) -> bool {
        std::ptr::eq(self.pools.as_ptr(), Rc::as_ptr(pools))
    }

    pub(super) fn is_at(&self, shared: &Arc<Shared>) -> bool {
        Arc::ptr_eq(&self.shared, shared)
    }

    /// The buffer that the kernel has named in a completion; `holder` counts those of one stream.
    /// `None` if the kernel does not have it.
    pub(crate) fn named(&self, id: u16, holder: Option<&Rc<Cell<usize>>>) -> Option<Buffer> {
        let mut state = self.state.borrow_mut();
        let buffer = state.lend(id, holder)?;
        state.queued -= 1;
        if state.free.is_empty() && self.shared.returned() > 0 {
            drop(state);
            self.collect();
            state = self.state.borrow_mut();
        }
        state.fill(&self.shared);
        Some(buffer)
    }

    /// A buffer is back, on the core.
    pub(super) fn put_back(&self, home: Arc<Shared>, id: u16) {
        let waiter = {
            let mut state = self.state.borrow_mut();
            let waiter = state.put_back(home, id);
            state.fill(&self.shared);
            waiter
        };
        waiter.wake();
    }

    /// Takes what has come back on other threads.
    pub(super) fn collect(&self) {
        let ids = if self.state.borrow_mut().line.is_empty() {
            self.shared.take()
        } else {
            self.shared.want(inbox::current())
        };
        self.put_back_all(ids);
    }

    fn put_back_all(&self, ids: Vec<u16>) {
        if ids.is_empty() {
            return;
        }
        let woken: Vec<_> = {
            let mut state = self.state.borrow_mut();
            let home = || Arc::clone(&self.shared);
            let woken = ids.into_iter().map(|id| state.put_back(home(), id)).collect();
            state.fill(&self.shared);
            woken
        };
        // More may be waited for than came.
        if !self.state.borrow_mut().line.is_empty() {
            let more = self.shared.want(inbox::current());
            self.put_back_all(more);
        }
        wake::wake_all(woken);
    }

    /// The kernel has found its queue empty. Tells if there is something in it now.
    pub(crate) fn restock(&self) -> bool {
        let mut state = self.state.borrow_mut();
        // If they have come back since, a longer queue does no harm.
        if !state.free.is_empty() {
            state.depth = (state.depth * 2).min(state.slots.len());
        }
        state.fill(&self.shared);
        state.left() > 0
    }

    /// A place in the line of those that wait for a buffer; or a buffer at once, if one is free.
    pub(crate) fn stand_in_line(&self) -> LinePlace {
        let mut state = self.state.borrow_mut();
        if let Some(id) = state.free.pop() {
            return LinePlace::served(state.lend(id, None).expect("it was free"));
        }
        let place = state.line.join();
        drop(state);
        self.put_back_all(self.shared.want(inbox::current()));
        place
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // The ring of a core that has ended has let go of it.
        if let Some(driver) = self.driver.upgrade() {
            driver.borrow_mut().unregister_buffers(self.shared.group);
        }
        self.shared.close();
        if let Some(pools) = self.pools.upgrade() {
            pools.forget(self.shared.group);
        }
    }
}

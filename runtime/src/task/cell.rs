//! `TaskRef`: a cell without its type, and the only place where the two are converted.

use super::pool::{self, Kind};
use crate::label::Label;
use crate::scope::{self, Cancelled};
use crate::tree::{self, NodeId, PackedId};
use crate::wake::{self, Waiter};
use std::cell::Cell;
use std::future::Future;
use std::mem::offset_of;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll};

/// The nursery's side holds the cell.
const NURSERY: u8 = 1;
/// The join handle holds the cell.
const HANDLE: u8 = 2;

/// The front of every cell: what a poll needs, in the line of memory in which the future begins.
pub(super) struct Header {
    vtable: &'static Vtable,
    /// The child's task and scope; none while the child is being made.
    id: Cell<Option<PackedId>>,
    holders: Cell<u8>,
    started: Cell<bool>,
    ended: Cell<bool>,
    /// What the child's handle says if the child ends without a value.
    why: Cell<Cancelled>,
}

/// The back of every cell: what is needed when a child begins and ends, and by dumps.
struct Trailer {
    joiner: Cell<Waiter>,
    label: Label,
    /// The turn in which the child was spawned.
    born: u64,
}

// Each connection of a server has one cell.
const _: () = assert!(size_of::<Header>() == 24 && size_of::<Trailer>() == 56);

/// What depends on the types of future and value.
#[derive(Debug)]
struct Vtable {
    kind: Kind,
    /// Bytes from the front of the cell to its trailer.
    trailer: usize,
    /// Ready: whether there is a value.
    poll: unsafe fn(NonNull<Header>, &mut Context<'_>, *const ()) -> Poll<bool>,
    clear: unsafe fn(NonNull<Header>),
    take: unsafe fn(NonNull<Header>, NonNull<()>),
}

/// A child's future and what to make of its output; then its value.
enum Stage<F, M, T> {
    Running(F, Option<M>),
    /// `None`: the child failed, and the nursery has the error.
    Value(Option<T>),
    Empty,
}

#[repr(C)]
struct TaskCell<F, M, T> {
    header: Header,
    stage: Stage<F, M, T>,
    trailer: Trailer,
}

/// How a poll went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    Pending,
    /// With a value, or without one.
    Ended {
        value: bool,
    },
}

/// A pointer to a cell that one of the two sides holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TaskRef(NonNull<Header>);

/// For the child that runs now, in case that it ends without a value: its handle is to say `why`.
pub fn end_as(why: Cancelled) {
    let payload = scope::current().and_then(wake::payload);
    let cell = payload.and_then(TaskRef::from_payload);
    cell.into_iter().for_each(|cell| cell.header().why.set(why));
}

impl TaskRef {
    /// Makes a cell that both sides hold. `finish` is applied to the output, as part of the last
    /// poll.
    pub(crate) fn new<F, M, T>(future: F, finish: M, label: Label) -> Self
    where
        F: Future,
        M: FnOnce(*const (), F::Output) -> Option<T>,
    {
        let memory = pool::allocate(const { Kind::of::<TaskCell<F, M, T>>() }).cast();
        let cell = TaskCell::<F, M, T> {
            header: Header {
                vtable: const {
                    &Vtable {
                        kind: Kind::of::<TaskCell<F, M, T>>(),
                        trailer: offset_of!(TaskCell<F, M, T>, trailer),
                        poll: poll::<F, M, T>,
                        clear: clear::<F, M, T>,
                        take: take::<F, M, T>,
                    }
                },
                id: Cell::new(None),
                holders: Cell::new(NURSERY | HANDLE),
                started: Cell::new(false),
                ended: Cell::new(false),
                why: Cell::new(Cancelled::new()),
            },
            stage: Stage::Running(future, Some(finish)),
            trailer: Trailer { joiner: Cell::new(Waiter::Nobody), label, born: tree::now() },
        };
        // SAFETY: the memory is fresh, of this layout, and no other code knows it.
        unsafe { memory.write(cell) };
        Self(memory.cast())
    }

    /// The cell as the payload of a task.
    pub(crate) fn into_payload(self) -> *const () {
        self.0.as_ptr().cast()
    }

    /// The cell behind the payload of a task that has not been removed.
    pub(crate) fn from_payload(payload: *const ()) -> Option<Self> {
        NonNull::new(payload.cast_mut().cast()).map(Self)
    }

    fn header(&self) -> &Header {
        // SAFETY: the side that uses this reference holds the cell, so it is alive; the header is
        // only ever borrowed shared.
        unsafe { self.0.as_ref() }
    }

    fn trailer(&self) -> &Trailer {
        let offset = self.header().vtable.trailer;
        // SAFETY: the cell is of the type to which the table belongs, in which the trailer is so
        // far behind the front; the pointer is that of the whole cell.
        let trailer = unsafe { self.0.byte_add(offset) }.cast::<Trailer>();
        // SAFETY: as in `header`; a trailer is only ever borrowed shared, too.
        unsafe { trailer.as_ref() }
    }

    /// The child's task and scope.
    pub(crate) fn id(&self) -> NodeId {
        self.header().id.get().expect("a child is told its number when it is made").into()
    }

    pub(crate) fn set_id(&self, id: NodeId) {
        self.header().id.set(Some(id.into()));
    }

    /// What the child is called.
    pub(crate) fn label(&self) -> Label {
        self.trailer().label
    }

    /// When the child was spawned.
    pub(crate) fn born(&self) -> u64 {
        self.trailer().born
    }

    pub(crate) fn ended(&self) -> bool {
        self.header().ended.get()
    }

    /// Whether the future has been polled.
    pub(crate) fn started(&self) -> bool {
        self.header().started.get()
    }

    /// Why the child ended without a value.
    pub(super) fn why(&self) -> Cancelled {
        self.header().why.get()
    }

    /// The child is cut: notes for its handle whether that is because of a deadline.
    #[cold]
    pub(crate) fn tell_why(&self) {
        self.header().why.set(scope::cancellation(self.id()).unwrap_or_default());
    }

    /// The child has failed: by itself, or after it was told that it is cancelled.
    #[cold]
    fn tell_failed(&self) {
        if scope::is_delivered(self.id()) {
            self.tell_why();
        }
    }

    /// Polls the future. When it is ready, `finish` is given the owner and makes the child's value,
    /// which is kept if a handle is there, else dropped.
    ///
    /// # Safety
    ///
    /// The caller is the nursery's side, the child has not ended, all that its future borrows is
    /// alive, and `owner` is what its `finish` takes.
    pub(crate) unsafe fn poll(&self, cx: &mut Context<'_>, owner: *const ()) -> Polled {
        self.header().started.set(true);
        // SAFETY: the function belongs to this cell's type; the rest is the caller's promise.
        match unsafe { (self.header().vtable.poll)(self.0, cx, owner) } {
            Poll::Ready(value) => {
                if !value {
                    self.tell_failed();
                }
                Polled::Ended { value }
            }
            Poll::Pending => Polled::Pending,
        }
    }

    /// Drops the future or the value, whichever is there. May panic with what a destructor throws;
    /// the stage is empty all the same.
    ///
    /// # Safety
    ///
    /// The caller owns the stage: the nursery's side until the end, then the handle. All that is
    /// borrowed by what is dropped is alive.
    pub(crate) unsafe fn clear(&self) {
        // SAFETY: the function belongs to this cell's type; the rest is the caller's promise.
        unsafe { (self.header().vtable.clear)(self.0) }
    }

    /// Takes the value; `None` if there is none.
    ///
    /// # Safety
    ///
    /// The caller is the handle, the child has ended, and `T` is the type of its value.
    pub(super) unsafe fn take<T>(&self) -> Option<T> {
        let mut value: Option<T> = None;
        let place = NonNull::from(&mut value).cast();
        // SAFETY: the function belongs to this cell's type, and `place` is an `Option<T>` of it.
        unsafe { (self.header().vtable.take)(self.0, place) };
        value
    }

    /// Has `waiter` be woken at the end. The waiter before comes back.
    pub(super) fn set_joiner(&self, waiter: Waiter) -> Waiter {
        self.trailer().joiner.replace(waiter)
    }

    /// The child has ended: lets the nursery's side go. The joiner comes back: the caller has to
    /// wake it.
    ///
    /// # Safety
    ///
    /// The caller is the nursery's side, and does not use the cell afterwards. The stage holds no
    /// future any more.
    #[must_use = "the task that joins has to be woken"]
    pub(crate) unsafe fn end(self) -> Waiter {
        let header = self.header();
        header.ended.set(true);
        // Without a handle there is no joiner; a handle that goes takes its joiner back.
        let joined = header.holders.get() & HANDLE != 0;
        let joiner = if joined { self.trailer().joiner.take() } else { Waiter::Nobody };
        // SAFETY: the caller's promise.
        unsafe { self.release(NURSERY) };
        joiner
    }

    /// The handle goes.
    ///
    /// # Safety
    ///
    /// The caller is the handle and does not use the cell afterwards. If the child has ended, the
    /// value was taken or cleared.
    #[inline]
    pub(super) unsafe fn release_handle(self) {
        // SAFETY: the caller's promise.
        unsafe { self.release(HANDLE) }
    }

    /// # Safety
    ///
    /// `side` is the caller's, and it does not use the cell afterwards.
    #[inline]
    unsafe fn release(self, side: u8) {
        let header = self.header();
        let left = header.holders.get() & !side;
        header.holders.set(left);
        if left != 0 {
            return;
        }
        let kind = header.vtable.kind;
        drop(self.trailer().joiner.take());
        // SAFETY: neither side holds the cell any more; its stage is empty, and nothing else in it
        // has a destructor but the joiner, which was taken; the cell was allocated as this kind.
        unsafe { pool::free(self.0.cast(), kind) }
    }
}

/// The stage of a cell.
///
/// # Safety
///
/// `cell` is a `TaskCell<F, M, T>`, and the caller owns its stage for the length of `'a`.
unsafe fn stage<'a, F, M, T>(cell: NonNull<Header>) -> &'a mut Stage<F, M, T> {
    let cell = cell.cast::<TaskCell<F, M, T>>().as_ptr();
    // SAFETY: in bounds of the allocation. Only the stage is borrowed: the header may be looked at
    // meanwhile.
    let stage = unsafe { &raw mut (*cell).stage };
    // SAFETY: the caller's promise.
    unsafe { &mut *stage }
}

/// See [`TaskRef::poll`].
unsafe fn poll<F, M, T>(cell: NonNull<Header>, cx: &mut Context<'_>, owner: *const ()) -> Poll<bool>
where
    F: Future,
    M: FnOnce(*const (), F::Output) -> Option<T>,
{
    // SAFETY: the caller's promise.
    let Stage::Running(future, _) = (unsafe { stage::<F, M, T>(cell) }) else {
        unreachable!("a child that has ended is not polled")
    };
    // SAFETY: the future is in a heap cell from which it is only ever dropped in place.
    let future = unsafe { Pin::new_unchecked(future) };
    let Poll::Ready(output) = future.poll(cx) else { return Poll::Pending };
    // SAFETY: the caller's promise; the borrow of the poll has ended.
    let Stage::Running(_, finish) = (unsafe { stage::<F, M, T>(cell) }) else {
        unreachable!("a poll does not change its own stage")
    };
    let finish = finish.take().expect("a child ends once");
    // SAFETY: the caller's promise.
    unsafe { clear::<F, M, T>(cell) };
    let value = finish(owner, output);
    let has_value = value.is_some();
    // SAFETY: a header is alive as long as its cell is held.
    let holders = unsafe { cell.as_ref() }.holders.get();
    if holders & HANDLE != 0 {
        // SAFETY: the caller's promise.
        *unsafe { stage::<F, M, T>(cell) } = Stage::Value(value);
    }
    Poll::Ready(has_value)
}

/// See [`TaskRef::clear`].
unsafe fn clear<F, M, T>(cell: NonNull<Header>) {
    /// Empties the stage however its destructor ends, without running it again.
    struct Emptied<F, M, T>(NonNull<Stage<F, M, T>>);
    impl<F, M, T> Drop for Emptied<F, M, T> {
        fn drop(&mut self) {
            // SAFETY: the stage is owned by `clear`, and what was in it has been dropped.
            unsafe { self.0.write(Stage::Empty) };
        }
    }
    // SAFETY: the caller's promise.
    let emptied = Emptied(NonNull::from(unsafe { stage::<F, M, T>(cell) }));
    // SAFETY: dropped in place, where the future is pinned; overwritten right after.
    unsafe { emptied.0.drop_in_place() };
}

/// See [`TaskRef::take`].
unsafe fn take<F, M, T>(cell: NonNull<Header>, place: NonNull<()>) {
    // SAFETY: the caller's promise.
    let stage = unsafe { stage::<F, M, T>(cell) };
    if let Stage::Value(value) = stage {
        let value = value.take();
        *stage = Stage::Empty;
        // SAFETY: the caller's place is an `Option<T>` that holds nothing to be dropped.
        unsafe { place.cast::<Option<T>>().write(value) };
    }
}

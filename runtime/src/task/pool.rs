//! Freed cells that are kept for the next spawn.

use crate::config::{POOLED_BYTES, SMALLEST_TABLE};
use crate::context;
use crate::table::When;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// The sizes of two neighbouring shelves differ by this much.
const STEP: usize = 32;
/// The alignment that the allocator gives anyway; a stricter one would cost a search.
const ALIGN: usize = 16;
/// Larger cells than 32 steps are rare, and the allocator is cheap against what they do.
const SIZES: usize = 32;

/// Unused cells of one size: each holds the pointer to the next.
#[derive(Debug, Default, Clone, Copy)]
struct Shelf {
    first: Option<NonNull<Unused>>,
    cells: usize,
}

#[derive(Debug)]
struct Unused {
    next: Option<NonNull<Unused>>,
    /// The cell has lain here since the pool was trimmed, or before.
    old: bool,
}

impl Shelf {
    const EMPTY: Self = Self { first: None, cells: 0 };

    #[inline]
    fn pop(&mut self) -> Option<NonNull<u8>> {
        let cell = self.first?;
        // SAFETY: what is on a shelf was written by `push`, and is used by no other code.
        self.first = unsafe { cell.read() }.next;
        self.cells -= 1;
        Some(cell.cast())
    }

    /// # Safety
    ///
    /// The cell is large and aligned enough for a pointer, and is not used any more.
    #[inline]
    unsafe fn push(&mut self, cell: NonNull<u8>, old: bool) {
        let cell: NonNull<Unused> = cell.cast();
        // SAFETY: the caller's promise.
        unsafe { cell.write(Unused { next: self.first, old }) };
        self.first = Some(cell);
        self.cells += 1;
    }
}

/// The freed cells of a thread.
pub(crate) struct PerThread([Cell<Shelf>; SIZES]);

impl PerThread {
    pub(crate) const fn new() -> Self {
        Self([const { Cell::new(Shelf::EMPTY) }; SIZES])
    }
}

/// How cells of one type are allocated, and on which shelf they are kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    layout: Layout,
    /// `SIZES` for cells that are not kept.
    shelf: usize,
}

impl Kind {
    /// The kind of a type that is not of size zero.
    pub(super) const fn of<T>() -> Self {
        let (size, align) = (size_of::<T>(), align_of::<T>());
        assert!(size > 0, "a cell has a header");
        let steps = size.div_ceil(STEP);
        if align > ALIGN || steps > SIZES {
            return Self { layout: Layout::new::<T>(), shelf: SIZES };
        }
        Self { layout: layout(steps - 1), shelf: steps - 1 }
    }
}

/// How the cells of a shelf are allocated.
const fn layout(shelf: usize) -> Layout {
    match Layout::from_size_align((shelf + 1) * STEP, ALIGN) {
        Ok(layout) => layout,
        Err(_) => panic!("a power of two, and a small size"),
    }
}

/// Works on a shelf of this thread.
#[inline]
fn on_shelf<R>(index: usize, f: impl FnOnce(&mut Shelf) -> R) -> R {
    context::with(|context| {
        let PerThread(shelves) = &context.task;
        let mut shelf = shelves[index].get();
        let result = f(&mut shelf);
        shelves[index].set(shelf);
        result
    })
}

/// Memory for a cell of this kind.
#[inline]
pub(super) fn allocate(kind: Kind) -> NonNull<u8> {
    if kind.shelf < SIZES
        && let Some(cell) = on_shelf(kind.shelf, Shelf::pop)
    {
        return cell;
    }
    // SAFETY: the size of a kind is not zero.
    let cell = unsafe { alloc(kind.layout) };
    NonNull::new(cell).unwrap_or_else(|| handle_alloc_error(kind.layout))
}

/// Takes memory back.
///
/// # Safety
///
/// The memory came from `allocate` for the same kind, and is not used any more.
#[inline]
pub(super) unsafe fn free(cell: NonNull<u8>, kind: Kind) {
    if kind.shelf < SIZES {
        let kept = on_shelf(kind.shelf, |shelf| {
            let room = shelf.cells * kind.layout.size() < POOLED_BYTES;
            if room {
                // SAFETY: the caller's promise.
                unsafe { wipe(cell, kind.shelf) };
                // SAFETY: it has the size of a step at least; the caller does not use it any more.
                unsafe { shelf.push(cell, false) };
            }
            room
        });
        if kept {
            return;
        }
    }
    // SAFETY: it was allocated with this layout.
    unsafe { dealloc(cell.as_ptr(), kind.layout) }
}

/// Marks the bytes of a cell as never written, so that Miri tells of code that still reads them.
/// For a compiler this is no write, and nothing is left of it in a release.
///
/// # Safety
///
/// The cell is one of this shelf, and is not used any more.
#[inline]
unsafe fn wipe(cell: NonNull<u8>, shelf: usize) {
    // Not `..=`, of which an empty loop would be left.
    for step in 0..shelf + 1 {
        // SAFETY: a cell has a step more than the number of its shelf.
        let part = unsafe { cell.add(step * STEP) };
        // SAFETY: as above; bytes need no alignment.
        unsafe { part.cast().write(MaybeUninit::<[u8; STEP]>::uninit()) };
    }
}

/// Gives back the cells that have lain here since the last trim: they were not needed meanwhile.
/// All cells when a runtime ends. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    (0..SIZES).map(|index| trim_shelf(index, when)).sum::<usize>() > SMALLEST_TABLE
}

/// Gives back the oldest cells of a shelf. Tells how many bytes are left.
fn trim_shelf(index: usize, when: When) -> usize {
    let layout = layout(index);
    let mut recent = Shelf::EMPTY;
    while let Some(cell) = on_shelf(index, Shelf::pop) {
        // SAFETY: it was on a shelf until now, so all of it was written, and no other code uses it.
        let Unused { old, .. } = unsafe { cell.cast::<Unused>().read() };
        if old || when == When::Ended {
            // SAFETY: every cell of this shelf was allocated with this layout.
            unsafe { dealloc(cell.as_ptr(), layout) }
        } else {
            // SAFETY: a cell of a shelf is large enough, and this one is on none.
            unsafe { recent.push(cell, false) };
        }
    }
    let left = recent.cells * layout.size();
    // In the order in which they lay: the one that is on top is the one that is still in the cache.
    while let Some(cell) = recent.pop() {
        // SAFETY: as above.
        on_shelf(index, |shelf| unsafe { shelf.push(cell, true) });
    }
    left
}

//! Freed cells that are kept for the next spawn.

use crate::config::POOLED_CELLS;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Sizes differ by this much; also how cells are aligned, so that none shares a cache line.
const STEP: usize = 64;
/// Larger cells than 16 steps are rare, and the allocator is cheap against what they do.
const SIZES: usize = 16;

type Shelf = Vec<NonNull<u8>>;

thread_local! {
    // Never destroyed, so that a handle in another thread-local's destructor finds it; `trim`
    // frees it.
    static POOL: ManuallyDrop<RefCell<[Shelf; SIZES]>> =
        const { ManuallyDrop::new(RefCell::new([const { Vec::new() }; SIZES])) };
}

/// What is really allocated for a layout, and on which shelf it is kept.
fn shelf(layout: Layout) -> (Layout, Option<usize>) {
    let steps = layout.size().div_ceil(STEP);
    if layout.align() > STEP || steps == 0 || steps > SIZES {
        return (layout, None);
    }
    match Layout::from_size_align(steps * STEP, STEP) {
        Ok(rounded) => (rounded, Some(steps - 1)),
        Err(_) => (layout, None),
    }
}

/// Memory for a cell of this layout, which is not of size zero.
pub(super) fn allocate(layout: Layout) -> NonNull<u8> {
    assert!(layout.size() > 0, "a cell has a header");
    let (layout, shelf) = shelf(layout);
    if let Some(shelf) = shelf
        && let Some(cell) = POOL.with(|pool| pool.borrow_mut()[shelf].pop())
    {
        return cell;
    }
    // SAFETY: the size is not zero.
    let cell = unsafe { alloc(layout) };
    NonNull::new(cell).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Takes memory back.
///
/// # Safety
///
/// It came from `allocate` with the same layout, and is not used any more.
pub(super) unsafe fn free(cell: NonNull<u8>, layout: Layout) {
    let (layout, shelf) = shelf(layout);
    if let Some(shelf) = shelf {
        let kept = POOL.with(|pool| {
            let shelf = &mut pool.borrow_mut()[shelf];
            let room = shelf.len() < POOLED_CELLS;
            if room {
                shelf.push(cell);
            }
            room
        });
        if kept {
            return;
        }
    }
    // SAFETY: it was allocated with what `shelf` makes of the same layout.
    unsafe { dealloc(cell.as_ptr(), layout) }
}

/// Gives all kept memory back, when a core ends.
pub(crate) fn trim() {
    let shelves = POOL.with(|pool| std::mem::take(&mut *pool.borrow_mut()));
    for (index, shelf) in shelves.into_iter().enumerate() {
        let layout = Layout::from_size_align((index + 1) * STEP, STEP);
        let layout = layout.expect("such cells were allocated");
        for cell in shelf {
            // SAFETY: every cell of this shelf was allocated with this layout, and lay unused.
            unsafe { dealloc(cell.as_ptr(), layout) }
        }
    }
}

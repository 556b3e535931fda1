//! The memory of a child: one allocation that holds its future, and later its value.
//!
//! Two parties hold a cell: the nursery's side until the child has ended, and the join handle until
//! it is dropped or has taken the value. The last party to let go frees the cell. All of it happens
//! on one thread: a cell is never touched by a waker, which knows only the task's number.
//!
//! ```text
//!             1 poll: ready                     2 take, 3 clear
//!   Running ───────────────▶ Value (Some, None) ────────────────▶ Empty
//!      └──────────────────── 3 clear ───────────────────────────▶ Empty
//! ```
//!
//! The arrows are functions of the cell's table: 1 by `TaskRef::poll` of the nursery; 2 by a handle
//! that is awaited; 3 by a handle that goes, and by the nursery, when the child is cut or has
//! panicked.
//!
//! | field   | who writes it         | when                                            |
//! |---------|-----------------------|-------------------------------------------------|
//! | stage   | the nursery's side    | until `ended`; from then on it is the handle's  |
//! | ended   | the nursery's side    | once, after the stage has its last form         |
//! | joiner  | the handle            | until `ended`                                   |
//! | holders | each side its own bit | when it lets go                                 |

mod cell;
mod join;
mod pool;

pub use cell::end_as;
pub(crate) use cell::{Polled, TaskRef};
pub use join::Join;
pub(crate) use pool::{PerThread, trim};

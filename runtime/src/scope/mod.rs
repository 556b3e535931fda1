//! Scopes: which are cancelled, what may still be delivered to their code, and which code runs
//! where.
//!
//! A cancellation is pushed down the tree when it happens, so that asking is one load; the things
//! that hold a cancelled child back are counted upwards from then on.
//!
//! | of a node | means                                                                |
//! |-----------|----------------------------------------------------------------------|
//! | reason    | it is cancelled: itself, or because one around it is                 |
//! | holds     | its own operations that are not answered yet, and, once it is        |
//! |           | cancelled, its children for which there are some                     |
//! | delivered | a cancellation was handed out here, so errors that follow are derived|
//! | heard     | its code was told of the cancellation, and is not told again         |
//! | ops       | submissions made under it; a list whose links the driver keeps       |
//! | waits     | join handles awaited in it                                           |
//! | marked    | other threads may ask whether it is cancelled                        |

mod adopters;
mod attached;
mod bindings;
mod cancelled;
mod closing;
mod drop_point;
mod heard;
mod kept;
mod listeners;
mod look;
mod marks;
mod notes;
mod ops;
mod polled;
mod recheck;
mod round;
mod settle;
mod status;
mod waits;

use crate::table::{Slots, When, trim_at_end};
use crate::tree::{self, NodeId, Task};
use crate::wake;
use crate::wake::budget::{self, Lent};
use notes::Notes;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

pub(crate) use crate::tree::current;
pub(crate) use adopters::{adopter, close_to_all, open_to_all};
pub(crate) use attached::Attached;
pub(crate) use bindings::{bind, bound, unbind};
pub use cancelled::{Cancelled, is_cancelled};
pub(crate) use closing::{Closed, close_simply, try_close};
pub(crate) use drop_point::{drop_point, poll_drop_point};
pub use heard::{Begun, may_hear, poll_begin};
pub(crate) use kept::{begin, is_kept, is_part_kept};
pub(crate) use listeners::{Listener, silence};
pub(crate) use marks::{Mark, mark};
pub(crate) use notes::{Poller, Why, has_notes, spare};
pub(crate) use ops::{EndedOp, answer_op, begin_op, end_op, has_ops, hold, ops, push_op, release};
pub(crate) use polled::end;
pub(crate) use recheck::{next_recheck, recheck};
pub(crate) use settle::{Settled, settle};
pub(crate) use status::{
    CancelWork, cancel, cancellation, cancelled_at, counted_in, is_around, is_beside,
    is_cut_by_itself, is_delivered, is_in_cancelled, is_open, known, look_again, mark_delivered,
    new, new_shield, parent, reason, tasks, tell_drained,
};
pub(crate) use waits::{JoinEdge, joins};

/// What a thread has for its scopes, besides the tree.
pub(crate) struct PerThread {
    notes: RefCell<Notes>,
    /// Whether there are notes, rounds or spared scopes: every poll asks this.
    has_notes: Cell<bool>,
    adopters: adopters::Table,
    bindings: bindings::Table,
    listeners: listeners::Table,
    marks: marks::Table,
    edges: waits::Table,
}

impl PerThread {
    pub(crate) const fn new() -> Self {
        Self {
            notes: RefCell::new(Notes::new()),
            has_notes: Cell::new(false),
            adopters: RefCell::new(BTreeMap::new()),
            bindings: RefCell::new(BTreeMap::new()),
            listeners: RefCell::new(BTreeMap::new()),
            marks: RefCell::new(BTreeMap::new()),
            edges: RefCell::new(Slots::new()),
        }
    }
}

/// Whether the code that is running is cancelled.
#[inline]
pub(crate) fn is_here_cancelled() -> bool {
    current().is_some_and(is_in_cancelled)
}

/// Makes a scope the current one until the guard goes. Awaits that were [lent](budget::lend) to a
/// cancelled scope around it are not for code that is not cancelled: a shield, or a scope opened
/// elsewhere.
#[inline]
pub(crate) fn enter(scope: NodeId) -> Entered {
    let before = tree::set_current(Some(scope));
    let lent = (budget::is_lent() && !is_in_cancelled(scope)).then(budget::lend_nothing);
    Entered { before, lent }
}

/// The scope that was current before comes back, also on a panic.
#[derive(Debug)]
pub(crate) struct Entered {
    before: Option<NodeId>,
    /// Goes after this, as all fields do.
    #[expect(dead_code, reason = "its destructor ends the loan")]
    lent: Option<Lent>,
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        tree::set_current(self.before);
    }
}

/// Opens a node below a scope. Without a parent, the code is outside a runtime: the memory of the
/// thread's tables is given back when the thread ends.
#[inline]
fn open(parent: Option<NodeId>, node: Task) -> NodeId {
    if parent.is_none() {
        trim_at_end(trim_outside);
    }
    tree::with(|tree| tree.insert(parent, node).0)
}

/// Gives back what a thread without a runtime does not use. Tells if there is more to come.
fn trim_outside(when: When) -> bool {
    trim(when) | tree::trim(when) | wake::trim(when)
}

/// Gives back what the tables of scopes do not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    let lists = waits::trim(when) | listeners::trim(when) | bindings::trim(when);
    lists | adopters::trim(when) | marks::trim(when) | notes::trim(when)
}

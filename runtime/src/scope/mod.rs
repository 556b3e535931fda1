//! The cancel-status tree: who is cancelled, and what may still be delivered to whom.
//!
//! Every nursery, child, body and timeout is a node. A cancellation is pushed down when it happens,
//! so that asking is one load; the things that hold a cancelled child back are counted upwards.
//!
//! ```text
//!   root ── nursery ─┬─ body
//!                    ├─ child ── timeout          cancelled   set on the node and all below it
//!                    └─ child ── nursery ── …     live        undelivered operations, counted up
//!                                                 delivered   a cancellation was handed out here
//!                                                 ops         submissions made under the node
//! ```
//!
//! The tree knows no kernel and no future. Its lists of submissions are heads only: the driver
//! keeps the links.

mod cancelled;
mod tree;
mod waits;

use std::cell::Cell;

pub use cancelled::{Cancelled, Reason, is_cancelled};
pub(crate) use tree::{
    CancelWork, Owner, ScopeId, cancel, children, close, has_ops, hold, is_delivered,
    is_in_cancelled, is_open, mark_delivered, new, ops, owner, parent, reason, release, set_ops,
    set_owner, trim,
};
pub(crate) use waits::{Wait, is_kept};

thread_local! {
    static CURRENT: Cell<Option<ScopeId>> = const { Cell::new(None) };
}

/// The scope of the code that is running.
pub(crate) fn current() -> Option<ScopeId> {
    CURRENT.get()
}

/// Makes a scope the current one until the guard goes.
pub(crate) fn enter(scope: ScopeId) -> Entered {
    Entered { before: CURRENT.replace(Some(scope)) }
}

/// The scope that was current before comes back, also on a panic.
#[derive(Debug)]
pub(crate) struct Entered {
    before: Option<ScopeId>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
    }
}

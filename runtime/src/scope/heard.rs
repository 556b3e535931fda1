//! Heard once: a cancel is delivered to a task at most once, whatever the task awaits.
//!
//! Each await of ours that can say "cancelled" (a join handle, a nursery, `cancelled`) asks
//! [`may_hear`] before it says so. Operations that were in flight when the cancel came answer
//! without asking, for the kernel's results are not to be lost; they count as heard all the same.
//!
//! ```text
//!                 1                2
//!   cancelled ────────▶ heard ◀────────┐
//!                       │  └───────────┘
//!                       └── 3 ──▶ the await stays pending
//! ```
//!
//! | arrow | taken by | when |
//! |---|---|---|
//! | 1 | `hear`, by `may_hear` | an await says "cancelled" |
//! | 2 | `may_hear` | another await says so, too, which began before the cancel |
//! | 3 | `may_hear` | the other await began later |

use super::status::mark_delivered;
use crate::config::BEGUN_AFTER_CANCEL;
use crate::tree::{self, NONE, Node, NodeId, Role, Tree};
use crate::wake::stay;
use std::task::{Context, Poll};

/// Whether an await began before the code that runs it was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// The await began before.
    Before,
    /// The await began in a cancelled scope.
    After,
}

impl Begun {
    /// For an await that begins now.
    pub fn now() -> Self {
        if super::is_here_cancelled() { Self::After } else { Self::Before }
    }
}

fn own_cancelled(tree: &mut Tree, index: u32) -> Option<&mut Node> {
    (index != NONE).then(|| tree.at(index)).filter(|node| node.is_cancelled())
}

/// Whether an await may say "cancelled" to the code that runs now. A cancelled task is told once.
/// After that only awaits say so that began before the cancel, of which there are finitely many; an
/// await that has `begun` later is a drop point: it stays pending. Records that the code was told.
///
/// Every await that answers in this way asks here, whatever it waits for.
///
/// # Examples
///
/// ```
/// use nestling_runtime::lowlevel::{Begun, CancelScope, Reason, may_hear};
/// nestling_runtime::block_on(async {
///     let scope = CancelScope::new();
///     let early = scope.run(Begun::now);
///     scope.cancel(Reason::Asked);
///     let (late, later) = scope.run(|| (Begun::now(), Begun::now()));
///     assert!(scope.run(|| may_hear(late)));
///     assert!(!scope.run(|| may_hear(later)));
///     assert!(scope.run(|| may_hear(early)));
/// });
/// ```
#[must_use = "if it may not, the await stays pending"]
pub fn may_hear(begun: Begun) -> bool {
    let Some(here) = super::current() else { return true };
    let answers = hear(here) || begun == Begun::Before;
    if answers {
        mark_delivered(here);
    }
    answers
}

/// Ready if the code that runs now may begin a nursery, a shield or a clean-up. These may say
/// nothing of the cancel, so a loop could begin them for ever: a cancelled task may begin some;
/// then this is a drop point.
pub fn poll_begin(cx: &Context<'_>) -> Poll<()> {
    if super::current().is_none_or(may_begin) { Poll::Ready(()) } else { stay(cx) }
}

/// Whether the code in this scope has not heard of its cancel. Marks it as told from now on, in
/// this scope and the cancelled ones around it, out to its task. A part of the task that was
/// cancelled by itself, such as a timeout, hears of that first, and the task of its own cancel
/// later.
fn hear(id: NodeId) -> bool {
    tree::with(|tree| {
        let start = tree.get(id).map_or(NONE, |_| id.index());
        let mut index = start;
        while let Some(node) = own_cancelled(tree, index) {
            if node.has_heard() {
                return false;
            }
            index = if node.role() == Role::Task { NONE } else { node.parent() };
        }
        index = start;
        while let Some(node) = own_cancelled(tree, index) {
            node.hear();
            index = if node.role() == Role::Task { NONE } else { node.parent() };
        }
        true
    })
}

/// Whether the code in a scope is not cancelled, or has begun few nurseries, shields and clean-ups
/// since.
fn may_begin(id: NodeId) -> bool {
    tree::with(|tree| {
        if tree.get(id).is_none_or(|node| !node.is_cancelled()) {
            return true;
        }
        // Counted where the cancel begins: a task has one such part for each timeout that expires.
        let mut index = id.index();
        while tree.at(index).role() != Role::Task {
            let around = tree.at(index).parent();
            if own_cancelled(tree, around).is_none() {
                break;
            }
            index = around;
        }
        tree.at(index).begin(BEGUN_AFTER_CANCEL)
    })
}

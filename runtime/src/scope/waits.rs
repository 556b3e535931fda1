//! Who waits for whose end: the edges by which a cancelled child can be kept for another's sake.

use super::tree::{self, NONE, ScopeId};
use slab::Slab;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;

#[derive(Debug)]
struct Edge {
    target: ScopeId,
    next: u32,
}

thread_local! {
    // Never destroyed, so that destructors of other thread-locals can still ask.
    static EDGES: ManuallyDrop<RefCell<Slab<Edge>>> =
        const { ManuallyDrop::new(RefCell::new(Slab::new())) };
}

/// One await of a join handle: the scope it happens in waits for another scope. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    from: ScopeId,
    edge: u32,
}

impl Wait {
    /// The code in `from` waits for the child whose scope is `target`.
    pub(crate) fn new(from: ScopeId, target: ScopeId) -> Self {
        let next = tree::waits(from);
        let edge = EDGES.with(|edges| edges.borrow_mut().insert(Edge { target, next }) as u32);
        tree::set_waits(from, edge);
        Self { from, edge }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        EDGES.with(|edges| {
            let mut edges = edges.borrow_mut();
            let next = edges.remove(self.edge as usize).next;
            let head = tree::waits(self.from);
            if head == self.edge {
                tree::set_waits(self.from, next);
                return;
            }
            // Few handles are awaited at once in one scope, so the list is short. When the scope
            // has closed, the list is gone with it.
            let mut at = head;
            while at != NONE {
                let edge = &mut edges[at as usize];
                if edge.next == self.edge {
                    edge.next = next;
                    return;
                }
                at = edge.next;
            }
        });
    }
}

/// Whether a cancelled child is kept: something is to be delivered in it, or it waits for a child
/// that is cancelled and kept as well. One that is not cancelled may go on for ever; the wait for
/// it is cut. Children that only wait for each other are not kept: a least fixpoint.
pub(crate) fn is_kept(child: ScopeId) -> bool {
    if tree::has_live(child) || EDGES.with(|edges| edges.borrow().is_empty()) {
        return tree::has_live(child);
    }
    let mut seen = BTreeSet::new();
    let mut pending = vec![child];
    while let Some(scope) = pending.pop() {
        if tree::has_live(scope) {
            return true;
        }
        if !seen.insert(scope) {
            continue;
        }
        for inner in tree::subtree(scope) {
            EDGES.with(|edges| {
                let edges = edges.borrow();
                let mut at = tree::waits(inner);
                while at != NONE {
                    let edge = &edges[at as usize];
                    if tree::is_in_cancelled(edge.target) {
                        pending.push(edge.target);
                    }
                    at = edge.next;
                }
            });
        }
    }
    false
}

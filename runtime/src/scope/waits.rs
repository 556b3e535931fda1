//! Who waits for whose end: the edges by which a cancelled child can be kept for another's sake.

use super::status::{has_live, is_in_cancelled};
use crate::tree::{self, NONE, NodeId};
use slab::Slab;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;

#[derive(Debug)]
struct Edge {
    target: NodeId,
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
    from: NodeId,
    edge: u32,
}

impl Wait {
    /// The code in `from` waits for the child whose scope is `target`.
    pub(crate) fn new(from: NodeId, target: NodeId) -> Self {
        let next = first(from);
        let edge = EDGES.with(|edges| edges.borrow_mut().insert(Edge { target, next }) as u32);
        set_first(from, edge);
        Self { from, edge }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        EDGES.with(|edges| {
            let mut edges = edges.borrow_mut();
            let next = edges.remove(self.edge as usize).next;
            let head = first(self.from);
            if head == self.edge {
                set_first(self.from, next);
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

/// The head of the list of joins awaited in a scope.
fn first(scope: NodeId) -> u32 {
    tree::with(|tree| tree.get(scope).map_or(NONE, |node| node.waits))
}

fn set_first(scope: NodeId, head: u32) {
    tree::with(|tree| {
        if let Some(node) = tree.get(scope) {
            node.waits = head;
        }
    });
}

/// All scopes in the subtree, the top one first.
fn subtree(top: NodeId) -> Vec<NodeId> {
    tree::with(|tree| {
        let mut found = Vec::new();
        let mut at = tree.get(top).is_some().then_some(top.index());
        while let Some(index) = at {
            found.extend(tree.id(index));
            at = tree.after(top.index(), index, false);
        }
        found
    })
}

/// Whether a cancelled child is kept: something is to be delivered in it, or it waits for a child
/// that is cancelled and kept as well. One that is not cancelled may go on for ever; the wait for
/// it is cut. Children that only wait for each other are not kept: a least fixpoint.
pub(crate) fn is_kept(child: NodeId) -> bool {
    if has_live(child) || EDGES.with(|edges| edges.borrow().is_empty()) {
        return has_live(child);
    }
    let mut seen = BTreeSet::new();
    let mut pending = vec![child];
    while let Some(scope) = pending.pop() {
        if has_live(scope) {
            return true;
        }
        if !seen.insert(scope) {
            continue;
        }
        for inner in subtree(scope) {
            EDGES.with(|edges| {
                let edges = edges.borrow();
                let mut at = first(inner);
                while at != NONE {
                    let edge = &edges[at as usize];
                    if is_in_cancelled(edge.target) {
                        pending.push(edge.target);
                    }
                    at = edge.next;
                }
            });
        }
    }
    false
}

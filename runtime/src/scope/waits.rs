//! Who waits for whose end: the edges by which a cancelled child can be kept for another's sake.

use super::status::task_of;
use crate::tree::{self, NONE, NodeId, Role, State, Tree};
use slab::Slab;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;

/// One edge, in the list of the scope that it starts from.
#[derive(Debug)]
struct Edge {
    target: NodeId,
    previous: u32,
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
        let edge = EDGES.with(|edges| {
            let mut edges = edges.borrow_mut();
            let edge = edges.insert(Edge { target, previous: NONE, next }) as u32;
            if next != NONE {
                edges[next as usize].previous = edge;
            }
            edge
        });
        set_first(from, edge);
        Self { from, edge }
    }

    /// Whether it happens in this scope.
    pub(crate) fn is_from(&self, scope: NodeId) -> bool {
        self.from == scope
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        EDGES.with(|edges| {
            let mut edges = edges.borrow_mut();
            let Edge { previous, next, .. } = edges.remove(self.edge as usize);
            if next != NONE {
                edges[next as usize].previous = previous;
            }
            match previous {
                // Misses when the scope has closed: the list has no head then.
                NONE => set_first(self.from, next),
                _ => edges[previous as usize].next = next,
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

/// The scopes whose end is awaited in the scope of a node itself.
pub(crate) fn joins(tree: &mut Tree, index: u32) -> Vec<NodeId> {
    let mut targets = Vec::new();
    EDGES.with(|edges| {
        let edges = edges.borrow();
        let mut edge = tree.at(index).waits;
        while edge != NONE {
            targets.push(edges[edge as usize].target);
            edge = edges[edge as usize].next;
        }
    });
    targets
}

/// The scopes whose end is awaited in a scope or below it.
fn awaited(tree: &mut Tree, scope: NodeId) -> Vec<NodeId> {
    let mut targets = Vec::new();
    let mut at = tree.get(scope).is_some().then_some(scope.index());
    while let Some(index) = at {
        targets.append(&mut joins(tree, index));
        at = tree.after(scope.index(), index, false);
    }
    targets
}

/// Whether the task that runs the code in a scope is to be polled.
fn is_queued(tree: &mut Tree, scope: NodeId) -> bool {
    let index = tree.get(scope).map_or(NONE, |_| scope.index());
    let task = task_of(tree, index);
    task.is_some_and(|task| tree.at(task.index()).state == State::Queued)
}

/// Whether a nursery that is polled by the code in a scope has tasks that are ready.
fn has_ready(tree: &mut Tree, scope: NodeId) -> bool {
    // A nursery that rests with ready tasks has queued whoever polls it. One that was forgotten has
    // them too, but nobody polls it.
    if !is_queued(tree, scope) {
        return false;
    }
    let mut at = tree.get(scope).is_some().then_some(scope.index());
    while let Some(index) = at {
        let node = tree.at(index);
        let (is_nursery, set) = (node.role == Role::Nursery, node.set);
        if is_nursery && tree.set(set).head != NONE {
            return true;
        }
        // What is ready further inside is ready in this nursery as well.
        at = tree.after(scope.index(), index, is_nursery);
    }
    false
}

/// Whether a cancelled child is kept: something is to be answered in it; a nursery of its own is
/// ready, but the turn was over; or it waits for a cancelled child that is kept or is still to be
/// polled. Children that only wait for each other are not kept (a least fixpoint), nor is one that
/// waits for a child that runs on.
pub(crate) fn is_kept(child: NodeId) -> bool {
    tree::with(|tree| {
        if is_live(tree, child) || has_ready(tree, child) {
            return true;
        }
        if EDGES.with(|edges| edges.borrow().is_empty()) {
            return false;
        }
        let mut seen = BTreeSet::new();
        let mut pending = awaited(tree, child);
        while let Some(target) = pending.pop() {
            let cancelled = tree.get(target).is_some_and(|node| node.reason.is_some());
            // What is around the one who asks ends after it: a circle, whatever else keeps it.
            let around = cancelled && tree.is_within(child, target.index());
            if !cancelled || around || !seen.insert(target) {
                continue;
            }
            if is_live(tree, target) || is_queued(tree, target) {
                return true;
            }
            pending.append(&mut awaited(tree, target));
        }
        false
    })
}

fn is_live(tree: &mut Tree, scope: NodeId) -> bool {
    tree.get(scope).is_some_and(|node| node.is_live())
}

/// Gives the memory of an empty table back, when a core ends.
pub(crate) fn trim() {
    EDGES.with(|edges| {
        let mut edges = edges.borrow_mut();
        if edges.is_empty() {
            *edges = Slab::new();
        }
    });
}

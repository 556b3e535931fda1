//! Who waits for whose end: the edges by which a cancelled child can be kept for another's sake.

use super::tree::{self, NONE, Owner, ScopeId};
use crate::wake;
use slab::Slab;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::mem::ManuallyDrop;

/// One edge, in the list of the scope that it starts from.
#[derive(Debug)]
struct Edge {
    target: ScopeId,
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
    from: ScopeId,
    edge: u32,
}

impl Wait {
    /// The code in `from` waits for the child whose scope is `target`.
    pub(crate) fn new(from: ScopeId, target: ScopeId) -> Self {
        let next = tree::waits(from);
        let edge = EDGES.with(|edges| {
            let mut edges = edges.borrow_mut();
            let edge = edges.insert(Edge { target, previous: NONE, next }) as u32;
            if next != NONE {
                edges[next as usize].previous = edge;
            }
            edge
        });
        tree::set_waits(from, edge);
        Self { from, edge }
    }

    /// Whether it happens in this scope.
    pub(crate) fn is_from(&self, scope: ScopeId) -> bool {
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
                NONE => tree::set_waits(self.from, next),
                _ => edges[previous as usize].next = next,
            }
        });
    }
}

/// The scopes whose end is awaited in a scope or below it.
fn awaited(scope: ScopeId) -> Vec<ScopeId> {
    let mut targets = Vec::new();
    for inner in tree::subtree(scope) {
        EDGES.with(|edges| {
            let edges = edges.borrow();
            let mut at = tree::waits(inner);
            while at != NONE {
                let edge = &edges[at as usize];
                targets.push(edge.target);
                at = edge.next;
            }
        });
    }
    targets
}

/// Whether the task that runs the code in a scope is to be polled.
fn is_queued(scope: ScopeId) -> bool {
    let mut scopes = std::iter::successors(Some(scope), |&inner| tree::parent(inner));
    let task = scopes.find_map(|scope| match tree::owner(scope) {
        Owner::Task(task) => Some(task),
        Owner::Set(_) | Owner::Nobody => None,
    });
    task.is_some_and(wake::is_queued)
}

/// Whether a nursery that is polled by the code in a scope has children that are ready.
fn has_ready(scope: ScopeId) -> bool {
    let mut pending = vec![scope];
    while let Some(scope) = pending.pop() {
        match tree::owner(scope) {
            // What is ready further inside is ready here as well.
            Owner::Set(set) if wake::is_ready(set) => return true,
            Owner::Set(_) => {}
            Owner::Task(_) | Owner::Nobody => pending.extend(tree::children(scope)),
        }
    }
    false
}

/// Whether a cancelled child is kept: something is to be answered in it, the turn ended before its
/// nurseries had polled what is ready, or it waits for a cancelled child that is kept or is still
/// to be polled. Children that only wait for each other are not kept (a least fixpoint), nor is
/// one that waits for a child that runs on.
pub(crate) fn is_kept(child: ScopeId) -> bool {
    // A nursery that rests with ready children has queued whoever polls it. One that was forgotten
    // has them too, but nobody polls it.
    if tree::has_live(child) || is_queued(child) && has_ready(child) {
        return true;
    }
    if EDGES.with(|edges| edges.borrow().is_empty()) {
        return false;
    }
    let mut seen = BTreeSet::from([child]);
    let mut pending = awaited(child);
    while let Some(target) = pending.pop() {
        if !tree::is_in_cancelled(target) || !seen.insert(target) {
            continue;
        }
        if tree::has_live(target) || is_queued(target) {
            return true;
        }
        pending.extend(awaited(target));
    }
    false
}

//! Which code awaits the end of which child, for dumps.

use crate::context;
use crate::table::{Slots, Trim, When};
use crate::tree::{self, NONE, NodeId, Tree};
use std::cell::RefCell;

/// One edge, in the list of the scope that it starts from.
#[derive(Debug)]
pub(super) struct Edge {
    target: NodeId,
    previous: u32,
    next: u32,
}

/// All edges of a thread.
pub(super) type Table = RefCell<Slots<Edge>>;

/// Works on the table of this thread.
fn with<R>(f: impl FnOnce(&Table) -> R) -> R {
    context::with(|context| f(&context.scope.edges))
}

/// One await of a join handle: a scope waits for another scope, until this is dropped.
#[derive(Debug)]
pub(crate) struct JoinEdge {
    from: NodeId,
    edge: u32,
}

impl JoinEdge {
    /// The code in `from` waits for the child whose scope is `target`.
    pub(crate) fn new(from: NodeId, target: NodeId) -> Self {
        let next = first(from);
        let edge = with(|edges| {
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

    /// Whether the await happens in this scope.
    pub(crate) fn is_from(&self, scope: NodeId) -> bool {
        self.from == scope
    }
}

impl Drop for JoinEdge {
    fn drop(&mut self) {
        with(|edges| {
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
    tree::with(|tree| tree.get(scope).map_or(NONE, |node| node.waits()))
}

fn set_first(scope: NodeId, head: u32) {
    tree::with(|tree| {
        if let Some(node) = tree.get(scope) {
            node.set_waits(head);
        }
    });
}

/// The scopes whose end is awaited in the scope of a node itself.
pub(crate) fn joins(tree: &mut Tree, index: u32) -> Vec<NodeId> {
    let mut targets = Vec::new();
    with(|edges| {
        let edges = edges.borrow();
        let mut edge = tree.at(index).waits();
        while edge != NONE {
            targets.push(edges[edge as usize].target);
            edge = edges[edge as usize].next;
        }
    });
    targets
}

/// Gives back what the table does not use. Tells if there is more to come.
pub(super) fn trim(when: When) -> bool {
    with(|edges| edges.borrow_mut().trim(when))
}

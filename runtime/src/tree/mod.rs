//! The tree of scopes and tasks: the one structure that both columns share.
//!
//! Every nursery, child, body and timeout is a node. A node is a *scope*: it can be cancelled, and
//! submissions are made under it. A node that is polled by itself is a *task* as well, with a place
//! in the ready list of its *set*. The module `scope` has the rules of scopes, `wake` has the rules
//! of tasks; here are the links.
//!
//! ```text
//!   root ── nursery ─┬─ body (task)
//!                    ├─ child (task) ── timeout
//!                    └─ child (task) ── nursery ── …
//! ```
//!
//! Nodes are numbered, not pointed to: an id of a node that is gone is a miss. One table serves
//! both uses, because a child is made and unmade for every connection that a server accepts.

mod cause;
mod check;
mod id;
mod node;
mod set;

use crate::context;
use crate::label::Label;
use crate::table::{Table, Trim, When};
use std::cell::{Cell, RefCell};

pub(crate) use cause::Cause;
pub use cause::Reason;
use id::Generation;
pub(crate) use id::{NONE, NodeId, PackedId, SetId};
pub(crate) use node::{Node, Role, Task};
pub(crate) use set::{Owner, Set};

/// All nodes of a thread.
#[derive(Debug)]
pub(crate) struct Tree {
    nodes: Table<Node>,
    sets: Table<Set>,
    generation: Generation,
    /// How many cancels there were.
    cancels: u32,
    /// Nodes that cancelling has looked at: its cost, without a clock.
    visits: u64,
}

/// The tree of a thread, and where the thread is in it.
pub(crate) struct PerThread {
    tree: RefCell<Tree>,
    /// See [`now`].
    now: Cell<u64>,
    /// See [`current`].
    current: Cell<Option<NodeId>>,
}

impl PerThread {
    pub(crate) const fn new() -> Self {
        let tree = Tree {
            nodes: Table::new(),
            sets: Table::new(),
            generation: Generation::MIN,
            cancels: 0,
            visits: 0,
        };
        Self { tree: RefCell::new(tree), now: Cell::new(0), current: Cell::new(None) }
    }
}

/// Works on the tree of this thread. Nothing foreign may run inside.
#[inline]
pub(crate) fn with<R>(f: impl FnOnce(&mut Tree) -> R) -> R {
    context::with(|context| f(&mut context.tree.tree.borrow_mut()))
}

/// The scope of the code that is running.
#[inline]
pub(crate) fn current() -> Option<NodeId> {
    context::with(|context| context.tree.current.get())
}

/// Code in this scope runs from now on. Gives the scope before.
#[inline]
pub(crate) fn set_current(scope: Option<NodeId>) -> Option<NodeId> {
    context::with(|context| context.tree.current.replace(scope))
}

/// When this turn of the loop began, to a tick of the clock: nothing is looked up for a spawn.
#[inline]
pub(crate) fn now() -> u64 {
    context::with(|context| context.tree.now.get())
}

/// A turn begins at this time.
pub(crate) fn set_now(now: u64) {
    context::with(|context| context.tree.now.set(now));
}

/// Gives back what the tree does not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    with(|tree| tree.nodes.trim(when) | tree.sets.trim(when))
}

/// Whether the tree keeps much more than it uses.
#[inline]
pub(crate) fn is_sparse() -> bool {
    with(|tree| tree.nodes.is_sparse() || tree.sets.is_sparse())
}

/// A task that is to be polled. It has left the list, so that a wake during its poll is kept.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) id: NodeId,
    pub(crate) payload: *const (),
    pub(crate) cancelled: bool,
}

impl Tree {
    /// The node, unless it is gone.
    #[inline]
    pub(crate) fn get(&mut self, id: NodeId) -> Option<&mut Node> {
        match self.nodes.get_mut(id.index) {
            Some(node) if node.generation == id.generation => Some(node),
            _ => None,
        }
    }

    /// The node at a link.
    #[inline]
    pub(crate) fn at(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index]
    }

    /// The id of the node at a link, if there is one.
    #[inline]
    pub(crate) fn id(&self, index: u32) -> Option<NodeId> {
        let generation = self.nodes.get(index)?.generation;
        Some(NodeId { index, generation })
    }

    /// The link to the node above, if there is one.
    pub(crate) fn parent(&mut self, id: NodeId) -> u32 {
        self.get(id).map_or(NONE, |node| node.parent)
    }

    fn next_generation(&mut self) -> Generation {
        self.generation = self.generation.checked_add(1).expect("a computer lives shorter");
        self.generation
    }

    /// The places of the nodes directly below one, newest first.
    pub(crate) fn children(&self, index: u32) -> impl Iterator<Item = u32> {
        let link = |at: u32| (at != NONE).then_some(at);
        let first = link(self.nodes[index].first_child);
        std::iter::successors(first, move |at| link(self.nodes[*at].next))
    }

    /// Counts a cancel. Gives the new number, which is never zero.
    pub(crate) fn count_cancel(&mut self) {
        self.cancels = self.cancels.wrapping_add(1).max(1);
    }

    /// How many cancels there were.
    pub(crate) fn cancels(&self) -> u32 {
        self.cancels
    }

    /// Counts a node that cancelling looks at.
    #[inline]
    pub(crate) fn visit(&mut self) {
        self.visits += 1;
    }

    /// How many nodes cancelling has looked at.
    pub(crate) fn visits(&self) -> u64 {
        self.visits
    }

    /// The nodes that are below no other: the task that the loop polls, and what was forgotten by
    /// scopes that closed. Oldest first.
    pub(crate) fn roots(&self) -> Vec<NodeId> {
        let found = self.nodes.taken().into_iter().filter(|&index| {
            let node = &self.nodes[index];
            // A dead node was removed, and only keeps its place.
            node.parent == NONE && !node.is_dead()
        });
        let mut roots: Vec<_> = found.filter_map(|index| self.id(index)).collect();
        roots.sort_by_key(|id| id.generation);
        roots
    }

    /// Adds a node below another, or a root. Tells whether it is born cancelled: below a cancelled
    /// scope, unless it is a shield.
    #[inline(always)]
    pub(crate) fn insert(&mut self, parent: Option<NodeId>, task: Task) -> (NodeId, bool) {
        let generation = self.next_generation();
        let index = self.nodes.insert(|| Node::new(generation, task));
        let id = NodeId { index, generation };
        let above = parent.and_then(|parent| Some((parent.index, self.get(parent)?)));
        let Some((parent, above)) = above else { return (id, false) };
        let cause = above.cause().filter(|_| task.role != Role::Shield);
        let next = std::mem::replace(&mut above.first_child, index);
        let node = self.at(index);
        node.parent = parent;
        node.next = next;
        if let Some(cause) = cause {
            node.cancel(cause.below());
        }
        if next != NONE {
            self.at(next).previous = index;
        }
        (id, cause.is_some())
    }

    /// Moves a node, with all that is below it, below another one.
    pub(crate) fn relink(&mut self, index: u32, parent: u32) {
        self.unlink(index);
        let next = std::mem::replace(&mut self.at(parent).first_child, index);
        let node = self.at(index);
        (node.parent, node.previous, node.next) = (parent, NONE, next);
        if next != NONE {
            self.at(next).previous = index;
        }
    }

    /// Takes a node out of the list of its parent's children.
    #[inline]
    fn unlink(&mut self, index: u32) {
        let node = self.at(index);
        let (parent, previous, next) = (node.parent, node.previous, node.next);
        if previous != NONE {
            self.at(previous).next = next;
        } else if parent != NONE {
            self.at(parent).first_child = next;
        }
        if next != NONE {
            self.at(next).previous = previous;
        }
    }

    /// Takes a node out. Nodes that are still below it, because they were forgotten, become roots.
    /// A node in a ready list keeps its place until it is popped; its id is stale all the same.
    #[inline]
    pub(crate) fn remove(&mut self, index: u32) {
        let generation = self.next_generation();
        let node = self.at(index);
        node.generation = generation;
        let mut child = node.first_child;
        self.unlink(index);
        let node = self.at(index);
        if !node.die() {
            self.nodes.free(index);
        }
        while child != NONE {
            let node = self.at(child);
            node.parent = NONE;
            node.previous = NONE;
            child = std::mem::replace(&mut node.next, NONE);
        }
    }

    /// The node after `index` in the subtree of `top`, leaving out what is below `index` if asked.
    /// A walk without recursion: scopes may nest thousands deep.
    pub(crate) fn after(&self, top: u32, mut index: u32, skip_below: bool) -> Option<u32> {
        let node = &self.nodes[index];
        if !skip_below && node.first_child != NONE {
            return Some(node.first_child);
        }
        while index != top {
            let node = &self.nodes[index];
            if node.next != NONE {
                return Some(node.next);
            }
            index = node.parent;
        }
        None
    }

    /// Whether a node is the one at `outer` or one inside it.
    pub(crate) fn is_within(&mut self, id: NodeId, outer: u32) -> bool {
        let mut at = self.get(id).map_or(NONE, |_| id.index);
        while at != NONE && at != outer {
            at = self.at(at).parent;
        }
        at == outer
    }

    pub(crate) fn insert_set(&mut self, label: Label) -> SetId {
        SetId(self.sets.insert(|| Set::new(label, now())))
    }

    /// Takes a set out. It comes back, to be dropped outside a borrow: a foreign waker's destructor
    /// is foreign code.
    #[must_use = "its waker must not be dropped inside a borrow"]
    pub(crate) fn remove_set(&mut self, nursery: NodeId, id: SetId) -> Set {
        while self.pop(id.0).is_some() {}
        let mut task = self.get(nursery).map_or(NONE, |node| node.first_child);
        while task != NONE {
            // A body that outlives its set belongs to none.
            let node = self.at(task);
            if node.role() == Role::Task {
                node.leave_set();
            }
            task = node.next;
        }
        let set = std::mem::take(self.set(id.0));
        self.sets.free(id.0);
        set
    }

    #[inline]
    pub(crate) fn set(&mut self, set: u32) -> &mut Set {
        &mut self.sets[set]
    }

    pub(crate) fn get_set(&mut self, id: SetId) -> Option<&mut Set> {
        self.sets.get_mut(id.0)
    }

    /// Puts a task at the end of a set's ready list. Tells if that was empty before.
    #[inline]
    pub(crate) fn push(&mut self, set: u32, index: u32) -> bool {
        let set = self.set(set);
        let last = std::mem::replace(&mut set.tail, index);
        if set.head == NONE {
            set.head = index;
            return true;
        }
        self.at(last).next_ready = index;
        false
    }

    /// Takes the first task out of a set's ready list, to be polled. Nodes before it that were
    /// removed while they stood there are gone from now on.
    #[inline(always)]
    pub(crate) fn pop(&mut self, set: u32) -> Option<Ready> {
        loop {
            let set = &mut self.sets[set];
            let index = set.head;
            if index == NONE {
                return None;
            }
            let node = &mut self.nodes[index];
            set.head = std::mem::replace(&mut node.next_ready, NONE);
            if node.is_dead() {
                self.bury(index);
                continue;
            }
            node.dequeue();
            let id = NodeId { index, generation: node.generation };
            return Some(Ready { id, payload: node.payload(), cancelled: node.is_cancelled() });
        }
    }

    /// Frees the place of a node that was removed while it stood in a ready list.
    #[cold]
    #[inline(never)]
    fn bury(&mut self, index: u32) {
        self.nodes.free(index);
    }
}

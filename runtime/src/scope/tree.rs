//! The nodes of the cancel-status tree, and what a cancellation does to them.

use super::Reason;
use crate::wake::{SetId, TaskId};
use slab::Slab;
use std::cell::RefCell;
use std::mem::ManuallyDrop;

/// The end of a list.
pub(super) const NONE: u32 = u32::MAX;

/// A node. Stale once its scope has closed: every use of it then is a miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScopeId {
    index: u32,
    generation: u32,
}

/// Who is to be woken when something happens to a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The code inside is part of a task that has a scope of its own further up.
    Nobody,
    /// A child or a body: polled once more when it is cancelled.
    Task(TaskId),
    /// A nursery: looks again when the last of its adopted submissions is done.
    Set(SetId),
}

#[derive(Debug)]
struct Node {
    generation: u32,
    parent: u32,
    first_child: u32,
    previous: u32,
    next: u32,
    /// Reasons not to cut this node: operations of its own that are not answered yet, and children
    /// whose count is not zero.
    live: u32,
    /// The driver's list of the submissions made here: a slot of its table.
    ops: u32,
    /// The join handles that are awaited here: a slot of the table in `waits.rs`.
    waits: u32,
    owner: Owner,
    reason: Option<Reason>,
    delivered: bool,
}

#[derive(Debug)]
struct Tree {
    nodes: Slab<Node>,
    generation: u32,
}

thread_local! {
    // Never destroyed, so that destructors of other thread-locals can still ask; `trim` frees it.
    static TREE: ManuallyDrop<RefCell<Tree>> =
        const { ManuallyDrop::new(RefCell::new(Tree { nodes: Slab::new(), generation: 0 })) };
}

fn with<R>(f: impl FnOnce(&mut Tree) -> R) -> R {
    TREE.with(|tree| f(&mut tree.borrow_mut()))
}

/// What a cancellation has to tell: the submissions to cancel, and the tasks to poll once more.
#[derive(Debug, Default)]
pub(crate) struct CancelWork {
    pub(crate) ops: Vec<u32>,
    pub(crate) tasks: Vec<TaskId>,
}

impl Tree {
    fn get(&mut self, id: ScopeId) -> Option<&mut Node> {
        self.nodes.get_mut(id.index as usize).filter(|node| node.generation == id.generation)
    }

    fn at(&mut self, index: u32) -> &mut Node {
        &mut self.nodes[index as usize]
    }

    fn id(&self, index: u32) -> Option<ScopeId> {
        let node = self.nodes.get(index as usize)?;
        Some(ScopeId { index, generation: node.generation })
    }

    fn link(&mut self, index: u32, parent: u32) {
        if parent == NONE {
            return;
        }
        let first = std::mem::replace(&mut self.at(parent).first_child, index);
        self.at(index).next = first;
        if first != NONE {
            self.at(first).previous = index;
        }
    }

    fn unlink(&mut self, index: u32) {
        let node = &self.nodes[index as usize];
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

    /// The node after `index` in the subtree of `top`, leaving out what is below `index` if asked.
    /// A walk without recursion: scopes may nest thousands deep.
    fn after(&self, top: u32, mut index: u32, skip_below: bool) -> Option<u32> {
        let node = &self.nodes[index as usize];
        if !skip_below && node.first_child != NONE {
            return Some(node.first_child);
        }
        while index != top {
            let node = &self.nodes[index as usize];
            if node.next != NONE {
                return Some(node.next);
            }
            index = node.parent;
        }
        None
    }

    /// Whether a scope is `outer` or one inside it.
    fn is_within(&mut self, scope: ScopeId, outer: u32) -> bool {
        let mut at = self.get(scope).map_or(NONE, |_| scope.index);
        while at != NONE && at != outer {
            at = self.at(at).parent;
        }
        at == outer
    }

    fn hold(&mut self, mut index: u32) {
        while index != NONE {
            let node = self.at(index);
            node.live += 1;
            if node.live > 1 {
                return;
            }
            index = node.parent;
        }
    }

    /// Returns the innermost cancelled scope that nothing is in the way of cutting any more.
    fn release(&mut self, mut index: u32) -> Option<u32> {
        let mut idle = None;
        while index != NONE {
            let node = self.at(index);
            node.live -= 1;
            if node.live > 0 {
                break;
            }
            if node.reason.is_some() {
                idle = idle.or(Some(index));
            }
            index = node.parent;
        }
        idle
    }

    /// The task that runs the code in a scope.
    fn task(&self, mut index: u32) -> Option<TaskId> {
        while let Some(node) = self.nodes.get(index as usize) {
            if let Owner::Task(task) = node.owner {
                return Some(task);
            }
            index = node.parent;
        }
        None
    }
}

/// Opens a scope below another, or a root. A scope below a cancelled one is born cancelled.
pub(crate) fn new(parent: Option<ScopeId>) -> ScopeId {
    with(|tree| {
        let above = parent.and_then(|id| tree.get(id).map(|node| (id.index, node.reason)));
        let (parent, reason) =
            above.map_or((NONE, None), |(index, reason)| (index, reason.map(|_| Reason::Ancestor)));
        tree.generation = tree.generation.wrapping_add(1);
        let generation = tree.generation;
        let index = tree.nodes.insert(Node {
            generation,
            parent,
            first_child: NONE,
            previous: NONE,
            next: NONE,
            live: 0,
            ops: NONE,
            waits: NONE,
            owner: Owner::Nobody,
            reason,
            delivered: false,
        }) as u32;
        tree.link(index, parent);
        ScopeId { index, generation }
    })
}

/// Closes a scope. Its submissions must have been adopted; scopes that are still open below it
/// (they were forgotten) become roots.
pub(crate) fn close(id: ScopeId) {
    with(|tree| {
        let Some(node) = tree.get(id) else { return };
        debug_assert_eq!(node.ops, NONE, "submissions are adopted before their scope closes");
        let (parent, live, mut child) = (node.parent, node.live, node.first_child);
        if live > 0 && parent != NONE {
            tree.release(parent);
        }
        tree.unlink(id.index);
        while child != NONE {
            let node = tree.at(child);
            node.parent = NONE;
            node.previous = NONE;
            child = std::mem::replace(&mut node.next, NONE);
        }
        tree.nodes.remove(id.index as usize);
    });
}

/// Says who is woken when the scope is cancelled (a task) or has nothing in flight (a set).
pub(crate) fn set_owner(id: ScopeId, owner: Owner) {
    with(|tree| {
        if let Some(node) = tree.get(id) {
            node.owner = owner;
        }
    });
}

/// Who is to be woken when something happens to the scope.
pub(crate) fn owner(id: ScopeId) -> Owner {
    with(|tree| tree.get(id).map_or(Owner::Nobody, |node| node.owner))
}

/// Whether the scope or one around it was cancelled.
pub(crate) fn is_in_cancelled(id: ScopeId) -> bool {
    reason(id).is_some()
}

/// Why the scope counts as cancelled, if it does.
pub(crate) fn reason(id: ScopeId) -> Option<Reason> {
    with(|tree| tree.get(id).and_then(|node| node.reason))
}

/// Cancels a scope and everything below it. Sticky: what was cancelled before is left alone.
pub(crate) fn cancel(id: ScopeId, reason: Reason) -> CancelWork {
    with(|tree| {
        let mut work = CancelWork::default();
        if tree.get(id).is_none_or(|node| node.reason.is_some()) {
            return work;
        }
        let (mut at, mut why) = (Some(id.index), reason);
        while let Some(index) = at {
            let node = tree.at(index);
            let was_cancelled = node.reason.is_some();
            if !was_cancelled {
                node.reason = Some(why);
                if node.ops != NONE {
                    work.ops.push(node.ops);
                }
                if let Owner::Task(task) = node.owner {
                    work.tasks.push(task);
                }
            }
            why = Reason::Ancestor;
            // Below a cancelled node everything is cancelled already.
            at = tree.after(id.index, index, was_cancelled);
        }
        work
    })
}

/// A cancellation was handed to code in this scope: errors that follow are derived from it. Marks
/// the cancelled scopes only, so that a nursery's own failure stays real for the one around it.
pub(crate) fn mark_delivered(id: ScopeId) {
    with(|tree| {
        let mut index = if tree.get(id).is_some() { id.index } else { NONE };
        while index != NONE && tree.at(index).reason.is_some() {
            let node = tree.at(index);
            node.delivered = true;
            index = node.parent;
        }
    });
}

/// Whether a cancellation was handed out in this scope.
pub(crate) fn is_delivered(id: ScopeId) -> bool {
    with(|tree| tree.get(id).is_some_and(|node| node.delivered))
}

/// Something of this scope is to be answered still: it is not cut while that is so.
pub(crate) fn hold(id: ScopeId) {
    with(|tree| {
        let index = tree.get(id).map_or(NONE, |_| id.index);
        tree.hold(index);
    });
}

/// It was answered, or its future is gone. Returns the task that has to look again whether anything
/// keeps it: the answer may wake another one (of a future shared between scopes), or nobody.
#[must_use = "the task has to be woken, with nothing borrowed"]
pub(crate) fn release(id: ScopeId) -> Option<TaskId> {
    let here = super::current();
    with(|tree| {
        if tree.get(id).is_none_or(|node| node.live == 0) {
            return None;
        }
        let idle = tree.release(id.index)?;
        // The code that runs inside that scope is looked at when its poll ends.
        if here.is_some_and(|here| tree.is_within(here, idle)) { None } else { tree.task(idle) }
    })
}

/// Whether something is still to be answered in the scope or below it.
pub(super) fn has_live(id: ScopeId) -> bool {
    with(|tree| tree.get(id).is_some_and(|node| node.live > 0))
}

/// The head of the driver's list for a scope; `None` when the scope is gone.
pub(crate) fn ops(id: ScopeId) -> Option<u32> {
    with(|tree| tree.get(id).map(|node| node.ops))
}

/// Whether submissions are in flight in the scope itself.
pub(crate) fn has_ops(id: ScopeId) -> bool {
    ops(id).is_some_and(|head| head != NONE)
}

/// Whether the scope has not closed.
pub(crate) fn is_open(id: ScopeId) -> bool {
    with(|tree| tree.get(id).is_some())
}

/// Sets the head of the driver's list for a scope.
pub(crate) fn set_ops(id: ScopeId, head: u32) {
    with(|tree| {
        if let Some(node) = tree.get(id) {
            node.ops = head;
        }
    });
}

/// The scope around this one: it adopts what is left of it.
pub(crate) fn parent(id: ScopeId) -> Option<ScopeId> {
    with(|tree| {
        let parent = tree.get(id)?.parent;
        tree.id(parent)
    })
}

/// The scopes directly below this one, newest first.
pub(crate) fn children(id: ScopeId) -> Vec<ScopeId> {
    with(|tree| {
        let mut found = Vec::new();
        let mut index = tree.get(id).map_or(NONE, |node| node.first_child);
        while index != NONE {
            found.extend(tree.id(index));
            index = tree.at(index).next;
        }
        found
    })
}

/// The head of the list of joins awaited in a scope.
pub(super) fn waits(id: ScopeId) -> u32 {
    with(|tree| tree.get(id).map_or(NONE, |node| node.waits))
}

/// Sets the head of the list of joins awaited in a scope.
pub(super) fn set_waits(id: ScopeId, head: u32) {
    with(|tree| {
        if let Some(node) = tree.get(id) {
            node.waits = head;
        }
    });
}

/// All scopes in the subtree, the top one first.
pub(super) fn subtree(id: ScopeId) -> Vec<ScopeId> {
    with(|tree| {
        let mut found = Vec::new();
        let mut at = tree.get(id).is_some().then_some(id.index);
        while let Some(index) = at {
            found.extend(tree.id(index));
            at = tree.after(id.index, index, false);
        }
        found
    })
}

/// Gives the memory of an empty tree back, when a core ends.
pub(crate) fn trim() {
    with(|tree| {
        if tree.nodes.is_empty() {
            tree.nodes = Slab::new();
        }
    });
}

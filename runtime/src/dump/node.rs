//! `Tree`: a snapshot of a core's nurseries and tasks, to be walked or printed.

use crate::label::{Id, Label};
use crate::tree::Reason;
use std::os::fd::RawFd;
use std::time::Duration;

/// The nurseries and tasks of a core at one moment. Made by [`dump_tree`](crate::dump_tree).
///
/// `{}` prints one line a node, of wide nurseries the oldest children and a summary of the others;
/// `{:#}` prints all of them.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, dump_tree};
/// use nestling_runtime::inspect::{Kind, Tree};
/// let tree: Tree = block_on(async { dump_tree() });
/// assert_eq!(tree.nodes()[0].kind(), Kind::Root);
/// println!("{tree}");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Tree {
    /// The thread's name, or its number.
    pub(super) thread: String,
    /// Each node before those below it, siblings from the oldest on.
    pub(super) nodes: Vec<Node>,
}

impl Tree {
    /// Every node, each before those below it; siblings are in the order of their birth. Empty
    /// outside a runtime.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }
}

/// One nursery or task of a [`Tree`].
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, dump_tree};
/// use nestling_runtime::inspect::{Node, State};
/// let root: Node = block_on(async { dump_tree().nodes()[0].clone() });
/// assert_eq!(root.state(), State::Running); // it asked
/// assert_eq!((root.depth(), root.parent()), (0, None));
/// ```
#[derive(Debug, Clone)]
pub struct Node {
    pub(super) id: Id,
    pub(super) kind: Kind,
    pub(super) label: Option<Label>,
    pub(super) state: State,
    pub(super) cancelled: Option<Reason>,
    pub(super) age: Option<Duration>,
    pub(super) waits: Vec<Wait>,
    pub(super) held: Option<Duration>,
    pub(super) parent: Option<usize>,
    pub(super) depth: usize,
    pub(super) children: usize,
    /// The place in the list behind all nodes below this one.
    pub(super) end: usize,
}

impl Node {
    /// The number of the node, here and in [events](crate::inspect::Event).
    pub fn id(&self) -> Id {
        self.id
    }

    /// What the node is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The name and source line of a nursery or child.
    pub fn label(&self) -> Option<Label> {
        self.label
    }

    /// What the node is doing.
    pub fn state(&self) -> State {
        self.state
    }

    /// Why the node is cancelled, if it is. A task that is cancelled and [waits](State::Waiting) is
    /// kept for the sake of what it waits for; a task that is [ready](State::Ready) is polled for
    /// the last time.
    pub fn cancelled(&self) -> Option<Reason> {
        self.cancelled
    }

    /// How long ago the node was spawned or opened; unknown of a root.
    pub fn age(&self) -> Option<Duration> {
        self.age
    }

    /// What the node waits for. Of a nursery: operations that it has adopted from nodes below that
    /// are gone, and waits for before it returns.
    pub fn waits(&self) -> &[Wait] {
        &self.waits
    }

    /// The longest time for which the task has held its core in one poll, if that was longer than
    /// `Builder::stall_threshold` and it is one of the last 64 tasks to do so.
    pub fn held(&self) -> Option<Duration> {
        self.held
    }

    /// The node above, as a place in [`Tree::nodes`].
    pub fn parent(&self) -> Option<usize> {
        self.parent
    }

    /// How many nodes are above this one.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Of a nursery: its children that have not ended. The body is not counted.
    pub fn children(&self) -> usize {
        self.children
    }
}

/// What a [`Node`] is.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, dump_tree, inspect::Kind};
/// let of_first = block_on(async { dump_tree().nodes()[0].kind() });
/// assert_eq!(of_first, Kind::Root);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// The future of `block_on`, or of a core.
    Root,
    /// A nursery.
    Nursery,
    /// The body of a nursery.
    Body,
    /// A child of a nursery.
    Child,
    /// What is left of a timeout or a shield that was forgotten.
    Scope,
}

/// What a [`Node`] is doing.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, dump_tree, inspect::State};
/// let of_caller = block_on(async { dump_tree().nodes()[0].state() });
/// assert_eq!(of_caller, State::Running);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// The task is being polled: it took the snapshot, or a task in a nursery of its own did.
    Running,
    /// The task is to be polled.
    Ready,
    /// The task waits; see [`Node::waits`].
    Waiting,
    /// A nursery, which is polled with the task that opened it.
    Open,
    /// A nursery whose future was moved out of the task that opened it, which has ended, to another
    /// task, which polls it.
    Moved,
    /// A nursery whose task has ended, while the nursery around that task has not, and that no task
    /// has polled since: its future was forgotten, so that it is never polled again, or is set
    /// aside, or is polled in a foreign combinator.
    Forgotten,
}

/// What a task or a nursery waits for.
///
/// # Examples
///
/// ```
/// use nestling_runtime::{block_on, dump_tree, inspect::Wait, time::sleep};
/// use std::future::{Future, poll_fn};
/// use std::{pin::pin, task::Poll, time::Duration};
/// let tree = block_on(async {
///     let mut sleep = pin!(sleep(Duration::from_secs(9)));
///     poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_ready())).await;
///     dump_tree()
/// });
/// assert!(matches!(tree.nodes()[0].waits(), [Wait::Timer { .. }]));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wait {
    /// An operation that the kernel has, or gets with the next turn.
    Operation {
        /// Such as `accept`.
        name: &'static str,
        /// The descriptor of the operation.
        descriptor: Option<RawFd>,
        /// How long ago the operation was submitted.
        age: Duration,
        /// How long ago the kernel was asked to cancel it, if it was.
        cancel_asked: Option<Duration>,
        /// No task waits for the result, only the nursery for the operation's end: the future was
        /// dropped, or this is the close of a dropped descriptor.
        detached: bool,
    },
    /// A timer: a sleep, or a timeout around what the task is doing.
    Timer {
        /// How long until then.
        left: Duration,
    },
    /// The end of a child.
    Join {
        /// The child.
        child: Id,
        /// The name and source line of the child.
        label: Label,
    },
    /// A nursery of the task's own, which is below it.
    Nursery(Id),
    /// The end of a shield, inside of which the task waits for what comes next in the list.
    Shield,
    /// Something that has the task's waker: a channel, a lock, another thread.
    Waker,
}

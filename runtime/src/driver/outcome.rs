//! What the table of operations tells of a step: whether an operation has begun, its answer, and
//! what is left to do.

use super::lifecycle::Orphan;
use super::op_info::OpInfo;
use crate::key::Key;
use crate::ring::Completion;
use crate::scope::Cancelled;
use crate::tree::NodeId;
use crate::wake::Waiter;
use std::any::Any;
use std::cell::Cell;
use std::io;
use std::rc::Rc;

/// The answer to an operation, for the future that awaits it.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) completion: Completion,
    /// The operation ended because we asked for it; what its future says then.
    pub(crate) cancelled: Option<Cancelled>,
    /// The scope to which it belonged.
    pub(crate) scope: Option<NodeId>,
}

/// What the table keeps of an operation that is answered many times.
#[derive(Debug)]
pub(crate) struct Many {
    /// How many answers may wait for the future.
    pub(crate) most: usize,
    /// The count of answers that wait and have taken a buffer, for the buffers' pool.
    pub(crate) taken: Option<Rc<Cell<usize>>>,
}

/// Why an operation does not begin; with its waiter, to be dropped outside a borrow.
#[expect(dead_code, reason = "waiters are only to be dropped")]
#[derive(Debug)]
pub(crate) enum Refused {
    /// The operation's scope is cancelled, or has closed.
    Cancelled(Waiter),
    /// As many operations are in flight as may be.
    Full(io::Error, Waiter),
}

/// What is to be done about a completion, once nothing is borrowed. A nursery that has
/// waited for its last submission is `drained`, and to be woken as well.
#[must_use]
pub(crate) enum Arrival {
    /// Nothing is to be done.
    Nothing,
    /// A future waits for the answer: wake `waiter`. The scope in `held`, if any, is cancelled, and
    /// to be looked at again.
    Wake { waiter: Waiter, held: Option<NodeId>, drained: Option<NodeId> },
    /// No future waits: dispose of the answer.
    Dispose(Box<Disposal>),
    /// Only wake this waiter. It waits for an answer that is not the last; or it polls, in a
    /// foreign combinator, the nursery of a task that is ready.
    WakeOnly(Waiter),
    /// No future waits, and the operation goes on: dispose of the answer, and put the orphan back.
    DisposeOne(Box<Disposal>),
    /// The kernel is done with memory that no future has any more: drop it.
    Release(Box<dyn Any>),
    /// The completion matches nothing in flight.
    Stale,
}

/// An answer for which no future waits. Boxed in an [`Arrival`], because each completion makes an
/// `Arrival`, and few have this in them.
pub(crate) struct Disposal {
    pub(crate) key: Key,
    pub(crate) orphan: Box<dyn Orphan>,
    pub(crate) completion: Completion,
    pub(crate) info: OpInfo,
    /// The scope to which a close that follows belongs.
    pub(crate) scope: Option<NodeId>,
    /// As in [`Arrival::Wake`].
    pub(crate) drained: Option<NodeId>,
}

/// What has to be done to cancel an operation.
#[must_use]
pub(super) enum CancelStep {
    /// The operation is answered, or was asked before.
    Nothing,
    /// The kernel has to be asked, or the thread that does the offloaded work.
    Ask(Key),
    /// The operation never entered the kernel and is resolved: wake this waiter.
    Withdrawn(Waiter),
}

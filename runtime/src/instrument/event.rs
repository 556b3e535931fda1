//! `Event`: what an instrument is told.

use crate::label::{Id, Label};
use crate::tree::Reason;
use std::os::fd::RawFd;
use std::time::Duration;

/// Something that has happened on the instrument's thread. Nurseries and tasks are named by their
/// [`Id`], which is never used again on that thread.
///
/// A task is told as spawned, polled and ended, a nursery as opened and closed, in this order, each
/// inside what it belongs to. Tasks and nurseries older than the instrument are not told as begun,
/// and a nursery that is forgotten is not told as closed.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{Ending, Event, instrument};
/// let guard = instrument(|event: &Event| match event {
///     Event::Ended { task, how: Ending::Panicked } => eprintln!("task {task} panicked"),
///     _ => {}
/// });
/// # drop(guard);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A nursery was opened, by the task that it is within.
    Opened {
        /// The nursery.
        nursery: Id,
        /// The task whose code has opened it.
        within: Option<Id>,
        /// Its name and source line.
        label: Label,
    },
    /// A nursery returns, or was dropped. Its children have ended.
    Closed {
        /// The nursery.
        nursery: Id,
    },
    /// A task is there.
    Spawned {
        /// The task.
        task: Id,
        /// The nursery that it belongs to; none of the future that `block_on` runs.
        nursery: Option<Id>,
        /// Its name and source line, if it is a child; none of a body.
        label: Option<Label>,
    },
    /// A task is polled. Polls nest: children are polled inside their nursery's task.
    PollStarted {
        /// The task.
        task: Id,
    },
    /// The poll is over.
    PollEnded {
        /// The task.
        task: Id,
    },
    /// A task has held the core for longer than it may (`Builder::stall_threshold`), not counting
    /// the tasks that were polled inside. Told at the end of the poll.
    Stalled {
        /// The task.
        task: Id,
        /// Its name and source line; of a body, its nursery's. None of the future of `block_on`.
        label: Option<Label>,
        /// How long it has held the core.
        held: Duration,
    },
    /// A task is no more.
    Ended {
        /// The task.
        task: Id,
        /// How it has ended.
        how: Ending,
    },
    /// A child or a body has resolved to an error. Told as part of its last poll.
    Failed {
        /// Whose failure it is.
        nursery: Id,
        /// The child or body that has failed.
        task: Option<Id>,
        /// What that means for the nursery.
        how: Failure,
    },
    /// A nursery was cancelled, or a timeout that is within a task. The scopes below are cancelled
    /// with it, and are not told.
    Cancelled {
        /// The nursery; or the task, if it is a timeout or the task alone.
        scope: Id,
        /// Why.
        reason: Reason,
    },
    /// The kernel is asked to cancel an operation; an operation that it does not have yet is taken
    /// back.
    CancelAsked {
        /// The operation.
        operation: Operation,
    },
    /// The kernel is done with an operation that it was asked to cancel.
    Acknowledged {
        /// The operation.
        operation: Operation,
        /// How long that took, counted in turns of the loop.
        after: Duration,
        /// Whether it was interrupted; otherwise its real result had won.
        interrupted: bool,
    },
    /// The kernel was asked to cancel an operation a second ago, and is not done with it. Told once
    /// for each; the nursery around it waits.
    Slow {
        /// The operation.
        operation: Operation,
        /// How long ago it was asked.
        since: Duration,
    },
    /// An operation has succeeded whose future was gone: the accepted descriptor was closed,
    /// received bytes were dropped.
    Discarded {
        /// The operation.
        operation: Operation,
        /// What the kernel gave: a descriptor, or a length.
        result: u32,
    },
}

/// One submission, as [events](Event) tell it.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{Event, Operation};
/// fn describe(event: &Event) -> Option<String> {
///     let Event::Slow { operation, since } = event else { return None };
///     let Operation { name, .. } = operation;
///     Some(format!("the kernel has not let go of {name} for {since:?}"))
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// Such as `accept`.
    pub name: &'static str,
    /// The descriptor that it is on.
    pub descriptor: Option<RawFd>,
    /// The nursery or task to which the operation belongs; after the task has ended, the nursery
    /// that has adopted the operation.
    pub owner: Option<Id>,
}

/// How a task has ended.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{Ending, Event, instrument};
/// use std::{cell::Cell, rc::Rc};
/// let how = Rc::new(Cell::new(None));
/// let told = Rc::clone(&how);
/// let guard = instrument(move |event| {
///     if let Event::Ended { how, .. } = event {
///         told.set(Some(*how));
///     }
/// });
/// nestling_runtime::block_on(async {});
/// assert_eq!(how.get(), Some(Ending::Returned));
/// # drop(guard);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// With a value.
    Returned,
    /// With an error, which was told as [`Event::Failed`].
    Failed,
    /// Dropped: after a cancel, or with its nursery.
    Cut,
    /// Dropped before its first poll.
    Unstarted,
    /// The task panicked, or its destructor did.
    Panicked,
}

/// What an error means for its nursery.
///
/// # Examples
///
/// ```
/// use nestling_runtime::inspect::{Event, Failure};
/// fn is_cause(event: &Event) -> bool {
///     matches!(event, Event::Failed { how: Failure::First, .. })
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The first failure: it cancels the other tasks, and the nursery returns it.
    First,
    /// A failure after the first.
    Later,
    /// An error after a cancellation that was delivered to the task: no failure of its own.
    Derived,
}

//! `Lifecycle`: the states of one submission, and every legal transition.
//!
//! ```text
//!              1                       2                      3
//!   Queued ────────────▶ Submitted ────────────▶ Completed ────────▶ (gone)
//!     │ │                    │                       │ 4
//!     │ │ 5                  │ 6                     └─────────▶ (gone, disposed of)
//!     │ └───▶ Completed      ▼                 2
//!     │ 7               held by the driver ────────▶ (gone, disposed of)
//!     └───▶ (gone)           │        ▲
//!                          8 ▼        │ 9
//!                          Disposing ─┘
//! ```
//!
//! | arrow | taken by | when |
//! |---|---|---|
//! | 1 | `Lifecycle::flush` | the submission goes into the kernel's queue |
//! | 2 | `Lifecycle::answer`, `complete` | the final completion has come |
//! | 3 | `InFlight::take_success`, `poll` | its future has taken the answer |
//! | 4 | `Lifecycle::abandon` | its future is dropped, with the answer there: it disposes of that |
//! | 5 | `InFlight::cancel` | its scope is cancelled: the kernel never sees it |
//! | 6 | `Lifecycle::abandon` | its future is dropped: the driver holds what the kernel may touch |
//! | 7 | `Lifecycle::abandon` | its future is dropped, and the kernel never sees it |
//! | 8 | `Lifecycle::more` | a completion came that is not the final one |
//! | 9 | `Lifecycle::put_back` | that was disposed of |
//!
//! What is `Offloaded` begins so, and goes on as if it were `Submitted`. A completion that is not
//! the final one changes nothing for a submission whose future lives: `more` has it kept in
//! `Unread`.
//!
//! A submission that is still `Queued` has never been seen by the kernel: it is resolved without
//! entering it. From `Submitted` on, only its final completion ends it; the answer to a cancel
//! request says nothing about its target.

use crate::ring::Completion;
use crate::tree::NodeId;
use crate::wake::Waiter;
use std::mem;

/// What is kept for the kernel after the future is gone: the operation with all it owns.
pub(crate) trait Orphan {
    /// The kernel has answered, and will again: release what it produced. Tells whether that was
    /// kept for another operation. Operations that are answered once have no such answers.
    fn dispose_one(&mut self, _: Completion) -> bool {
        false
    }

    /// Whether the operation does something, so that a success is lost which is not kept.
    fn acts(&self) -> bool {
        true
    }

    /// The kernel is done: release what it produced, then what was lent to it. Tells whether what
    /// it produced was kept for another operation.
    fn dispose(self: Box<Self>, completion: Completion) -> bool;
}

/// What keeps the memory alive that the kernel may touch.
pub(super) enum Holder {
    /// A future, which waits to be told.
    Future(Waiter),
    /// The driver, because the future was dropped, or because there never was one.
    Driver(Box<dyn Orphan>),
    /// The event loop, while an answer is disposed of that is not the last.
    Disposing,
}

/// How far a submission has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// In the driver's backlog; the kernel has not seen it.
    Queued,
    /// In the kernel's queue, or with the kernel.
    Submitted,
    /// With another thread, which will finish it; the kernel has nothing to do with it.
    Offloaded,
}

/// Where a submission is.
pub(super) enum Lifecycle {
    Pending(Phase, Holder),
    Completed(Completion),
}

/// What a completion means for the event loop.
#[must_use]
pub(super) enum Landing {
    /// A future waits for the answer: wake its waiter.
    Wake(Waiter),
    /// No future waits: dispose of the answer.
    Dispose(Box<dyn Orphan>),
    /// No future waits, and the operation goes on: dispose of the answer, and
    /// [put](Lifecycle::put_back) the orphan back.
    DisposeOne(Box<dyn Orphan>),
    /// The completion fits no state: its operation was answered already.
    Stale,
}

/// What a future that goes has to do itself.
#[must_use]
#[derive(Debug)]
pub(crate) enum Abandoned {
    /// The kernel never saw the submission: drop the operation.
    Withdrawn(Waiter),
    /// The result is there: dispose of it.
    Finished(Completion),
    /// The driver has the operation now.
    HandedOver(Waiter),
}

impl Lifecycle {
    pub(super) fn phase(&self) -> Option<Phase> {
        match self {
            Self::Pending(phase, _) => Some(*phase),
            Self::Completed(_) => None,
        }
    }

    /// The task of this thread that waits for what the kernel has, if it is so.
    #[inline]
    pub(super) fn waiting_task(&self) -> Option<NodeId> {
        match self {
            Self::Pending(Phase::Submitted, Holder::Future(Waiter::Task(task))) => Some(*task),
            _ => None,
        }
    }

    /// The final completion came, for a [`waiting_task`](Self::waiting_task).
    #[inline]
    pub(super) fn answer(&mut self, completion: Completion) {
        debug_assert!(self.waiting_task().is_some(), "only then there is nothing to be dropped");
        mem::forget(mem::replace(self, Self::Completed(completion)));
    }

    /// Whether no future holds it, and it is not answered.
    pub(super) fn is_detached(&self) -> bool {
        matches!(self, Self::Pending(_, Holder::Driver(_) | Holder::Disposing))
    }

    /// The submission goes into the kernel's queue.
    pub(super) fn flush(&mut self) {
        match self {
            Self::Pending(phase @ Phase::Queued, _) => *phase = Phase::Submitted,
            Self::Pending(Phase::Submitted | Phase::Offloaded, _) | Self::Completed(_) => {
                unreachable!("only what is queued is flushed, once")
            }
        }
    }

    /// A completion came, and more will.
    pub(super) fn more(&mut self) -> Landing {
        let Self::Pending(_, holder) = self else { return Landing::Stale };
        match mem::replace(holder, Holder::Disposing) {
            Holder::Future(mut waiter) => {
                let woken = waiter.take();
                *holder = Holder::Future(waiter);
                Landing::Wake(woken)
            }
            Holder::Driver(orphan) => Landing::DisposeOne(orphan),
            Holder::Disposing => unreachable!("completions are dispatched one by one"),
        }
    }

    /// An answer was disposed of that was not the last.
    pub(super) fn put_back(&mut self, orphan: Box<dyn Orphan>) {
        match self {
            Self::Pending(_, holder @ Holder::Disposing) => *holder = Holder::Driver(orphan),
            Self::Pending(..) | Self::Completed(_) => unreachable!("it was taken for that"),
        }
    }

    /// The final completion came, or the submission is resolved without entering the kernel.
    pub(super) fn complete(&mut self, completion: Completion) -> Landing {
        match mem::replace(self, Self::Completed(completion)) {
            Self::Pending(_, Holder::Future(waiter)) => Landing::Wake(waiter),
            Self::Pending(_, Holder::Driver(orphan)) => Landing::Dispose(orphan),
            Self::Pending(_, Holder::Disposing) => {
                unreachable!("completions are dispatched one by one")
            }
            Self::Completed(first) => {
                *self = Self::Completed(first);
                Landing::Stale
            }
        }
    }

    /// The future is gone. `keep` gives what the kernel may still touch. Waiters come back to be
    /// dropped outside a borrow: a foreign waker's destructor is foreign code.
    pub(super) fn abandon(&mut self, keep: impl FnOnce() -> Box<dyn Orphan>) -> Abandoned {
        match self {
            Self::Pending(phase, Holder::Future(waiter)) => {
                let (phase, waiter) = (*phase, waiter.take());
                if phase == Phase::Queued {
                    return Abandoned::Withdrawn(waiter);
                }
                *self = Self::Pending(phase, Holder::Driver(keep()));
                Abandoned::HandedOver(waiter)
            }
            Self::Completed(completion) => Abandoned::Finished(*completion),
            Self::Pending(_, Holder::Driver(_) | Holder::Disposing) => {
                unreachable!("a future is dropped once")
            }
        }
    }
}

impl std::fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pending(phase, Holder::Future(_)) => write!(f, "{phase:?}, held by its future"),
            Self::Pending(phase, _) => write!(f, "{phase:?}, held by the driver"),
            Self::Completed(completion) => write!(f, "Completed({})", completion.result),
        }
    }
}

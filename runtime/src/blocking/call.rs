//! `Call`: one blocking call on its way to a thread and back, shared by its future and the pool.
//!
//! ```text
//!              1                2
//!   Waiting ──────▶ Running ────────▶ Ended ── 4 ──▶ (taken)
//!      ├───── 3 ──▶ Refused ────────────────── 4 ──────▲
//!      └────────────────────────────────────── 4 ──────┘
//! ```
//!
//! | arrow | taken by | when |
//! |---|---|---|
//! | 1 | `Call::run` | a thread takes the call |
//! | 2 | `Call::run` | the work has returned, or has panicked |
//! | 3 | `Call::refuse` | no thread can be started |
//! | 4 | `Call::take` | the pool is done with it; a call that waits was cancelled before it began |
//!
//! The last holder drops what is in it, the future or the pool. A call that never began is dropped
//! with its future, on its core: the pool has let go of it before. A value whose future is gone is
//! dropped on the thread that made it, before the core is told that the call has ended.

use crate::scope::Cancelled;
use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

type Payload = Box<dyn Any + Send>;

/// One call.
pub(super) struct Call<F, T>(Mutex<CallState<F, T>>);

enum CallState<F, T> {
    Waiting(F),
    Running,
    Ended(Result<T, Payload>),
    Refused(io::Error),
}

/// Why a blocking call has no value.
#[derive(Debug)]
pub enum Unfinished {
    /// The call was cancelled before a thread had begun with it. It never begins.
    Cancelled(Cancelled),
    /// The call panicked, with this payload.
    Panicked(Payload),
    /// The call cannot run: the process may have no thread for it, or the core no more operations.
    Refused(io::Error),
}

/// What a thread of the pool does with a call.
pub(super) trait Run: Send + Sync {
    /// Makes the call, and keeps what comes of it. Does not panic.
    fn run(&self);
}

impl<F: FnOnce() -> T, T> Call<F, T> {
    pub(super) fn new(work: F) -> Self {
        Self(Mutex::new(CallState::Waiting(work)))
    }

    fn replace(&self, state: CallState<F, T>) -> CallState<F, T> {
        // Nothing foreign runs under the lock.
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut place, state)
    }

    /// There is no thread for the call. Drops the work.
    pub(super) fn refuse(&self, error: io::Error) {
        drop(self.replace(CallState::Refused(error)));
    }

    /// The outcome of the call, when the pool is done with it.
    pub(super) fn take(&self) -> Result<T, Unfinished> {
        match self.replace(CallState::Running) {
            CallState::Waiting(_) => Err(Unfinished::Cancelled(Cancelled::new())),
            CallState::Ended(ended) => ended.map_err(Unfinished::Panicked),
            CallState::Refused(error) => Err(Unfinished::Refused(error)),
            CallState::Running => unreachable!("the pool is done with it, and it is taken once"),
        }
    }
}

impl<F: FnOnce() -> T + Send, T: Send> Run for Call<F, T> {
    fn run(&self) {
        let CallState::Waiting(work) = self.replace(CallState::Running) else {
            unreachable!("it is queued once");
        };
        let ended = catch_unwind(AssertUnwindSafe(work));
        self.replace(CallState::Ended(ended));
    }
}

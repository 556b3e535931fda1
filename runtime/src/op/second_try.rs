//! `SecondTry`: whether a socket is tried once more before the kernel is asked to wait for it.
//!
//! A short read has emptied its socket, most likely. On a core with much to do, what comes next is
//! often there by the time that other tasks had their polls: then a receive, which has to be made
//! in any case, is all that it costs, and a wait would be an operation besides. If it is not there,
//! the receive was in vain, and so was a poll of the task. Each socket learns which it is.
//!
//! ```text
//!                  1                2
//!   (resting) ──────────▶ (due) ──────────▶ (stands)
//!       ▲                   │ 3                 │ 4, 5, 6
//!       └───────────────────┴───────────────────┘
//! ```
//!
//! | arrow | taken by | when |
//! |---|---|---|
//! | 1 | `set_due` | a read was short |
//! | 2 | `poll` | a poll on a busy core, if tries pay: it wakes its task |
//! | 3 | `tell`, `set_due` | a wait, which takes no arrow itself, was followed by a try |
//! | 4 | `tell` | the try was made: it has found something, or was in vain |
//! | 5 | `hear` | the scope was cancelled, which is said; or another scope polls |
//! | 6 | `overtake` | the socket is waited for in another way |
//!
//! What a try says is true at any time, so nothing is lost when the task does not come back. A try
//! that stands is for its scope what a wait in flight would be: a cancel is answered once.

use super::future::deliver_cancel;
use crate::config::{TRY_PAUSE, TRY_PRICE, TRY_TRUST};
use crate::scope::{self, Cancelled};
use crate::tree::NodeId;
use crate::wake::budget;
use std::cell::Cell;
use std::task::{Context, Poll};

/// What one direction of a socket has learnt.
#[derive(Debug, Default)]
pub(super) struct SecondTry {
    stage: Cell<Stage>,
    /// More tries have found something than were in vain, by so much.
    trust: Cell<u8>,
    /// Tries that were not made since it has none.
    missed: Cell<u8>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Resting,
    Due,
    /// In the scope that has polled.
    Stands(Option<NodeId>),
}

impl SecondTry {
    /// Whether the last read was short.
    pub(super) fn set_due(&self, due: bool) {
        self.stage.set(if due { Stage::Due } else { Stage::Resting });
    }

    /// Before anything else. A try that stands in another scope is none of this code's.
    ///
    /// # Errors
    ///
    /// A try stands in the scope of the code that runs, which was cancelled meanwhile.
    pub(super) fn hear(&self) -> Result<(), Cancelled> {
        let Stage::Stands(scope) = self.stage.get() else { return Ok(()) };
        let is_here = scope == scope::current();
        let cancelled = scope.filter(|_| is_here).and_then(scope::cancellation);
        if is_here && cancelled.is_none() {
            return Ok(());
        }
        self.stage.set(Stage::Resting);
        let Some(cancelled) = cancelled else { return Ok(()) };
        deliver_cancel(scope);
        Err(cancelled)
    }

    /// The socket is waited for without the try, if one stands.
    pub(super) fn overtake(&self) {
        if let Stage::Stands(_) = self.stage.get() {
            self.stage.set(Stage::Resting);
        }
    }

    /// Before a wait. Ready: whether to try instead. Pending: the task is woken, to try then.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<bool> {
        match self.stage.get() {
            Stage::Stands(_) => Poll::Ready(true),
            Stage::Due if budget::is_busy() && self.is_worth() && !scope::is_here_cancelled() => {
                self.stage.set(Stage::Stands(scope::current()));
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Stage::Due | Stage::Resting => Poll::Ready(false),
        }
    }

    /// Whether second tries have paid, or it is time to find out.
    fn is_worth(&self) -> bool {
        if self.trust.get() > 0 {
            return true;
        }
        let missed = self.missed.get() + 1;
        self.missed.set(missed % TRY_PAUSE);
        missed == TRY_PAUSE
    }

    /// After a try: whether that has found something.
    pub(super) fn tell(&self, found: bool) {
        if let Stage::Stands(_) = self.stage.replace(Stage::Resting) {
            let trust = self.trust.get();
            self.trust.set(match found {
                true => TRY_TRUST.min(trust + 1),
                false => trust.saturating_sub(TRY_PRICE),
            });
        }
    }
}

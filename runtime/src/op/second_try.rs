//! `SecondTry`: whether a socket is tried once more before the kernel is asked to wait for it.
//!
//! A short read has emptied its socket, most likely. On a core with much to do, what comes next is
//! often there by the time that other tasks had their polls: then a receive, which has to be made
//! in any case, is all that it costs, and a wait would be an operation besides. If it is not there,
//! the receive was in vain, and so was a poll of the task. Each socket learns which it is.
//!
//! ```text
//!               a short read              a poll, on a busy core: wakes its task
//!   (resting) ───────────────▶ (due) ──────────────────────────────────────────▶ (stands)
//!       ▲                        │ a poll: waits                                    │
//!       └────────────────────────┴──────── the next try: found, or in vain ─────────┘
//! ```
//!
//! What a try says is true at any time, so nothing is lost when the task does not come back.

use crate::config::{TRY_PAUSE, TRY_PRICE, TRY_TRUST};
use crate::scope;
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
    Stands,
}

impl SecondTry {
    /// Whether the last read was short.
    pub(super) fn set_due(&self, due: bool) {
        self.stage.set(if due { Stage::Due } else { Stage::Resting });
    }

    /// Before a wait. Ready: whether to try instead. Pending: the task is woken, to try then.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<bool> {
        match self.stage.get() {
            Stage::Stands => Poll::Ready(true),
            Stage::Due if budget::is_busy() && self.is_worth() && !scope::is_here_cancelled() => {
                self.stage.set(Stage::Stands);
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
        if self.stage.replace(Stage::Resting) == Stage::Stands {
            let trust = self.trust.get();
            self.trust.set(match found {
                true => TRY_TRUST.min(trust + 1),
                false => trust.saturating_sub(TRY_PRICE),
            });
        }
    }
}

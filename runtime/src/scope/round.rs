//! `Round`: what is known of the latest polls of a scope with notes.
//!
//! Of lasting notes:
//!
//! ```text
//!   unsettled ── quiet: a future is woken ──▶ asked ── polled: a note, and no event ──▶ settled
//!       ▲                                       │                                          │
//!       └──────────── an event ─────────────────┴──────────────────────────────────────────┘
//! ```
//!
//! An event is a wake of the task from outside its own poll, or the end of a part or a child in it.
//! Combinators wake their task as they are polled, and then poll nothing: before a future is woken,
//! that is waited for.
//!
//! The other notes are confirmed by one poll of the task without an event.
//!
//! A look may lead to an event itself, in a roundabout way. So there are some at once, and then
//! none before the next recheck.

use crate::config::{FIRST_RECHECK, LOOKS, QUIET_POLLS};
use crate::tree::NodeId;
use std::mem;

/// Whether there was a poll that confirms the notes that are not lasting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    No,
    /// The next one does, unless there is an event.
    Asked,
    Yes,
}

/// What is to be done for a note whose future was not woken.
#[derive(Debug)]
pub(super) enum Ask {
    /// It is woken.
    Now,
    /// The task is to be polled in any case: its combinators may have woken that.
    Wait,
    /// Nothing, until the next recheck.
    Later,
}

/// One scope, as a task or as a part of one.
#[derive(Debug)]
pub(super) struct Round {
    /// The task that polls it.
    pub(super) poller: NodeId,
    /// The number of the first note that could be made in its latest poll.
    pub(super) first: u64,
    /// How many events there were in that task at the latest look.
    seen: u64,
    /// Its futures are polled, as far as is known.
    settled: bool,
    /// A future was woken for its note, and nothing else was to be polled.
    asked: bool,
    /// How many polls were waited for.
    quiet: u8,
    /// Whether the notes that are not lasting are trusted.
    trust: Trust,
    /// How often it may be looked at again at once, until the next recheck.
    looks: u8,
    /// When it is looked at again in any case; `None` from then until its next poll.
    pub(super) due: Option<u64>,
    /// After which time.
    pub(super) delay: u64,
}

impl Round {
    pub(super) fn new(poller: NodeId) -> Self {
        Self {
            poller,
            first: 0,
            seen: 0,
            settled: false,
            asked: false,
            quiet: 0,
            trust: Trust::No,
            looks: LOOKS,
            due: None,
            delay: FIRST_RECHECK,
        }
    }

    /// A task polls it that has not before, and in which there were so many events. Several tasks
    /// may do so in turn, for ever: that gives no new looks.
    pub(super) fn begin(&mut self, poller: NodeId, events: u64) {
        (self.poller, self.seen) = (poller, events);
        (self.settled, self.asked, self.trust) = (false, false, Trust::No);
    }

    /// A poll has ended, after so many events, and the latest note has that number. Whether the
    /// notes can be trusted.
    pub(super) fn ends(&mut self, latest: u64, events: u64) -> bool {
        let event = mem::replace(&mut self.seen, events) != events;
        let asked = mem::take(&mut self.asked);
        self.settled = !event && (self.settled || asked && latest >= self.first);
        self.settled
    }

    /// What is to be done for a note whose future was not woken.
    pub(super) fn asks(&mut self, is_busy: bool) -> Ask {
        if self.looks == 0 {
            return Ask::Later;
        }
        if is_busy && self.quiet < QUIET_POLLS {
            self.quiet += 1;
            self.asked = false;
            return Ask::Wait;
        }
        self.quiet = 0;
        self.asked = !is_busy;
        self.looks -= 1;
        Ask::Now
    }

    /// A poll has ended, after so many events, with a note that is not lasting. Whether that can be
    /// trusted; else the next poll is to tell.
    pub(super) fn confirms(&mut self, events: u64) -> bool {
        let event = mem::replace(&mut self.seen, events) != events;
        if event || self.trust == Trust::No {
            self.trust = Trust::Asked;
            return false;
        }
        self.trust = Trust::Yes;
        true
    }

    /// A poll has ended in which the code has woken its task.
    pub(super) fn unconfirm(&mut self) {
        self.trust = Trust::No;
    }

    /// Whether it may be looked at again at once.
    pub(super) fn may_look(&mut self) -> bool {
        let may = self.looks > 0;
        self.looks -= u8::from(may);
        may
    }

    /// A note has gone, after a look that was for it.
    pub(super) fn missed(&mut self) {
        self.looks = (self.looks + 1).min(LOOKS);
    }

    /// The time has come to look at it again. The next time is later, up to the longest delay.
    pub(super) fn recheck(&mut self, longest: u64) {
        self.due = None;
        self.delay = self.delay.saturating_mul(4).min(longest);
        self.looks = LOOKS;
    }
}

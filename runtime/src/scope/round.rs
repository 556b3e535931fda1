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

use crate::config::QUIET_POLLS;
use std::mem;

/// Whether there was a poll that confirms the notes that are not lasting.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Trust {
    #[default]
    No,
    /// The next one does, unless there is an event.
    Asked,
    Yes,
}

/// One scope, as a task or as a part of one.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Round {
    /// The number of the first note that could be made in it.
    pub(super) first: u64,
    /// Its futures are polled, as far as is known.
    settled: bool,
    /// A future was woken for its note, and nothing else was to be polled.
    asked: bool,
    /// There was an event.
    disturbed: bool,
    /// How many polls were waited for.
    quiet: u8,
    /// In how many polls the task was woken by its own code after the look, since the last event.
    own_wakes: u8,
    /// Whether the notes that are not lasting are trusted.
    trust: Trust,
    /// Of a task: nothing had it be polled again when its poll had ended.
    pub(super) idle: bool,
    /// Of a task: nothing had when a part of it was looked at in that poll.
    pub(super) looked_idle: bool,
}

impl Round {
    /// A poll has ended, and the latest note has that number. Whether the notes can be trusted.
    pub(super) fn ends(&mut self, latest: u64) -> bool {
        let event = mem::take(&mut self.disturbed);
        let asked = mem::take(&mut self.asked);
        self.settled = !event && (self.settled || asked && latest >= self.first);
        self.settled
    }

    /// Whether a future may be woken now, for its note. The task is to be polled in any case.
    pub(super) fn asks(&mut self, is_busy: bool) -> bool {
        let waits = is_busy && self.quiet < QUIET_POLLS;
        self.quiet = if waits { self.quiet + 1 } else { 0 };
        self.asked = !is_busy;
        !waits
    }

    /// A poll has ended, with a note that is not lasting. Whether that can be trusted; else the
    /// next poll is to tell.
    pub(super) fn confirms(&mut self) -> bool {
        let event = mem::take(&mut self.disturbed);
        let confirmed = !event && self.trust != Trust::No;
        self.trust = if confirmed { Trust::Yes } else { Trust::Asked };
        confirmed
    }

    /// A poll has ended in which the code has woken its task.
    pub(super) fn unconfirm(&mut self) {
        self.trust = Trust::No;
    }

    /// There was an event.
    pub(super) fn disturb(&mut self) {
        self.disturbed = true;
        self.own_wakes = 0;
    }

    /// The code of the task has woken it after the look. That may be a combinator around a part, as
    /// in each round; else it is an event.
    pub(super) fn woken(&mut self) {
        if self.own_wakes < QUIET_POLLS {
            self.own_wakes += 1;
            self.disturbed = true;
        }
    }
}

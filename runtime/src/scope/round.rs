//! `Round`: what is known of the latest polls of a scope with notes.
//!
//! The states of lasting notes:
//!
//! ```text
//!                 1                 2
//!   unsettled ────────▶ asked ────────────▶ settled
//!       ▲                 │                    │
//!       └────────── 3 ────┴──────── 3 ─────────┘
//! ```
//!
//! | arrow | taken by | when |
//! |---|---|---|
//! | 1 | `Round::asks` | the task is quiet: a future is woken, to make its note |
//! | 2 | `Round::ends` | it was polled and has made its note, without an event meanwhile |
//! | 3 | `Round::ends` | there was an event; `begin`: another task polls the scope |
//!
//! An event is a wake of the task from outside its own poll, or the end of a part or a child in it.
//! Combinators wake their task as they are polled, and then poll nothing: a look waits for the end
//! of that before it wakes a future.
//!
//! The other notes are confirmed by one poll of the task without an event.
//!
//! A look may lead to an event itself, in a roundabout way. So a scope has some looks at once, and
//! gets others with time: a token bucket.

use crate::config::{FIRST_RECHECK, KEPT_LOOKS, LAST_RECHECK, LOOK_INTERVAL, QUIET_POLLS};
use crate::tree::NodeId;
use std::mem;

/// What the looker has to do for a note that cannot be trusted yet.
#[derive(Debug)]
pub(super) enum Ask {
    /// Have the task be polled once more, for the note.
    Now,
    /// Nothing: the task is to be polled in any case, maybe woken by its combinators.
    Wait,
    /// Nothing before this time.
    Later(u64),
}

/// One scope, as a task or as a part of one.
#[derive(Debug)]
pub(super) struct Round {
    /// The task that polls the scope.
    pub(super) poller: NodeId,
    /// The number of the first note that could be made in the latest poll of the scope.
    pub(super) first: u64,
    /// How many events there were in that task at the latest look.
    seen: u64,
    /// The futures of the scope are polled, as far as is known.
    settled: bool,
    /// A future was woken for its note, and nothing else was to be polled.
    asked: bool,
    /// For how many polls the look has waited until the task is quiet.
    quiet: u8,
    /// The next poll confirms the notes that are not lasting, unless there is an event.
    confirms: bool,
    /// How often the scope may be looked at again at once.
    looks: u64,
    /// Up to which time the looks that come with time were added to `looks`.
    counted: u64,
    /// The latest note at the last recheck, or when the round began: when a note up to that goes,
    /// the look for it is given back.
    latest: u64,
    /// When the scope is looked at again in any case; `None` from then until its next poll.
    pub(super) due: Option<u64>,
    /// The time from a look to the one that is due.
    pub(super) delay: u64,
}

impl Round {
    pub(super) fn new(poller: NodeId, latest: u64, now: u64) -> Self {
        Self {
            poller,
            first: 0,
            seen: 0,
            settled: false,
            asked: false,
            quiet: 0,
            confirms: false,
            looks: KEPT_LOOKS,
            counted: now,
            latest,
            due: None,
            delay: FIRST_RECHECK,
        }
    }

    /// Another task than before, in which there were so many events, polls the scope. Several tasks
    /// may poll a scope in turn, for ever: that gives no new looks.
    pub(super) fn begin(&mut self, poller: NodeId, events: u64) {
        (self.poller, self.seen) = (poller, events);
        (self.settled, self.asked, self.confirms) = (false, false, false);
    }

    /// A poll has ended, after so many events, and the latest note has that number. Tells whether
    /// the lasting notes can be trusted.
    pub(super) fn ends(&mut self, latest: u64, events: u64) -> bool {
        let event = mem::replace(&mut self.seen, events) != events;
        let asked = mem::take(&mut self.asked);
        self.settled = !event && (self.settled || asked && latest >= self.first);
        self.settled
    }

    /// What is to be done for a lasting note whose future was not woken.
    pub(super) fn asks(&mut self, is_busy: bool, now: u64) -> Ask {
        if is_busy && self.quiet < QUIET_POLLS {
            self.quiet += 1;
            self.asked = false;
            return Ask::Wait;
        }
        let ask = self.look(now);
        self.quiet = 0;
        self.asked = !is_busy && matches!(ask, Ask::Now);
        ask
    }

    /// A poll has ended, after so many events, with a note that is not lasting. Tells whether the
    /// note can be trusted; else the next poll is to tell.
    pub(super) fn is_confirmed(&mut self, events: u64) -> bool {
        let event = mem::replace(&mut self.seen, events) != events;
        let confirms = mem::replace(&mut self.confirms, true);
        confirms && !event
    }

    /// A poll has ended in which the code has woken its task.
    pub(super) fn unconfirm(&mut self) {
        self.confirms = false;
    }

    /// Takes one of the looks that there are.
    pub(super) fn look(&mut self, now: u64) -> Ask {
        let came = now.saturating_sub(self.counted) / LOOK_INTERVAL;
        self.counted += came * LOOK_INTERVAL;
        self.looks = (self.looks + came).min(KEPT_LOOKS);
        match self.looks.checked_sub(1) {
            Some(left) => {
                self.looks = left;
                Ask::Now
            }
            None => Ask::Later(self.counted + LOOK_INTERVAL),
        }
    }

    /// A note has gone, after a look that was for it: gives the look back, if the note is one of
    /// those up to the last recheck.
    pub(super) fn missed(&mut self, number: u64) {
        self.looks += u64::from(number <= self.latest);
    }

    /// Nothing has happened for the delay. The next delay is longer.
    pub(super) fn recheck(&mut self, latest: u64) {
        self.due = None;
        self.delay = (self.delay * 4).min(LAST_RECHECK);
        self.latest = latest;
    }
}

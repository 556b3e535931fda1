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
//! A look may lead to an event itself, in a roundabout way. So a scope has some looks at once, and
//! gets others with time: a token bucket.

use crate::config::{FIRST_RECHECK, KEPT_LOOKS, LAST_RECHECK, LOOK_INTERVAL, QUIET_POLLS};
use crate::tree::NodeId;
use std::mem;

/// What is to be done for a note that cannot be trusted yet.
#[derive(Debug)]
pub(super) enum Ask {
    /// The task is polled once more, for that.
    Now,
    /// It is to be polled in any case: its combinators may have woken it.
    JoinEdge,
    /// Nothing before this time.
    Later(u64),
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
    /// The next poll confirms the notes that are not lasting, unless there is an event.
    confirms: bool,
    /// How often it may be looked at again at once.
    looks: u64,
    /// Up to when the looks that came with time were counted.
    counted: u64,
    /// The latest note then: a look for one up to that is given back when it goes.
    latest: u64,
    /// When it is looked at again in any case; `None` from then until its next poll.
    pub(super) due: Option<u64>,
    /// After which time.
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

    /// A task polls it that has not before, and in which there were so many events. Several tasks
    /// may do so in turn, for ever: that gives no new looks.
    pub(super) fn begin(&mut self, poller: NodeId, events: u64) {
        (self.poller, self.seen) = (poller, events);
        (self.settled, self.asked, self.confirms) = (false, false, false);
    }

    /// A poll has ended, after so many events, and the latest note has that number. Whether the
    /// notes can be trusted.
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
            return Ask::JoinEdge;
        }
        let ask = self.look(now);
        self.quiet = 0;
        self.asked = !is_busy && matches!(ask, Ask::Now);
        ask
    }

    /// A poll has ended, after so many events, with a note that is not lasting. Whether that can be
    /// trusted; else the next poll is to tell.
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

    /// A note has gone, after a look that was for it: of all that there were, each gives that back.
    pub(super) fn missed(&mut self, number: u64) {
        self.looks += u64::from(number <= self.latest);
    }

    /// Nothing has happened for that time. The next one is longer.
    pub(super) fn recheck(&mut self, latest: u64) {
        self.due = None;
        self.delay = (self.delay * 4).min(LAST_RECHECK);
        self.latest = latest;
    }
}

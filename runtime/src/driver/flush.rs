//! Into the kernel: what is queued, as much of it as one turn may hand over.

use super::Driver;
use crate::config::{CANCELS_PER_TURN, SUBMISSIONS_PER_TURN};
use crate::key::Key;
use crate::ring::{Batch, EnterWait, Request, Submission};
use crate::wake;
use std::io;

/// What one turn may still hand to the kernel.
struct Left {
    cancels: usize,
    submissions: usize,
}

impl Left {
    fn of_a_turn() -> Self {
        Self { cancels: CANCELS_PER_TURN, submissions: SUBMISSIONS_PER_TURN }
    }
}

/// What an enter hands back that does not ask for more, in deferred completions (since 6.13).
const HANDED_BACK: u32 = 20;

impl Driver {
    /// Moves the backlog and the cancel requests into the kernel's queue, as far as one turn may.
    /// When that is full, the kernel takes it, and what has completed meanwhile is set aside.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut left = Left::of_a_turn();
        loop {
            self.fill_queue(&mut left);
            let cancelled = self.cancels.is_empty() || left.cancels == 0;
            let submitted = self.backlog.is_empty() || left.submissions == 0;
            if cancelled && submitted && !wake::has_doorbells() {
                return Ok(());
            }
            let before = self.ring.unsubmitted();
            self.enter(EnterWait::No)?;
            self.ring.reap(&mut self.completions);
            if self.ring.unsubmitted() >= before {
                // The kernel is short of memory: the next turn tries again.
                return Ok(());
            }
        }
    }

    /// Wakes of other cores; then cancel requests: what a dropped receive could still take, the
    /// next one shall get; then submissions.
    fn fill_queue(&mut self, left: &mut Left) {
        if wake::has_doorbells() {
            self.push_messages();
        }
        if !self.cancels.is_empty() {
            self.push_cancels(left);
        }
        if !self.backlog.is_empty() {
            self.push_backlog(left);
        }
    }

    fn push_messages(&mut self) {
        let next = || {
            let (core, ring) = wake::next_doorbell()?;
            let key = Key::message(core);
            Some(Submission { key, request: Request::Message { ring, key } })
        };
        // SAFETY: a message has no pointers.
        unsafe { self.ring.push(next) };
    }

    fn push_cancels(&mut self, left: &mut Left) {
        let Self { ring, in_flight, cancels, asked, stats, .. } = self;
        let next = || {
            while left.cancels > 0 {
                let target = cancels.pop_front()?;
                // What has completed since needs no request.
                if in_flight.is_pending(target) {
                    left.cancels -= 1;
                    *asked += 1;
                    stats.cancel_requests += 1;
                    return Some(Submission {
                        key: target.cancel(),
                        request: Request::Cancel { target },
                    });
                }
            }
            None
        };
        // SAFETY: a cancel request has no pointers.
        unsafe { ring.push(next) };
    }

    fn push_backlog(&mut self, left: &mut Left) {
        let Self { ring, in_flight, backlog, marked, stats, .. } = self;
        let next = || {
            while left.submissions > 0 {
                let submission = backlog.pop_front()?;
                // What is marked is resolved without the kernel when its turn comes.
                let doomed = !marked.is_empty() && in_flight.is_doomed(submission.key);
                if !doomed && in_flight.flush(submission.key) {
                    left.submissions -= 1;
                    stats.submitted += 1;
                    return Some(submission);
                }
            }
            None
        };
        // SAFETY: the requests of the backlog were promised to stay valid when they were submitted,
        // and the table keeps what they point to until the final completion.
        unsafe { ring.push(next) };
    }

    pub(super) fn enter(&mut self, wait: EnterWait) -> io::Result<()> {
        self.enter_for(wait, Batch::FIRST)
    }

    pub(super) fn enter_for(&mut self, wait: EnterWait, batch: Batch) -> io::Result<()> {
        self.stats.enters += 1;
        self.stats.overflows += u64::from(self.ring.overflowed());
        self.turns_without_enter = 0;
        let asked = std::mem::take(&mut self.asked);
        if asked <= HANDED_BACK {
            return self.ring.enter(wait, batch);
        }
        // Has cancelled operations complete at once, if they can. As long as the kernel has them,
        // it looks at them again for each further cancel.
        self.ring.enter(EnterWait::Until(0), Batch { least: asked, moment: 0 })
    }
}

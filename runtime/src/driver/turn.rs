//! One turn of the driver: into the kernel and back, asleep or not.
//!
//! ```text
//!   turn ─▶ flush: cancels, backlog ─┬─ runnable ──▶ enter, if it has to ──┬─▶ reap
//!                                    ├─ it may spin ─▶ spin_or_park ───────┤
//!                                    └─ else ────────▶ park ───────────────┘
//! ```

use super::Driver;
use crate::config::{CANCELS_PER_TURN, SUBMISSIONS_PER_TURN, TURNS_PER_ENTER};
use crate::inbox;
use crate::key::Key;
use crate::ring::{Batch, EnterWait, Request, Submission};
use std::hint::spin_loop;
use std::io;

/// Looks at the queues between two looks at the clock.
const LOOKS: u32 = 32;

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

/// How many deferred completions an enter hands back that does not ask for more (since 6.13).
const HANDED_BACK: u32 = 20;

impl Driver {
    /// Gives the kernel what is queued, and takes completions. Without runnable work the core
    /// sleeps until the next deadline, a completion or a wake from another thread.
    ///
    /// `idle` looks at the queues of other threads once the doorbell is armed.
    ///
    /// # Errors
    ///
    /// The ring is of no use any more.
    pub(crate) fn turn(&mut self, runnable: bool, idle: impl Fn() -> bool) -> io::Result<()> {
        self.counters.turns.add(1);
        self.marked.refill();
        self.flush()?;
        if runnable {
            self.turns_without_enter += 1;
            if self.ring.unsubmitted() > 0
                || self.ring.has_deferred_work()
                || self.turns_without_enter >= TURNS_PER_ENTER
            {
                self.enter(EnterWait::No)?;
            }
        } else if self.spin.is_on() {
            self.spin_or_park(idle)?;
        } else {
            self.park(idle)?;
        }
        let before = self.completions.len();
        self.ring.reap(&mut self.completions);
        self.batching.came(self.completions.len() - before);
        if !self.slow.is_empty() {
            self.tell_slow();
        }
        Ok(())
    }

    // --- into the kernel's queue ---------------------------------------------------------------

    /// Moves the backlog and the cancel requests into the kernel's queue, as far as one turn may.
    /// When the queue is full, the kernel takes its entries, and completions that have come
    /// meanwhile are set aside.
    fn flush(&mut self) -> io::Result<()> {
        let mut left = Left::of_a_turn();
        loop {
            self.fill_queue(&mut left);
            let cancelled = self.cancels.is_empty() || left.cancels == 0;
            let submitted = self.backlog.is_empty() || left.submissions == 0;
            if cancelled && submitted && !inbox::has_doorbells() {
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

    /// Moves wakes of other cores first; then cancel requests, because the next receive shall get
    /// what a dropped one could still take; then submissions.
    fn fill_queue(&mut self, left: &mut Left) {
        if inbox::has_doorbells() {
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
            let (core, ring) = inbox::next_doorbell()?;
            let key = Key::message(core);
            Some(Submission { key, request: Request::Message { ring, key } })
        };
        // SAFETY: a message has no pointers.
        unsafe { self.ring.push(next) };
    }

    fn push_cancels(&mut self, left: &mut Left) {
        let Self { ring, in_flight, cancels, asked, counters, .. } = self;
        let next = || {
            while left.cancels > 0 {
                let target = cancels.pop_front()?;
                // An operation that has completed since needs no request.
                if in_flight.is_pending(target) {
                    left.cancels -= 1;
                    *asked += 1;
                    counters.cancel_requests.add(1);
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
        let Self { ring, in_flight, backlog, marked, counters, .. } = self;
        let any_marked = !marked.is_empty();
        let (front, back) = backlog.as_slices();
        let (mut pushed, mut taken) = (0, 0);
        // One after the other: an iterator over both costs each submission a dozen instructions.
        for part in [front, back] {
            let mut rest = part.iter();
            let next = || {
                while pushed < left.submissions {
                    let submission = rest.next()?;
                    // An operation that is marked is resolved without the kernel when its turn
                    // comes.
                    let doomed = any_marked && in_flight.is_doomed(submission.key);
                    if !doomed && in_flight.flush(submission.key) {
                        pushed += 1;
                        return Some(*submission);
                    }
                }
                None
            };
            // SAFETY: the requests of the backlog were promised to stay valid when they were
            // submitted, and the table keeps what they point to until the final completion.
            unsafe { ring.push(next) };
            taken += part.len() - rest.len();
            if !rest.as_slice().is_empty() {
                break;
            }
        }
        left.submissions -= pushed;
        counters.submitted.add(pushed as u64);
        backlog.drain(..taken);
    }

    // --- into the kernel -----------------------------------------------------------------------

    fn enter(&mut self, wait: EnterWait) -> io::Result<()> {
        self.enter_for(wait, Batch::FIRST)
    }

    fn enter_for(&mut self, wait: EnterWait, batch: Batch) -> io::Result<()> {
        self.counters.enters.add(1);
        if self.ring.overflowed() {
            self.counters.overflows.add(1);
        }
        self.turns_without_enter = 0;
        let asked = std::mem::take(&mut self.asked);
        if asked <= HANDED_BACK {
            return self.ring.enter(wait, batch);
        }
        // Has cancelled operations complete at once, if they can. As long as the kernel has them,
        // it looks at them again for each further cancel.
        self.ring.enter(EnterWait::Until(0), Batch { least: asked, moment: 0 })
    }

    // --- waiting -------------------------------------------------------------------------------

    /// Sleeps, unless there is something to do by now. Tells if the core may have slept.
    fn park(&mut self, idle: impl Fn() -> bool) -> io::Result<bool> {
        self.arm_doorbell();
        self.unparker.park();
        let nothing = self.is_flushed() && self.completions.is_empty();
        let (wait, batch) = match self.doorbell_armed && nothing && idle() {
            true => self.sleep(),
            false => (EnterWait::No, Batch::FIRST),
        };
        let entered = self.enter_for(wait, batch);
        self.unparker.unpark();
        entered.map(|()| wait != EnterWait::No)
    }

    /// Whether the kernel's queue has all that is to be submitted; not what did not fit, or was
    /// refused for lack of memory.
    fn is_flushed(&self) -> bool {
        let cancelled = self.marked.is_empty() && self.cancels.is_empty();
        cancelled && self.backlog.is_empty() && !inbox::has_doorbells()
    }

    /// What ends the sleep that begins.
    fn sleep(&mut self) -> (EnterWait, Batch) {
        let deadline = self.deadline();
        match self.batching.begin(|| self.ring.now()) {
            Some((batch, bound)) => {
                (EnterWait::Until(deadline.map_or(bound, |at| at.min(bound))), batch)
            }
            None => (deadline.map_or(EnterWait::Forever, EnterWait::Until), Batch::FIRST),
        }
    }

    /// Spins for something to do if that is likely to come soon, and then sleeps.
    fn spin_or_park(&mut self, idle: impl Fn() -> bool) -> io::Result<()> {
        let began = self.now();
        if self.is_flushed()
            && let Some(until) = self.spin.begin(began)
        {
            // Entries that are queued must not wait for the end of the spinning.
            if self.ring.unsubmitted() > 0 || self.ring.has_deferred_work() {
                self.enter(EnterWait::No)?;
            }
            if let Some(gap) = self.spin(began, until, &idle) {
                self.spin.came_after(gap);
                return match self.ring.has_deferred_work() {
                    true => self.enter(EnterWait::No),
                    false => Ok(()),
                };
            }
        }
        if self.park(idle)? {
            let gap = self.now().saturating_sub(began);
            self.spin.woken_after(gap);
        }
        Ok(())
    }

    /// Looks for something to do until a moment; tells after what time there was.
    fn spin(&mut self, began: u64, until: u64, idle: impl Fn() -> bool) -> Option<u64> {
        let until = until.min(self.deadline().unwrap_or(u64::MAX));
        let mut before = began;
        loop {
            for _ in 0..LOOKS {
                let kernel = self.ring.has_completions() || self.ring.has_deferred_work();
                if kernel || !self.completions.is_empty() || !idle() {
                    return Some(self.now().saturating_sub(began));
                }
                spin_loop();
            }
            let now = self.now();
            if !self.spin.goes_on(before, now) || now >= until {
                return None;
            }
            before = now;
        }
    }
}

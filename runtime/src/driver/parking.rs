//! One turn of the driver: into the kernel and back, asleep or not.

use super::Driver;
use crate::config::TURNS_PER_ENTER;
use crate::ring::{Batch, EnterWait};
use crate::wake;
use std::hint::spin_loop;
use std::io;

/// Looks at the queues between two looks at the clock.
const LOOKS: u32 = 32;

impl Driver {
    /// Gives the kernel what is queued and takes what it has done. Without runnable work it
    /// sleeps until the next deadline, a completion or a wake from another thread.
    ///
    /// `idle` looks at the queues of other threads once the doorbell is armed.
    ///
    /// # Errors
    ///
    /// The ring is of no use any more.
    pub(crate) fn turn(&mut self, runnable: bool, idle: impl Fn() -> bool) -> io::Result<()> {
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
            self.wait_patiently(idle)?;
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
        cancelled && self.backlog.is_empty() && !wake::has_doorbells()
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
    fn wait_patiently(&mut self, idle: impl Fn() -> bool) -> io::Result<()> {
        let began = self.now();
        if self.is_flushed()
            && let Some(until) = self.spin.begin(began)
        {
            // What is queued must not wait for the end of the spinning.
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

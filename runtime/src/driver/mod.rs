//! The driver: what is in flight on one core, its timers, and its way to sleep and be woken.
//!
//! Futures ask ([`Driver::submit`], [`Driver::cancel_scopes`]), the event loop turns
//! ([`Driver::turn`]) and dispatches ([`Driver::dispatch`]). Nothing foreign runs while the driver
//! is borrowed: wakers and destructors come back as values, to be run by the caller.
//!
//! ```text
//!   submit ─▶ backlog ─┐                           ┌─▶ Wake(waiter)
//!   cancel ─▶ cancels ─┴─ flush ─▶ ring ─▶ dispatch ┼─▶ Dispose(orphan)
//!                                                  └─▶ nothing: cancel's answer, bell, stale
//! ```
//!
//! The backlog and the cancel list have no place of their own in the kernel's queue, so neither can
//! be lost when that is full. The backlog is bounded by the in-flight limit, and each operation has
//! at most one cancel request. Of both lists a turn takes no more than `config` allows, cancels
//! first, so that a mass of either does not hold the core.

mod batching;
mod bells;
mod cancels;
mod current;
mod elsewhere;
mod in_flight;
mod lifecycle;
mod parking;
mod patience;
mod resume;
mod slow;
mod stats;
mod timers;
mod what;

use crate::config::{CANCELS_PER_TURN, Config, SUBMISSIONS_PER_TURN};
use crate::instrument;
use crate::key::{Key, Tag};
use crate::ring::{self, Batch, Completion, Entry, Ring, Wait, opcode, squeue};
use crate::scope;
use crate::tree::NodeId;
use crate::wake::{self, Unparker, Waiter};
use batching::Batching;
use cancels::Marked;
use elsewhere::Recalls;
use in_flight::InFlight;
use lifecycle::Holder;
use patience::Patience;
use slow::Slow;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use timers::Timers;

pub(crate) use current::{DriverRef, current, enter, expect_current};
pub(crate) use in_flight::{Arrival, Flight, Landed};
pub(crate) use lifecycle::{Abandoned, Orphan};
pub use stats::Stats;
pub(crate) use timers::TimerKey;
pub(crate) use what::What;

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

/// One core's kernel, and everything lent to it.
#[derive(Debug)]
pub(crate) struct Driver {
    ring: Ring,
    in_flight: InFlight,
    /// Submissions that the kernel's queue has not taken yet, oldest first.
    backlog: VecDeque<(Key, Entry)>,
    /// What is cancelled, and still to be gone through.
    marked: Marked,
    /// Operations whose cancel the kernel is to be asked for.
    cancels: VecDeque<Key>,
    /// Requests of those that the kernel's queue has since it was entered.
    asked: u32,
    /// How to stop the work that is done elsewhere, by slot.
    recalls: Recalls,
    slow: Slow,
    timers: Timers,
    unparker: Arc<Unparker>,
    bell_armed: bool,
    /// What came back and is still to be dispatched.
    completions: VecDeque<Completion>,
    turns_without_enter: u32,
    patience: Patience,
    batching: Batching,
    /// See `give_up`.
    broken: bool,
    stats: Stats,
}

impl Driver {
    pub(crate) fn new(config: &Config) -> io::Result<Self> {
        Ok(Self {
            ring: Ring::new(config)?,
            in_flight: InFlight::default(),
            backlog: VecDeque::new(),
            marked: Marked::default(),
            cancels: VecDeque::new(),
            asked: 0,
            recalls: Recalls::default(),
            slow: Slow::default(),
            timers: Timers::default(),
            unparker: Unparker::new().map_err(|error| ring::explain::bell(&error))?,
            bell_armed: false,
            completions: VecDeque::new(),
            turns_without_enter: 0,
            patience: Patience::new(config.spin.as_nanos().try_into().unwrap_or(u64::MAX)),
            batching: Batching::new(config.batch),
            broken: false,
            stats: Stats::default(),
        })
    }

    /// What wakes this core when it sleeps.
    pub(crate) fn unparker(&self) -> &Arc<Unparker> {
        &self.unparker
    }

    /// A descriptor of the ring, for others to post messages to.
    pub(crate) fn duplicate_ring(&self) -> io::Result<OwnedFd> {
        self.ring.duplicate()
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats { in_flight: self.in_flight.submitted() as u64, ..self.stats }
    }

    pub(crate) fn count_derived(&mut self) {
        self.stats.derived += 1;
    }

    pub(crate) fn now(&self) -> u64 {
        self.ring.now()
    }

    /// The time as of the clock's last tick.
    pub(crate) fn tick(&self) -> u64 {
        self.ring.tick()
    }

    /// Whether this process was forked from the one that made the driver.
    pub(crate) fn forked(&self) -> bool {
        self.ring.forked()
    }

    // --- operations --------------------------------------------------------------------------

    /// Whether another operation may be submitted.
    ///
    /// # Errors
    ///
    /// The limit of operations in flight is reached.
    pub(crate) fn room(&self) -> io::Result<()> {
        self.in_flight.room()
    }

    /// Queues an operation of a future, for which there is [`room`](Self::room). It enters the
    /// kernel with the next turn.
    ///
    /// # Safety
    ///
    /// Every pointer in `entry` stays valid until the future has taken the answer, or has handed
    /// over what it points to with `abandon`, or for ever.
    pub(crate) unsafe fn submit(
        &mut self,
        mut entry: Entry,
        what: What,
        scope: NodeId,
        waiter: Waiter,
    ) -> Key {
        let key = self.in_flight.insert(what, Holder::Future(waiter), Some(scope));
        entry.set_user_data(key.user_data());
        self.backlog.push_back((key, entry));
        key
    }

    /// Queues an operation without a future, for which there is [`room`](Self::room). It is never
    /// cancelled.
    ///
    /// # Safety
    ///
    /// Every pointer in `entry` is valid as long as `orphan` lives, or for ever.
    pub(crate) unsafe fn submit_detached(
        &mut self,
        mut entry: Entry,
        what: What,
        scope: Option<NodeId>,
        orphan: Box<dyn Orphan>,
    ) {
        let key = self.in_flight.insert(what, Holder::Driver(orphan), scope);
        entry.set_user_data(key.user_data());
        self.backlog.push_back((key, entry));
    }

    /// The answer to an operation; without one, `waiter` waits for it from now on, in exchange
    /// for whoever did before.
    pub(crate) fn poll_op(&mut self, key: Key, waiter: &mut Waiter) -> Option<Landed> {
        let landed = self.in_flight.poll(key, waiter)?;
        self.stats.cancelled += u64::from(landed.cancelled);
        Some(landed)
    }

    /// What is in flight in a scope's list.
    pub(crate) fn flights(&self, head: u32) -> Vec<Flight> {
        self.in_flight.flights(head)
    }

    // --- timers ------------------------------------------------------------------------------

    pub(crate) fn arm(&mut self, deadline: u64, waiter: Waiter) -> TimerKey {
        self.timers.arm(deadline, waiter, scope::current())
    }

    pub(crate) fn disarm(&mut self, key: TimerKey) -> Waiter {
        self.timers.disarm(key)
    }

    /// Whether a timer still runs; see [`Timers::poll`].
    pub(crate) fn poll_timer(&mut self, key: TimerKey, waiter: &mut Waiter) -> bool {
        self.timers.poll(key, waiter)
    }

    /// The timers that run, soonest first: each deadline with the scope that waits for it.
    pub(crate) fn armed(&self) -> impl Iterator<Item = (u64, NodeId)> {
        self.timers.armed()
    }

    /// The time, if there are timers to compare it with: one look at the clock in a turn.
    pub(crate) fn now_for_timers(&self) -> Option<u64> {
        self.timers.next().map(|_| self.now())
    }

    /// Takes the first timer whose deadline has passed.
    pub(crate) fn pop_due(&mut self, now: u64) -> Option<Waiter> {
        self.timers.pop_due(now)
    }

    // --- the turn ----------------------------------------------------------------------------

    /// Moves the backlog and the cancel requests into the kernel's queue, as far as one turn may.
    /// When that is full, the kernel takes it, and what has completed meanwhile is set aside.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let mut left = Left::of_a_turn();
        loop {
            self.fill_queue(&mut left);
            let cancelled = self.cancels.is_empty() || left.cancels == 0;
            let submitted = self.backlog.is_empty() || left.submissions == 0;
            if cancelled && submitted && !wake::has_bells() {
                return Ok(());
            }
            let before = self.ring.unsubmitted();
            self.enter(Wait::No)?;
            self.ring.reap(&mut self.completions);
            if self.ring.unsubmitted() >= before {
                // The kernel is short of memory: the next turn tries again.
                return Ok(());
            }
        }
    }

    fn fill_queue(&mut self, left: &mut Left) {
        let Self { ring, in_flight, backlog, marked, cancels, asked, stats, .. } = self;
        let next = || {
            if let Some((core, ring)) = wake::next_bell() {
                return Some(bells::entry(core, ring));
            }
            // First: what a dropped receive could still take, the next one shall get.
            while left.cancels > 0
                && let Some(key) = cancels.pop_front()
            {
                // What has completed since needs no request.
                if in_flight.is_pending(key) {
                    left.cancels -= 1;
                    *asked += 1;
                    stats.cancel_requests += 1;
                    return Some(cancel_entry(key));
                }
            }
            while left.submissions > 0
                && let Some((key, entry)) = backlog.pop_front()
            {
                // What is marked is resolved without the kernel when its turn comes.
                let doomed = !marked.is_empty() && in_flight.is_doomed(key);
                if !doomed && in_flight.flush(key) {
                    left.submissions -= 1;
                    stats.submitted += 1;
                    return Some(entry);
                }
            }
            None
        };
        // SAFETY: the entries of the backlog were promised to stay valid when they were submitted,
        // and the table keeps what they point to until the final completion; a cancel request has
        // no pointers.
        unsafe { ring.push(next) };
    }

    pub(super) fn enter(&mut self, wait: Wait) -> io::Result<()> {
        self.enter_for(wait, Batch::FIRST)
    }

    pub(super) fn enter_for(&mut self, wait: Wait, batch: Batch) -> io::Result<()> {
        self.stats.enters += 1;
        self.stats.overflows += u64::from(self.ring.overflowed());
        self.turns_without_enter = 0;
        let asked = std::mem::take(&mut self.asked);
        if asked <= HANDED_BACK {
            return self.ring.enter(wait, batch);
        }
        // What was cancelled comes out at once, if it can. Left in the kernel, it is looked at
        // again for each further cancel.
        self.ring.enter(Wait::Until(0), Batch { least: asked, moment: 0 })
    }

    /// Takes one completion and finds out what it means.
    #[inline]
    pub(crate) fn dispatch(&mut self) -> Option<Arrival> {
        let completion = self.completions.pop_front()?;
        let key = Key::from_user_data(completion.user_data);
        let arrival = match key.tag() {
            Tag::Op if completion.more() => Arrival::Nothing,
            Tag::Op => {
                if instrument::is_on() {
                    self.in_flight.tell_done(key, completion);
                }
                self.in_flight.complete(key, completion)
            }
            // It missed its target, which had completed already, or found it busy.
            Tag::Cancel => Arrival::Nothing,
            Tag::Doorbell | Tag::Message => {
                self.hear_bell(key, completion);
                Arrival::Nothing
            }
            Tag::Unknown => Arrival::Stale,
        };
        match arrival {
            Arrival::Nothing => {}
            Arrival::Wake { .. } => self.stats.completed += 1,
            Arrival::Dispose { .. } => {
                self.stats.completed += 1;
                self.stats.discarded += 1;
            }
            Arrival::Stale => self.stats.stale += 1,
        }
        Some(arrival)
    }

    // --- the end -----------------------------------------------------------------------------

    /// Whether nothing is in flight, nor to be cancelled; or nothing that will ever be answered.
    pub(crate) fn is_drained(&self) -> bool {
        self.broken || self.in_flight.pending() == 0 && !self.marked.is_everything()
    }

    /// The ring cannot be entered any more: what the kernel has will not be answered, and the
    /// memory lent to it is leaked with the driver.
    pub(crate) fn give_up(&mut self) {
        self.broken = true;
        self.stats.leaked = self.in_flight.pending() as u64;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Whatever is left here was not drained; its memory must outlive the kernel's use of it.
        self.in_flight.leak();
    }
}

fn cancel_entry(key: Key) -> Entry {
    opcode::AsyncCancel::new(key.user_data())
        .build()
        .flags(squeue::Flags::SKIP_SUCCESS)
        .user_data(key.cancel().user_data())
}

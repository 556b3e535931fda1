//! The driver: what is in flight on one core, its timers, and its way to sleep and be woken.
//!
//! Futures ask ([`Driver::submit`], [`Driver::cancel_scopes`]), the event loop turns
//! ([`Driver::turn`]) and dispatches ([`Driver::dispatch`]). Nothing foreign runs while the driver
//! is borrowed: wakers and destructors come back as values, to be run by the caller.
//!
//! ```text
//!   submit ─▶ backlog ─┐                           ┌─▶ Wake(waiter)
//!   cancel ─▶ cancels ─┴─ flush ─▶ ring ─▶ dispatch ┼─▶ Dispose(orphan)
//!                                                  └─▶ nothing: cancel's answer, doorbell, stale
//! ```
//!
//! The backlog and the cancel list have no place of their own in the kernel's queue, so neither can
//! be lost when that is full. The backlog is bounded by the in-flight limit, and each operation has
//! at most one cancel request. Of both lists a turn takes no more than `config` allows, cancels
//! first, so that a mass of either does not hold the core.

mod batching;
mod buffers;
mod cancels;
mod check;
mod completing;
mod current;
mod dispatch;
mod doorbells;
mod in_flight;
mod lifecycle;
mod listed;
mod many;
mod notices;
mod offload;
mod op_info;
mod outcome;
mod registered;
mod resume;
mod seen;
mod slow;
mod spin;
mod timers;
mod trimming;
mod turn;
mod unread;
mod wheel;

use crate::config::{COARSE_TICK, Config};
use crate::counters::{Counters, Stats};
use crate::inbox::Unparker;
use crate::key::Key;
use crate::ring::{Capability, Completion, Request, Ring, Submission};
use crate::scope;
use crate::tree::{self, NodeId};
use crate::wake::Waiter;
use batching::Batching;
use cancels::Marked;
use in_flight::InFlight;
use lifecycle::Phase;
use notices::Notices;
use offload::Recalls;
use slow::Slow;
use spin::Spin;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use timers::Timers;
use trimming::Trimming;

pub(crate) use current::{DriverRef, current, expect_current};
pub(crate) use lifecycle::{Abandoned, Orphan};
pub(crate) use offload::Recall;
pub(crate) use op_info::OpInfo;
pub(crate) use outcome::{Arrival, Disposal, Landed, Many, Refused};
pub(crate) use resume::dispose;
pub(crate) use seen::SeenOp;
pub(crate) use timers::TimerKey;

/// What the driver asks of a kernel besides operations.
pub(crate) const NEEDED: &[Capability] =
    &[Capability::PollMany, Capability::Cancel, Capability::Message];

/// One core's kernel, and everything lent to it.
#[derive(Debug)]
pub(crate) struct Driver {
    ring: Ring,
    in_flight: InFlight,
    /// Submissions that the kernel's queue has not taken yet, oldest first.
    backlog: VecDeque<Submission>,
    /// Cancelled scopes that are still to be gone through.
    marked: Marked,
    /// Operations whose cancel the kernel is to be asked for.
    cancels: VecDeque<Key>,
    /// Cancel requests that went into the kernel's queue since the last enter.
    asked: u32,
    /// How to stop the offloaded work, by slot.
    recalls: Recalls,
    notices: Notices,
    slow: Slow,
    trimming: Trimming,
    timers: Timers,
    unparker: Arc<Unparker>,
    doorbell_armed: bool,
    /// What came back and is still to be dispatched.
    completions: VecDeque<Completion>,
    turns_without_enter: u32,
    spin: Spin,
    batching: Batching,
    /// Why the ring is of no use any more; see `give_up`.
    broken: Option<String>,
    counters: Arc<Counters>,
}

impl Driver {
    /// Makes a ring that is capable of what is [`NEEDED`] here, and of `needed`.
    pub(crate) fn new(config: &Config, needed: &[Capability]) -> io::Result<Self> {
        let ring = Ring::new(config, needed)?;
        let unparker = Unparker::new(ring.doorbell()?);
        Ok(Self {
            ring,
            in_flight: InFlight::default(),
            backlog: VecDeque::new(),
            marked: Marked::default(),
            cancels: VecDeque::new(),
            asked: 0,
            recalls: Recalls::default(),
            notices: Notices::default(),
            slow: Slow::default(),
            trimming: Trimming::default(),
            timers: Timers::default(),
            unparker,
            doorbell_armed: false,
            completions: VecDeque::new(),
            turns_without_enter: 0,
            spin: Spin::new(config.spin.as_nanos().try_into().unwrap_or(u64::MAX)),
            batching: Batching::new(config.batch),
            broken: None,
            counters: Arc::default(),
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

    /// What this core counts, for other threads to read.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats { in_flight: self.in_flight.submitted() as u64, ..self.counters.read() }
    }

    pub(crate) fn count_derived(&mut self) {
        self.counters.derived.add(1);
    }

    pub(crate) fn now(&self) -> u64 {
        self.ring.now()
    }

    /// The time as of the clock's last tick.
    pub(crate) fn tick(&self) -> u64 {
        self.ring.tick()
    }

    /// The time, if that moment has passed. A moment that is far away is compared with the clock's
    /// last tick, which is cheaper to read.
    #[inline]
    pub(crate) fn now_if_past(&self, moment: u64) -> Option<u64> {
        const FAR: u64 = 100 * COARSE_TICK.as_nanos() as u64;
        let before = moment.saturating_sub(FAR);
        // The time of this turn costs no reading of a clock, but is old: so it is asked first.
        if before > tree::now() && before > self.tick() {
            return None;
        }
        Some(self.now()).filter(|now| moment <= *now)
    }

    /// Whether the kernel has what not all kernels have.
    pub(crate) fn is_capable(&self, capability: Capability) -> bool {
        self.ring.is_capable(capability)
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

    /// Begins an operation of a future. Its request enters the kernel with the next turn; an
    /// operation without a request waits until it is nudged, or its scope cancelled.
    ///
    /// # Errors
    ///
    /// The operation does not begin. The caller has to drop the waiter outside a borrow.
    ///
    /// # Safety
    ///
    /// Every pointer in `request` stays valid until the future has taken the last answer, or has
    /// handed over what it points to with `abandon`, or for ever.
    #[inline]
    pub(crate) unsafe fn submit(
        &mut self,
        request: Option<Request>,
        info: OpInfo,
        scope: NodeId,
        waiter: Waiter,
    ) -> Result<Key, Refused> {
        if let Err(error) = self.in_flight.room() {
            return Err(Refused::Full(error, waiter));
        }
        let inserted = self.in_flight.insert(Phase::Queued, info, waiter, Some(scope));
        let key = inserted.map_err(Refused::Cancelled)?;
        if let Some(request) = request {
            self.queue(key, request);
        }
        Ok(key)
    }

    /// The kernel may answer an operation many times, which has just begun.
    pub(crate) fn expect_many(&mut self, key: Key, many: Many) {
        self.in_flight.expect_many(key, many);
    }

    /// Queues an operation without a future, for which there is [`room`](Self::room). It is never
    /// cancelled.
    ///
    /// # Safety
    ///
    /// Every pointer in `request` is valid as long as `orphan` lives, or for ever.
    pub(crate) unsafe fn submit_detached(
        &mut self,
        request: Request,
        info: OpInfo,
        scope: Option<NodeId>,
        orphan: Box<dyn Orphan>,
    ) {
        let key = self.in_flight.insert_detached(Phase::Queued, info, orphan, scope);
        self.queue(key, request);
    }

    #[inline]
    fn queue(&mut self, key: Key, request: Request) {
        debug_assert!(
            self.ring.is_capable(request.needs()),
            "{request:?} needs what the start did not check: add it to `op::needed`"
        );
        self.backlog.push_back(Submission { key, request });
    }

    /// Takes the answer to an operation, if that is its last one, and no error: the common case.
    #[inline(always)]
    pub(crate) fn take_success(&mut self, key: Key) -> Option<Completion> {
        self.in_flight.take_success(key)
    }

    /// Takes the answer to an operation, if there is one; every case. Else `waiter` waits for it
    /// from now on, in exchange for the waiter before.
    pub(crate) fn poll_answer(&mut self, key: Key, waiter: &mut Waiter) -> Option<Landed> {
        let landed = self.in_flight.poll(key, waiter)?;
        if landed.cancelled.is_some() {
            self.counters.cancelled.add(1);
        }
        Some(landed)
    }

    /// Whether an answer waits for the future of an operation.
    pub(crate) fn is_answered(&self, key: Key) -> bool {
        self.in_flight.is_answered(key)
    }

    /// Takes an answer that nothing waits for any more, of those before the last.
    pub(crate) fn take_unread(&mut self, key: Key) -> Option<Completion> {
        self.in_flight.take_unread(key)
    }

    /// An answer was disposed of that was not the last.
    pub(crate) fn put_back(&mut self, key: Key, orphan: Box<dyn Orphan>) {
        self.in_flight.put_back(key, orphan);
    }

    /// What is in flight in a scope's list.
    pub(crate) fn flights(&self, head: u32) -> Vec<SeenOp> {
        self.in_flight.flights(head)
    }

    // --- timers ------------------------------------------------------------------------------

    pub(crate) fn arm(&mut self, deadline: u64, waiter: Waiter) -> TimerKey {
        self.timers.arm(tree::now(), deadline, waiter, scope::current())
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

    /// The time, if there are timers or rechecks to compare it with: one look at the clock in a
    /// turn.
    pub(crate) fn now_for_timers(&mut self) -> Option<u64> {
        self.timers.next().or_else(scope::next_recheck).map(|_| self.now())
    }

    /// Takes the first timer whose deadline has passed, unless `left` is used up by the work.
    pub(crate) fn pop_due(&mut self, now: u64, left: &mut usize) -> Option<Waiter> {
        self.timers.pop_due(now, left)
    }

    // --- the end -----------------------------------------------------------------------------

    /// Whether nothing is in flight, nor to be cancelled; or nothing that will ever be answered.
    pub(crate) fn is_drained(&self) -> bool {
        self.broken.is_some() || self.in_flight.pending() == 0 && !self.marked.is_everything()
    }

    /// The ring cannot be entered any more, for that reason: operations that the kernel has will
    /// not be answered, and the memory lent to it is leaked with the driver. The first reason is
    /// kept.
    pub(crate) fn give_up(&mut self, reason: String) {
        self.broken.get_or_insert(reason);
        self.counters.leaked.set(self.in_flight.pending() as u64);
    }

    /// Why the ring was given up, if it was.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }

    /// Takes operations in flight out of the lists of all scopes. Some scopes outlive the core, and
    /// another driver must not take the slots in their lists for its own.
    pub(crate) fn part(&mut self) {
        self.in_flight.part();
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // Operations that are left were not drained; their memory must outlive the kernel's use of
        // it.
        self.in_flight.leak();
        self.leak_notices();
    }
}

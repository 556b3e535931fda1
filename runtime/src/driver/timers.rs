//! `Timers`: pending deadlines, soonest first; the first one bounds how long the core sleeps.
//!
//! ```text
//!   arm ──┬─▶ far: a list of the wheel, by about when ──┬─▶ near: in order ──▶ due
//!         └───────────── few, or soon ──────────────────┘
//! ```
//!
//! Most timers are disarmed long before their time, so only the near ones are put in order. They
//! expire in the order of their deadlines, to the nanosecond, and of those with the same deadline
//! the first that was armed comes first.
//!
//! So what is near waits for a list that begins before it. A list of up to `MANY` is put in order
//! at once. A longer one is opened ahead of its time, by `AHEAD` for each timer, and a turn moves
//! `EVENTS_PER_TURN` of them: while turns take less than 4 ms, all is done in time, and nothing
//! waits. If they take longer, or so many were armed at short notice, a timer that is due waits for
//! one turn for each 4096 timers of the list, on each level that they pass.

use super::wheel::{Far, FarPlace, Wheel};
use crate::table::{Slots, Trim, When};
use crate::tree::NodeId;
use crate::wake::Waiter;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// So many timers are near from the start; and a list of so many, or fewer, is brought near early:
/// then the first deadline is known, and not only when its list begins.
const FEW: usize = 32;

/// A list of so many timers, or fewer, is brought near at once when its time has come. The timers
/// of a longer list go to lists of shorter times first, where they are looked at once more.
const MANY: usize = 2048;

/// So many timers go to lists of shorter times with one step.
const MOVED: usize = 16;

/// A list of more than [`MANY`] is opened earlier by so many nanoseconds for each timer in it.
const AHEAD: u64 = 1000;

/// Names an armed timer: its number, and the slot that has it as long as it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerKey {
    number: u64,
    slot: u32,
}

#[derive(Debug)]
struct Armed {
    deadline: u64,
    number: u64,
    waiter: Waiter,
    /// The scope of the code that waits, for dumps.
    scope: Option<NodeId>,
    /// The timer's place among those that are far; `None`: the timer is near.
    far: Option<FarPlace>,
}

/// The deadlines of one core.
#[derive(Debug, Default)]
pub(super) struct Timers {
    armed: Slots<Armed>,
    /// The timers that are near, by deadline; and timers that were near when they were disarmed.
    near: BinaryHeap<Reverse<(u64, TimerKey)>>,
    /// How many of `near` were disarmed.
    disarmed: usize,
    far: Wheel,
    next_number: u64,
}

impl Timers {
    /// Arms a timer, at about the moment `now`.
    pub(super) fn arm(
        &mut self,
        now: u64,
        deadline: u64,
        waiter: Waiter,
        scope: Option<NodeId>,
    ) -> TimerKey {
        let number = self.next_number;
        self.next_number += 1;
        let armed = Armed { deadline, number, waiter, scope, far: None };
        let slot = self.armed.insert(armed) as u32;
        if self.far.is_empty() {
            self.far.turn_to(now.min(deadline));
        }
        if self.near.len() < FEW || deadline < self.far.origin() {
            self.put_near(slot);
        } else {
            self.put_far(Far { deadline, slot });
        }
        TimerKey { number, slot }
    }

    /// Removes a timer. Its waiter comes back, to be dropped outside a borrow.
    pub(super) fn disarm(&mut self, key: TimerKey) -> Waiter {
        if !is_armed(&self.armed, key) {
            return Waiter::Nobody;
        }
        let Armed { waiter, far, .. } = self.armed.remove(key.slot as usize);
        let Some(place) = far else {
            self.disarmed += 1;
            self.sweep();
            return waiter;
        };
        if let Some(moved) = self.far.remove(place) {
            self.armed[moved.slot as usize].far = far;
        }
        waiter
    }

    /// Whether a timer still runs; if so, `waiter` waits for it, in exchange for the waiter before,
    /// to be dropped outside a borrow.
    pub(super) fn poll(&mut self, key: TimerKey, waiter: &mut Waiter) -> bool {
        let armed = self.armed.get_mut(key.slot as usize);
        let kept = armed.filter(|armed| armed.number == key.number);
        kept.map(|kept| std::mem::swap(&mut kept.waiter, waiter)).is_some()
    }

    /// The soonest deadline; or an earlier moment, at which many timers are to be put in order.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u64> {
        if self.armed.is_unused() { None } else { self.next_armed() }
    }

    fn next_armed(&mut self) -> Option<u64> {
        loop {
            let near = self.first_near();
            let Some((list, start)) = self.far.first() else { return near };
            let opens = self.opens(list, start);
            if near.is_some_and(|deadline| deadline <= opens) {
                return near;
            }
            if self.far.len(list) > FEW {
                return Some(opens);
            }
            self.take_near(list);
        }
    }

    /// Takes the first timer whose deadline has passed. That timer, and each timer that is moved
    /// before, costs one of `left`; none is taken once `left` is used up.
    pub(super) fn pop_due(&mut self, now: u64, left: &mut usize) -> Option<Waiter> {
        while *left > 0 {
            let due = self.first_near().filter(|deadline| *deadline <= now);
            if let Some((list, start)) = self.far.first()
                && due.is_none_or(|deadline| start <= deadline)
                && self.opens(list, start) <= now
            {
                let moved = self.bring_near(list, start);
                *left = left.saturating_sub(moved);
                continue;
            }
            if due.is_none() {
                // No list begins before.
                self.far.turn_to(now.max(self.far.origin()));
                return None;
            }
            let Reverse((_, key)) = self.near.pop()?;
            *left -= 1;
            return Some(self.armed.remove(key.slot as usize).waiter);
        }
        None
    }

    /// The timers that run, soonest first, each with the scope that waits for it.
    pub(super) fn armed(&self) -> impl Iterator<Item = (u64, NodeId)> {
        let mut armed: Vec<_> = self.armed.iter().map(|(_, armed)| armed).collect();
        armed.sort_unstable_by_key(|armed| (armed.deadline, armed.number));
        armed.into_iter().filter_map(|armed| Some((armed.deadline, armed.scope?)))
    }

    // --- memory --------------------------------------------------------------------------------

    /// Gives back what is not used. Tells if there is more to come.
    pub(super) fn trim(&mut self) -> bool {
        self.far.trim();
        self.near.trim(When::Running) | self.armed.trim(When::Running)
    }

    /// Whether much more is kept than is in use.
    #[inline]
    pub(super) fn is_sparse(&self) -> bool {
        self.near.is_sparse() || self.armed.is_sparse()
    }

    #[allow(dead_code, reason = "used where this is compiled a second time")]
    pub(super) fn far_capacity(&self) -> usize {
        self.far.capacity()
    }

    // --- lists ---------------------------------------------------------------------------------

    /// When the first list is to be brought near. One that is open already is gone on with.
    #[inline]
    fn opens(&self, list: u32, start: u64) -> u64 {
        match self.far.len(list) {
            _ if self.far.is_open(list) => 0,
            len if len > MANY => start.saturating_sub(AHEAD * len as u64),
            _ => start,
        }
    }

    /// The time of a list has come: what is in it goes to lists of shorter times, so many with each
    /// step; in the end near. Tells how many were moved.
    fn bring_near(&mut self, list: u32, start: u64) -> usize {
        let len = self.far.len(list);
        if len <= MANY {
            self.take_near(list);
            return len;
        }
        self.far.open(list, start);
        for _ in 0..MOVED {
            let Some(far) = self.far.pop(list) else { break };
            match Wheel::is_moment(list) {
                true => self.put_near(far.slot),
                false => self.put_far(far),
            }
        }
        MOVED
    }

    /// The first deadline of the timers that are near.
    #[inline]
    fn first_near(&mut self) -> Option<u64> {
        loop {
            let &Reverse((deadline, key)) = self.near.peek()?;
            if is_armed(&self.armed, key) {
                return Some(deadline);
            }
            self.near.pop();
            self.disarmed -= 1;
        }
    }

    /// Takes the disarmed timers out of `near`, once these are more than the rest.
    fn sweep(&mut self) {
        if 2 * self.disarmed > self.near.len() {
            self.disarmed = 0;
            self.near.retain(|Reverse((_, key))| is_armed(&self.armed, *key));
        }
    }

    /// Puts all timers of a list in order.
    fn take_near(&mut self, list: u32) {
        while let Some(far) = self.far.pop(list) {
            self.put_near(far.slot);
        }
    }

    fn put_near(&mut self, slot: u32) {
        let armed = &mut self.armed[slot as usize];
        armed.far = None;
        let key = TimerKey { number: armed.number, slot };
        self.near.push(Reverse((armed.deadline, key)));
    }

    fn put_far(&mut self, far: Far) {
        self.armed[far.slot as usize].far = Some(self.far.push(far));
    }
}

fn is_armed(armed: &Slots<Armed>, key: TimerKey) -> bool {
    armed.get(key.slot as usize).is_some_and(|armed| armed.number == key.number)
}

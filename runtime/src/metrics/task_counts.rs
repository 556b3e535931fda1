//! `Observer`: the hook on one thread that counts its nurseries, tasks and polls; and `Observers`,
//! what those of all threads have counted.

use super::nurseries::{NurseryCounts, NurseryStats, name_of};
use super::poll_times::{PollCounts, PollTimes};
use super::{Metrics, lock};
use crate::instrument::{Ending, Event, Failure};
use crate::label::{Id, Label};
use crate::sys;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// What hooks have counted.
#[derive(Debug, Default)]
pub(super) struct Observers {
    /// The counts of hooks that are installed, by the address of these counts.
    present: Mutex<BTreeMap<usize, Arc<TaskCounts>>>,
    /// The sum of the counts of hooks that are gone.
    past: Mutex<(BTreeMap<String, NurseryStats>, PollTimes)>,
}

/// What one hook counts.
#[derive(Debug, Default)]
struct TaskCounts {
    nurseries: Mutex<BTreeMap<String, Arc<NurseryCounts>>>,
    polls: PollCounts,
}

impl Observers {
    pub(super) fn nurseries(&self) -> Vec<NurseryStats> {
        let present = lock(&self.present);
        // While `present` is locked no hook goes: its counts are here or there, not in both.
        let mut all = lock(&self.past).0.clone();
        present.values().for_each(|counts| counts.add_to(&mut all, |stats| stats));
        all.into_values().collect()
    }

    pub(super) fn poll_times(&self) -> PollTimes {
        let present = lock(&self.present);
        let past = lock(&self.past).1;
        present.values().map(|counts| counts.polls.read()).fold(past, PollTimes::plus)
    }

    fn join(&self, counts: &Arc<TaskCounts>) {
        lock(&self.present).insert(Arc::as_ptr(counts).addr(), Arc::clone(counts));
    }

    fn leave(&self, counts: &Arc<TaskCounts>) {
        let mut present = lock(&self.present);
        let (nurseries, polls) = &mut *lock(&self.past);
        present.remove(&Arc::as_ptr(counts).addr());
        counts.add_to(nurseries, NurseryStats::at_end);
        *polls = polls.plus(counts.polls.read());
    }
}

impl TaskCounts {
    fn add_to(
        &self,
        sums: &mut BTreeMap<String, NurseryStats>,
        as_told: impl Fn(NurseryStats) -> NurseryStats,
    ) {
        for (name, counts) in &*lock(&self.nurseries) {
            let own = as_told(counts.read(name.clone()));
            let sum = match sums.remove(name) {
                Some(sum) => sum.plus(own),
                None => own,
            };
            sums.insert(name.clone(), sum);
        }
    }

    fn of(&self, label: Label) -> Arc<NurseryCounts> {
        Arc::clone(lock(&self.nurseries).entry(name_of(label)).or_default())
    }
}

/// The hook on one thread.
pub(super) struct Observer {
    metrics: Metrics,
    counts: Arc<TaskCounts>,
    alive: RefCell<Alive>,
}

/// What has begun and not ended.
#[derive(Default)]
struct Alive {
    /// Nurseries by their number, with the label under which they were opened.
    nurseries: HashMap<Id, Arc<NurseryCounts>>,
    /// Tasks by their number; of bodies, only how they end is counted.
    tasks: HashMap<Id, Task>,
    /// The polls that run, each inside the one before.
    polls: Vec<Poll>,
}

struct Task {
    counts: Arc<NurseryCounts>,
    is_child: bool,
}

struct Poll {
    task: Id,
    began: u64,
    /// Nanoseconds of the polls inside this one.
    inside: u64,
}

impl Observer {
    pub(super) fn new(metrics: Metrics) -> Self {
        let counts = Arc::default();
        metrics.observers().join(&counts);
        Self { metrics, counts, alive: RefCell::default() }
    }

    pub(super) fn observe(&self, event: &Event) {
        let alive = &mut *self.alive.borrow_mut();
        match *event {
            Event::Opened { nursery, label, .. } => {
                let counts = self.counts.of(label);
                counts.opened.add(1);
                alive.nurseries.insert(nursery, counts);
            }
            Event::Closed { nursery } => {
                alive.nurseries.remove(&nursery).into_iter().for_each(|it| it.closed.add(1));
            }
            Event::Spawned { task, nursery, label } => alive.spawned(task, nursery, label),
            Event::Ended { task, how } => alive.ended(task, how),
            Event::PollStarted { task } => {
                alive.polls.push(Poll { task, began: sys::monotonic_ns(), inside: 0 });
            }
            Event::PollEnded { task } => {
                alive.poll_ended(task).into_iter().for_each(|own| self.counts.polls.add(own));
            }
            Event::Failed { nursery, how: Failure::First | Failure::Later, .. } => {
                alive.nurseries.get(&nursery).into_iter().for_each(|it| it.failures.add(1));
            }
            Event::Cancelled { scope, .. } => {
                alive.nurseries.get(&scope).into_iter().for_each(|it| it.cancels.add(1));
            }
            _ => {}
        }
    }
}

impl Alive {
    fn spawned(&mut self, task: Id, nursery: Option<Id>, label: Option<Label>) {
        // The root is in no nursery, and some nurseries are older than the hook.
        let Some(counts) = nursery.and_then(|nursery| self.nurseries.get(&nursery)) else { return };
        if label.is_some() {
            counts.spawned.add(1);
        }
        let counts = Arc::clone(counts);
        self.tasks.insert(task, Task { counts, is_child: label.is_some() });
    }

    fn ended(&mut self, task: Id, how: Ending) {
        let Some(Task { counts, is_child }) = self.tasks.remove(&task) else { return };
        if is_child {
            counts.ended.add(1);
        }
        if how == Ending::Panicked {
            counts.panics.add(1);
        }
    }

    /// A poll is over; gives the task's own time. The polls that have begun inside it and were not
    /// told as ended are over as well. Nothing, if the poll is older than the hook.
    fn poll_ended(&mut self, task: Id) -> Option<u64> {
        let at = self.polls.iter().rposition(|poll| poll.task == task)?;
        self.polls.truncate(at + 1);
        let Poll { began, inside, .. } = self.polls.pop()?;
        let all = sys::monotonic_ns().saturating_sub(began);
        self.polls.last_mut().into_iter().for_each(|outer| outer.inside += all);
        Some(all.saturating_sub(inside))
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.metrics.observers().leave(&self.counts);
    }
}

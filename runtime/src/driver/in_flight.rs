//! `InFlight`: the table of submissions, and the only place that frees memory lent to the kernel.
//!
//! An entry is linked into the list of the scope it was made under for as long as the kernel may
//! answer it. When that scope closes first, its parent adopts the entry: so a nursery sees from an
//! empty list that nothing below it is in flight.

use super::lifecycle::{Abandoned, Holder, Landing, Lifecycle, Orphan, Stage};
use super::unread::Unread;
use super::what::What;
use crate::config::IN_FLIGHT_LIMIT;
use crate::key::Key;
use crate::ring::Completion;
use crate::scope;
use crate::table::Slots;
use crate::tree::{NONE, NodeId};
use crate::wake::Waiter;
use std::io;

#[derive(Debug)]
pub(super) struct Entry {
    generation: u64,
    pub(super) lifecycle: Lifecycle,
    /// The scope in whose list this is.
    pub(super) scope: Option<NodeId>,
    previous: u32,
    next: u32,
    /// The scope that is not cut before this is answered; `None` when nobody waits for it.
    held: Option<NodeId>,
    pub(super) what: What,
    /// It may be answered more than once.
    pub(super) is_many: bool,
}

/// The answer to an operation, for the future that awaits it.
#[derive(Debug)]
pub(crate) struct Landed {
    pub(crate) completion: Completion,
    /// It ended because we asked for it.
    pub(crate) cancelled: bool,
    /// The scope to which it belonged.
    pub(crate) scope: Option<NodeId>,
}

/// What is to be done about a completion, once nothing is borrowed. A nursery that has
/// waited for its last submission is `drained`, and to be woken as well.
#[must_use]
pub(crate) enum Arrival {
    /// Nothing.
    Nothing,
    /// Somebody waits for it. If there is a scope, it is cancelled, and to be looked at again.
    Wake { waiter: Waiter, held: Option<NodeId>, drained: Option<NodeId> },
    /// Nobody does: dispose of it, in the scope to which what follows from that belongs.
    Dispose {
        orphan: Box<dyn Orphan>,
        completion: Completion,
        what: What,
        scope: Option<NodeId>,
        drained: Option<NodeId>,
    },
    /// An answer came that is not the last. This waits for it.
    WakeForOne(Waiter),
    /// Nothing does: dispose of it, and put the rest back.
    DisposeOne {
        key: Key,
        orphan: Box<dyn Orphan>,
        completion: Completion,
        what: What,
        scope: Option<NodeId>,
    },
    /// It matches nothing in flight.
    Stale,
}

/// What has to be done to cancel an operation.
#[must_use]
pub(super) enum CancelStep {
    /// It is done, or was asked before.
    Nothing,
    /// The kernel has to be asked, or whoever does the work.
    Ask(Key),
    /// It never entered the kernel and is resolved: wake whoever waits.
    Withdrawn(Waiter),
}

/// Submissions by slot and generation.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    pub(super) entries: Slots<Entry>,
    pub(super) unread: Unread,
    generation: u64,
    /// Entries whose final completion is outstanding.
    pending: usize,
    /// Those of them that the kernel has.
    submitted: usize,
}

impl InFlight {
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    pub(super) fn submitted(&self) -> usize {
        self.submitted
    }

    /// Whether there is room for another entry.
    pub(super) fn room(&self) -> io::Result<()> {
        if self.entries.len() < IN_FLIGHT_LIMIT {
            return Ok(());
        }
        let text = format!(
            "{IN_FLIGHT_LIMIT} operations are in flight on this core; limit the children of your \
             nurseries, or use more cores"
        );
        Err(io::Error::new(io::ErrorKind::QuotaExceeded, text))
    }

    /// An operation that the kernel is to be given.
    pub(super) fn insert(&mut self, what: What, holder: Holder, scope: Option<NodeId>) -> Key {
        self.add(Stage::Queued, what, holder, scope)
    }

    /// Work that another thread does.
    pub(super) fn insert_elsewhere(&mut self, what: What, waiter: Waiter, scope: NodeId) -> Key {
        self.add(Stage::Elsewhere, what, Holder::Future(waiter), Some(scope))
    }

    fn add(&mut self, stage: Stage, what: What, holder: Holder, scope: Option<NodeId>) -> Key {
        debug_assert!(self.entries.len() < IN_FLIGHT_LIMIT, "the caller has asked for room");
        self.generation += 1;
        let held = scope.filter(|_| matches!(holder, Holder::Future(_)));
        let slot = self.entries.insert(Entry {
            generation: self.generation,
            lifecycle: Lifecycle::Pending(stage, holder),
            scope: None,
            previous: NONE,
            next: NONE,
            held,
            what,
            is_many: false,
        });
        self.pending += 1;
        if let Some(scope) = scope {
            self.link(slot as u32, scope);
        }
        Key::op(slot, self.generation)
    }

    pub(super) fn get(&mut self, key: Key) -> Option<&mut Entry> {
        find(&mut self.entries, key)
    }

    pub(super) fn peek(&self, key: Key) -> Option<&Entry> {
        let slot = key.slot();
        self.entries.get(slot).filter(|entry| Key::op(slot, entry.generation) == key)
    }

    fn remove(&mut self, slot: usize) -> Entry {
        let entry = self.entries.remove(slot);
        if entry.is_many {
            self.unread.end(slot as u32);
        }
        entry
    }

    fn link(&mut self, slot: u32, scope: NodeId) {
        let Some(behind) = scope::push_op(scope, slot) else { return };
        let entry = &mut self.entries[slot as usize];
        entry.scope = Some(scope);
        entry.previous = NONE;
        entry.next = behind;
        if behind != NONE {
            self.entries[behind as usize].previous = slot;
        }
    }

    /// Takes an entry out of its scope's list. Tells if a nursery waited for that to be empty.
    fn unlink(&mut self, slot: u32) -> Option<NodeId> {
        let entry = &mut self.entries[slot as usize];
        let scope = entry.scope?;
        let (previous, next) = (entry.previous, entry.next);
        entry.previous = NONE;
        entry.next = NONE;
        if next != NONE {
            self.entries[next as usize].previous = previous;
        }
        if previous == NONE {
            return scope::set_ops(scope, next);
        }
        self.entries[previous as usize].next = next;
        None
    }

    /// Whether an entry of the backlog is still to be submitted; if so, it is from now on.
    pub(super) fn flush(&mut self, key: Key) -> bool {
        match self.get(key) {
            Some(entry) if entry.lifecycle.stage() == Some(Stage::Queued) => {
                entry.lifecycle.flush();
                self.submitted += 1;
                true
            }
            _ => false,
        }
    }

    /// Whether an entry is about to be cancelled: its scope is, and its future there to hear of it.
    pub(super) fn is_doomed(&self, key: Key) -> bool {
        self.peek(key).is_some_and(|entry| {
            entry.held.is_some() && entry.scope.is_some_and(scope::is_in_cancelled)
        })
    }

    /// The kernel has answered an operation for the last time.
    pub(super) fn complete(&mut self, key: Key, completion: Completion) -> Arrival {
        let Some(entry) = self.get(key) else { return Arrival::Stale };
        let scope = entry.scope;
        let was_submitted = entry.lifecycle.stage() == Some(Stage::Submitted);
        let landing = entry.lifecycle.complete(completion);
        if let Landing::Stale = landing {
            return Arrival::Stale;
        }
        // From here on its waiter is as good as polled: a future that nobody polls (it lost a
        // `select`, or was forgotten) must not keep a cancelled task for ever.
        let held = entry.held.take().and_then(scope::release);
        // So was one that has not looked since an earlier answer.
        let was_woken = !self.unread.is_empty(key.slot() as u32);
        if was_woken || matches!(landing, Landing::Wake(Waiter::Foreign(_))) {
            held.into_iter().for_each(scope::spare);
        }
        self.pending -= 1;
        self.submitted -= usize::from(was_submitted);
        let drained = self.unlink(key.slot() as u32);
        match landing {
            Landing::Wake(waiter) => Arrival::Wake { waiter, held, drained },
            Landing::Dispose(orphan) => {
                let what = self.remove(key.slot()).what;
                Arrival::Dispose { orphan, completion, what, scope, drained }
            }
            Landing::DisposeOne(_) | Landing::Stale => unreachable!("it is the last"),
        }
    }

    /// Takes the answer of an operation; or has `waiter` wait for it, in exchange for whoever did
    /// before, to be dropped outside a borrow.
    pub(super) fn poll(&mut self, key: Key, waiter: &mut Waiter) -> Option<Landed> {
        let entry = find(&mut self.entries, key).expect("it stays until its answer was taken");
        if entry.is_many
            && let Some(completion) = self.unread.pop(key.slot() as u32)
        {
            return Some(Landed { completion, cancelled: false, scope: entry.scope });
        }
        match &mut entry.lifecycle {
            Lifecycle::Completed(completion) => {
                let completion = *completion;
                let cancelled = entry.what.cancel_asked().is_some() && completion.is_interrupted();
                let scope = self.remove(key.slot()).scope;
                Some(Landed { completion, cancelled, scope })
            }
            Lifecycle::Pending(_, Holder::Future(kept)) => {
                std::mem::swap(kept, waiter);
                None
            }
            Lifecycle::Pending(_, Holder::Driver(_) | Holder::Disposing) => {
                unreachable!("its future is gone")
            }
        }
    }

    /// Takes whoever waits for an operation that is not answered; nobody, if it is.
    pub(super) fn take_waiter(&mut self, key: Key) -> Waiter {
        match self.get(key).map(|entry| &mut entry.lifecycle) {
            Some(Lifecycle::Pending(_, Holder::Future(waiter))) => waiter.take(),
            Some(_) | None => Waiter::Nobody,
        }
    }

    /// Whether the kernel has an operation and was not asked to cancel it; from now on it was.
    pub(super) fn interrupt(&mut self, key: Key) -> bool {
        self.get(key).is_some_and(|entry| {
            entry.lifecycle.stage() == Some(Stage::Submitted) && entry.what.ask(entry.scope)
        })
    }

    /// The future of an operation is dropped. Says whether the kernel is to be asked to cancel, and
    /// which scope is to be looked at again.
    pub(super) fn abandon(
        &mut self,
        key: Key,
        keep: impl FnOnce() -> Box<dyn Orphan>,
    ) -> (Abandoned, Option<Key>, Option<NodeId>) {
        let entry = self.get(key).expect("a future's entry stays until it is abandoned");
        let held = entry.held.take().and_then(scope::release);
        let abandoned = entry.lifecycle.abandon(keep);
        let ask = match &abandoned {
            Abandoned::Withdrawn(_) => {
                self.pending -= 1;
                self.unlink(key.slot() as u32);
                self.remove(key.slot());
                None
            }
            Abandoned::Finished(_) => {
                self.remove(key.slot());
                None
            }
            Abandoned::HandedOver(_) => entry.what.ask(entry.scope).then_some(key),
        };
        (abandoned, ask, held)
    }

    /// Asks for an operation to be cancelled; every operation is asked at most once.
    pub(super) fn cancel(&mut self, slot: u32) -> CancelStep {
        let Some(entry) = self.entries.get_mut(slot as usize) else { return CancelStep::Nothing };
        let Some(stage) = entry.lifecycle.stage() else { return CancelStep::Nothing };
        let detached = entry.lifecycle.is_detached();
        // What the driver holds alone was asked when its future went, or must not be: a close.
        if detached || !entry.what.ask(entry.scope) {
            return CancelStep::Nothing;
        }
        let key = Key::op(slot as usize, entry.generation);
        match stage {
            Stage::Submitted | Stage::Elsewhere => CancelStep::Ask(key),
            Stage::Queued => {
                let user_data = key.user_data();
                let completion = Completion { user_data, result: -libc::ECANCELED, flags: 0 };
                match self.complete(key, completion) {
                    // Whoever cancels has every task in the scope polled.
                    Arrival::Wake { waiter, .. } => CancelStep::Withdrawn(waiter),
                    _ => unreachable!("it was queued for a future"),
                }
            }
        }
    }

    /// The slots in the list that starts at `head`.
    pub(super) fn list(&self, head: u32) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut at = head;
        while at != NONE {
            slots.push(at);
            at = self.entries[at as usize].next;
        }
        slots
    }

    /// What is behind an entry in its list.
    pub(super) fn behind(&self, slot: u32) -> Option<Key> {
        let next = self.entries[slot as usize].next as usize;
        self.entries.get(next).map(|entry| Key::op(next, entry.generation))
    }

    /// Whether an entry is in the list of a scope.
    pub(super) fn is_listed(&self, key: Key, scope: Option<NodeId>) -> bool {
        self.is_pending(key) && self.peek(key).is_some_and(|entry| entry.scope == scope)
    }

    /// Whether a request to cancel this is still of use.
    pub(super) fn is_pending(&self, key: Key) -> bool {
        self.peek(key).is_some_and(|entry| entry.lifecycle.stage().is_some())
    }

    /// The slot behind the last one, taken or not.
    pub(super) fn slots(&self) -> u32 {
        self.entries.end() as u32
    }

    /// Moves what is left in a closing scope's list to another scope's: the answers are owed there.
    pub(super) fn adopt(&mut self, slots: &[u32], by: Option<NodeId>) {
        for &slot in slots {
            self.unlink(slot);
            let entry = &mut self.entries[slot as usize];
            entry.scope = None;
            entry.held = by.filter(|by| entry.held.is_some() && scope::hold(*by));
            if let Some(by) = by {
                self.link(slot, by);
            }
        }
    }

    /// Takes everything out of the lists of scopes.
    pub(super) fn part(&mut self) {
        let listed = self.entries.iter().filter(|(_, entry)| entry.lifecycle.stage().is_some());
        let listed: Vec<_> = listed.map(|(slot, _)| slot as u32).collect();
        self.adopt(&listed, None);
    }

    /// Gives up on everything that the kernel has not finished: its memory is leaked, because
    /// freeing it would hand it to somebody else while the kernel writes.
    pub(super) fn leak(&mut self) {
        if self.pending > 0 {
            std::mem::forget(std::mem::take(&mut self.entries));
        }
    }
}

#[inline]
fn find(entries: &mut Slots<Entry>, key: Key) -> Option<&mut Entry> {
    let slot = key.slot();
    let entry = entries.get_mut(slot)?;
    (Key::op(slot, entry.generation) == key).then_some(entry)
}

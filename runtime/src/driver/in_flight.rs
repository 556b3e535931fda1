//! `InFlight`: the table of submissions, and the only place that frees memory lent to the kernel.
//!
//! An entry is linked into the list of the scope that it was made under for as long as the kernel
//! may answer it; see `listed`.

use super::lifecycle::{Abandoned, Holder, Lifecycle, Orphan, Phase};
use super::op_info::OpInfo;
use super::outcome::{Arrival, CancelStep, Landed};
use super::unread::Unread;
use crate::config::IN_FLIGHT_LIMIT;
use crate::key::Key;
use crate::ring::Completion;
use crate::scope;
use crate::table::{Slots, Trim, When};
use crate::tree::{NONE, NodeId, PackedId};
use crate::wake::Waiter;
use std::io;

/// One submission. A completion of a connection that was idle for long finds it in memory, not in
/// the cache: with one line.
#[derive(Debug)]
#[repr(align(64))]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) lifecycle: Lifecycle,
    /// The scope in whose list this is.
    pub(super) scope: Option<PackedId>,
    pub(super) previous: u32,
    pub(super) next: u32,
    /// A future waits for the answer in the scope, which is not cut before that.
    pub(super) is_held: bool,
    /// The operation may be answered more than once.
    pub(super) is_many: bool,
    /// The answer may be followed by a notification.
    pub(super) is_noticed: bool,
}

const _: () = assert!(size_of::<Entry>() == 64);

impl Entry {
    /// The scope in whose list this is.
    #[inline]
    pub(super) fn scope(&self) -> Option<NodeId> {
        self.scope.map(NodeId::from)
    }
}

/// Submissions by slot and generation.
#[derive(Debug, Default)]
pub(super) struct InFlight {
    pub(super) entries: Slots<Entry>,
    /// By slot. Apart from the entries, because it is seldom read.
    infos: Vec<OpInfo>,
    pub(super) unread: Unread,
    generation: u64,
    /// Entries whose final completion is outstanding.
    pub(super) pending: usize,
    /// Pending entries that the kernel has.
    pub(super) submitted: usize,
}

impl InFlight {
    pub(super) fn pending(&self) -> usize {
        self.pending
    }

    pub(super) fn submitted(&self) -> usize {
        self.submitted
    }

    /// Gives back what the table does not use. Tells if there is more to come.
    pub(super) fn trim(&mut self) -> bool {
        let more = self.entries.trim(When::Running);
        self.unread.trim(self.entries.end());
        self.infos.truncate(self.entries.end());
        self.infos.shrink_to(self.entries.end());
        more
    }

    /// Whether the table keeps much more than it uses.
    #[inline]
    pub(super) fn is_sparse(&self) -> bool {
        self.entries.is_sparse()
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

    /// Adds an operation for which a future waits. The waiter comes back if the scope is cancelled.
    #[inline]
    pub(super) fn insert(
        &mut self,
        phase: Phase,
        info: OpInfo,
        waiter: Waiter,
        scope: Option<NodeId>,
    ) -> Result<Key, Waiter> {
        let slot = self.entries.next() as u32;
        let listed = match scope.map(|scope| (scope, scope::begin_op(scope, slot))) {
            Some((_, None)) => return Err(waiter),
            Some((scope, Some(behind))) => Some((scope, behind)),
            None => None,
        };
        Ok(self.add(phase, info, Holder::Future(waiter), listed))
    }

    /// Adds an operation for which no future waits.
    pub(super) fn insert_detached(
        &mut self,
        phase: Phase,
        info: OpInfo,
        orphan: Box<dyn Orphan>,
        scope: Option<NodeId>,
    ) -> Key {
        let slot = self.entries.next() as u32;
        let listed = scope.and_then(|scope| Some((scope, scope::push_op(scope, slot)?)));
        self.add(phase, info, Holder::Driver(orphan), listed)
    }

    /// Adds an entry at the head of a scope's list, in front of what was there.
    #[inline]
    fn add(
        &mut self,
        phase: Phase,
        info: OpInfo,
        holder: Holder,
        at: Option<(NodeId, u32)>,
    ) -> Key {
        debug_assert!(self.entries.len() < IN_FLIGHT_LIMIT, "the caller has asked for room");
        self.generation += 1;
        let slot = self.entries.next();
        let key = Key::op(slot, self.generation);
        let next = at.map_or(NONE, |(_, behind)| behind);
        self.entries.insert(Entry {
            key,
            is_held: matches!(holder, Holder::Future(_)),
            lifecycle: Lifecycle::Pending(phase, holder),
            scope: at.map(|(scope, _)| scope.into()),
            previous: NONE,
            next,
            is_many: false,
            is_noticed: false,
        });
        match self.infos.get_mut(slot) {
            Some(place) => *place = info,
            None => self.infos.push(info),
        }
        if next != NONE {
            self.entries[next as usize].previous = slot as u32;
        }
        self.pending += 1;
        key
    }

    /// Which operation an entry is.
    pub(super) fn info(&mut self, slot: usize) -> &mut OpInfo {
        &mut self.infos[slot]
    }

    /// An entry that is there, and which operation it is.
    pub(super) fn seen(&self, slot: usize) -> (&OpInfo, &Entry) {
        (&self.infos[slot], &self.entries[slot])
    }

    pub(super) fn get(&mut self, key: Key) -> Option<&mut Entry> {
        find(&mut self.entries, key)
    }

    pub(super) fn peek(&self, key: Key) -> Option<&Entry> {
        self.entries.get(key.slot()).filter(|entry| entry.key == key)
    }

    /// Takes out an entry that is answered, or was never submitted. Gives its scope.
    #[inline(always)]
    pub(super) fn remove(&mut self, slot: usize) -> Option<NodeId> {
        let entry = self.entries.remove(slot);
        if entry.is_many {
            self.unread.end(slot);
        }
        entry.scope()
    }

    /// Whether an entry of the backlog is still to be submitted; if so, it counts as submitted.
    pub(super) fn flush(&mut self, key: Key) -> bool {
        match self.get(key) {
            Some(entry) if entry.lifecycle.phase() == Some(Phase::Queued) => {
                entry.lifecycle.flush();
                self.submitted += 1;
                true
            }
            _ => false,
        }
    }

    /// Whether an entry is about to be cancelled: its scope is cancelled, and its future alive.
    pub(super) fn is_doomed(&self, key: Key) -> bool {
        self.peek(key)
            .is_some_and(|entry| entry.is_held && entry.scope().is_some_and(scope::is_in_cancelled))
    }

    /// Takes the answer of an operation, if that is its last one, and no error: the common case.
    #[inline(always)]
    pub(super) fn take_success(&mut self, key: Key) -> Option<Completion> {
        let entry = find(&mut self.entries, key)?;
        let Lifecycle::Completed(completion) = entry.lifecycle else { return None };
        if !completion.is_success() {
            return None;
        }
        debug_assert!(!entry.is_many, "unread answers come first");
        // An entry that is answered has nothing to be dropped, and is not even moved.
        std::mem::forget(self.entries.remove(key.slot()));
        Some(completion)
    }

    /// Takes the answer of an operation, if there is one; every case. Else has `waiter` wait for
    /// it, in exchange for the waiter before, to be dropped outside a borrow.
    pub(super) fn poll(&mut self, key: Key, waiter: &mut Waiter) -> Option<Landed> {
        let entry = find(&mut self.entries, key).expect("it stays until its answer was taken");
        if entry.is_many
            && let Some(completion) = self.unread.pop(key.slot())
        {
            return Some(Landed { completion, cancelled: None, scope: entry.scope() });
        }
        let completion = match &mut entry.lifecycle {
            Lifecycle::Completed(completion) => *completion,
            Lifecycle::Pending(_, Holder::Future(kept)) => {
                std::mem::swap(kept, waiter);
                return None;
            }
            Lifecycle::Pending(..) => unreachable!("it has a future"),
        };
        let scope = entry.scope();
        if entry.is_many {
            self.unread.end(key.slot());
        }
        // An entry that is answered has nothing to be dropped, and is not even moved.
        std::mem::forget(self.entries.remove(key.slot()));
        let cancelled = match completion.is_interrupted() {
            true => self.info(key.slot()).cancelled(),
            false => None,
        };
        Some(Landed { completion, cancelled, scope })
    }

    /// Takes the waiter of an operation that is not answered; `Waiter::Nobody` if it is.
    pub(super) fn take_waiter(&mut self, key: Key) -> Waiter {
        match self.get(key).map(|entry| &mut entry.lifecycle) {
            Some(Lifecycle::Pending(_, Holder::Future(waiter))) => waiter.take(),
            Some(_) | None => Waiter::Nobody,
        }
    }

    /// Marks an operation that the kernel has as one that the kernel is asked to cancel. Tells if
    /// the kernel has the operation, and was not asked before.
    pub(super) fn interrupt(&mut self, key: Key) -> bool {
        let Some(entry) = self.peek(key) else { return false };
        let (phase, scope) = (entry.lifecycle.phase(), entry.scope());
        phase == Some(Phase::Submitted) && self.info(key.slot()).ask(scope)
    }

    /// The future of an operation is dropped. Says whether the kernel is to be asked to cancel, and
    /// which scope is to be looked at again.
    pub(super) fn abandon(
        &mut self,
        key: Key,
        keep: impl FnOnce() -> Box<dyn Orphan>,
    ) -> (Abandoned, Option<Key>, Option<NodeId>) {
        let entry = self.get(key).expect("a future's entry stays until it is abandoned");
        let (scope, is_held) = (entry.scope(), std::mem::take(&mut entry.is_held));
        let abandoned = entry.lifecycle.abandon(keep);
        let held = scope.filter(|_| is_held).and_then(scope::release);
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
            Abandoned::HandedOver(_) => self.info(key.slot()).ask(scope).then_some(key),
        };
        (abandoned, ask, held)
    }

    /// Asks for an operation to be cancelled; every operation is asked at most once.
    pub(super) fn cancel(&mut self, slot: u32) -> CancelStep {
        let Some(entry) = self.entries.get_mut(slot as usize) else { return CancelStep::Nothing };
        let Some(phase) = entry.lifecycle.phase() else { return CancelStep::Nothing };
        let (key, scope) = (entry.key, entry.scope());
        // What the driver holds alone was asked when its future went, or must not be: a close. Work
        // that never had a future can be asked.
        let is_close = entry.lifecycle.is_detached() && phase != Phase::Offloaded;
        if is_close || !self.info(key.slot()).ask(scope) {
            return CancelStep::Nothing;
        }
        match phase {
            Phase::Submitted | Phase::Offloaded => CancelStep::Ask(key),
            Phase::Queued => {
                let user_data = key.user_data();
                let completion = Completion { user_data, result: -libc::ECANCELED, flags: 0 };
                match self.complete(key, completion) {
                    // `held` needs no look: the cancel has every task in the scope polled.
                    Arrival::Wake { waiter, .. } => CancelStep::Withdrawn(waiter),
                    _ => unreachable!("it was queued for a future"),
                }
            }
        }
    }

    /// Whether an entry is offloaded work that never had a future, or whose future has gone.
    pub(super) fn goes_on(&self, slot: u32) -> bool {
        let lifecycle = &self.entries[slot as usize].lifecycle;
        lifecycle.is_detached() && lifecycle.phase() == Some(Phase::Offloaded)
    }

    /// Whether a request to cancel an operation is still of use: it is not answered.
    pub(super) fn is_pending(&self, key: Key) -> bool {
        self.peek(key).is_some_and(|entry| entry.lifecycle.phase().is_some())
    }

    /// The slot behind the last one, taken or not.
    pub(super) fn slots(&self) -> u32 {
        self.entries.end() as u32
    }

    /// Gives up on everything that the kernel has not finished: its memory is leaked, because
    /// the allocator would hand it out again while the kernel writes.
    pub(super) fn leak(&mut self) {
        if self.pending > 0 {
            std::mem::forget(std::mem::take(&mut self.entries));
        }
    }
}

#[inline]
pub(super) fn find(entries: &mut Slots<Entry>, key: Key) -> Option<&mut Entry> {
    let entry = entries.get_mut(key.slot())?;
    (entry.key == key).then_some(entry)
}

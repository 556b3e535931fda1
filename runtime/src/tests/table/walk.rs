//! A long random walk through the table, against a model of it.

use super::in_flight::InFlight;
use super::lifecycle::{Abandoned, Phase};
use super::op_info::OpInfo;
use super::outcome::{Arrival, CancelStep};
use super::{Kept, completion, take};
use crate::fd::RawTarget;
use crate::key::Key;
use crate::scope;
use crate::tests::random::Random;
use crate::tree::{self, NodeId};
use crate::wake::Waiter;
use std::cell::Cell;
use std::os::fd::RawFd;
use std::rc::Rc;

/// A submission, as the model knows it.
#[derive(Debug, Clone, Copy)]
struct Model {
    key: Key,
    /// By which the table's word for it is told from that for others in the same slot.
    descriptor: RawFd,
    scope: usize,
    submitted: bool,
    held_by_future: bool,
    answered: bool,
}

struct Walk {
    table: InFlight,
    scopes: Vec<NodeId>,
    model: Vec<Model>,
    gone: Vec<Key>,
    made: RawFd,
    random: Random,
    disposed: Rc<Cell<u32>>,
    expected_disposed: u32,
}

impl Walk {
    fn kept(&self) -> Box<Kept> {
        Box::new(Kept { disposed: Rc::clone(&self.disposed), dropped: Rc::default() })
    }

    fn insert(&mut self, by_future: bool) {
        let scope = self.random.below(self.scopes.len());
        let at = Some(self.scopes[scope]);
        self.made += 1;
        let descriptor = self.made;
        let info = OpInfo::new(&"made up", Some(RawTarget::Descriptor(descriptor)));
        let key = match by_future {
            true => {
                // Of tasks of this thread, and of others.
                let waiter = match self.random.below(2) {
                    0 => Waiter::Task(self.scopes[scope]),
                    _ => Waiter::Nobody,
                };
                let inserted = self.table.insert(Phase::Queued, info, waiter, at);
                inserted.expect("no scope is cancelled here")
            }
            false => {
                let kept = self.kept();
                self.table.insert_detached(Phase::Queued, info, kept, at)
            }
        };
        let (submitted, answered, held_by_future) = (false, false, by_future);
        self.model.push(Model { key, descriptor, scope, submitted, held_by_future, answered });
    }

    fn remove(&mut self, at: usize) {
        self.gone.push(self.model.swap_remove(at).key);
    }

    fn flush(&mut self, at: usize) {
        let model = &mut self.model[at];
        let flushed = self.table.flush(model.key);
        assert_eq!(flushed, !model.submitted && !model.answered);
        model.submitted |= flushed;
    }

    fn complete(&mut self, at: usize) {
        let Model { key, submitted, held_by_future, answered, .. } = self.model[at];
        if !submitted && !answered {
            return; // The kernel never answers what it does not have.
        }
        if self.table.answer(key, completion(5)).is_some() {
            assert!(held_by_future && !answered);
            self.model[at].answered = true;
            return;
        }
        match self.table.complete(key, completion(5)) {
            Arrival::Stale => assert!(answered),
            Arrival::Wake { .. } => {
                assert!(held_by_future && !answered);
                self.model[at].answered = true;
            }
            Arrival::Dispose(last) => {
                assert!(!held_by_future && !answered);
                last.orphan.dispose(last.completion);
                self.expected_disposed += 1;
                self.remove(at);
            }
            _ => unreachable!("it is the last answer, of an operation that is known"),
        }
    }

    fn poll(&mut self, at: usize) {
        let Model { key, held_by_future, answered, .. } = self.model[at];
        // As an `Op` does: the common case first.
        let table = &mut self.table;
        let mut take = || table.take_success(key).is_some() || take(table, key).is_some();
        if held_by_future && take() {
            assert!(answered);
            self.remove(at);
        } else {
            assert!(!held_by_future || !answered);
        }
    }

    fn abandon(&mut self, at: usize) {
        let Model { key, submitted, held_by_future, answered, .. } = self.model[at];
        if !held_by_future {
            return;
        }
        let kept = self.kept();
        let (abandoned, _, _) = self.table.abandon(key, || kept);
        match abandoned {
            Abandoned::Finished(_) => assert!(answered),
            Abandoned::Withdrawn(_) => assert!(!answered && !submitted),
            Abandoned::HandedOver(_) => {
                assert!(submitted && !answered);
                self.model[at].held_by_future = false;
                return;
            }
        }
        self.remove(at);
    }

    fn cancel(&mut self, at: usize) {
        let Model { key, submitted, held_by_future, answered, .. } = self.model[at];
        match self.table.cancel(key.slot() as u32) {
            CancelStep::Nothing => {}
            CancelStep::Ask(asked) => assert!(asked == key && submitted && !answered),
            CancelStep::Withdrawn(_) => {
                assert!(held_by_future && !submitted && !answered);
                self.model[at].answered = true;
            }
        }
    }

    /// Closes a scope and opens another in its place; the first scope adopts what is left.
    fn close(&mut self) {
        let closing = 1 + self.random.below(self.scopes.len() - 1);
        let head = scope::ops(self.scopes[closing]).expect("it is open");
        let left = self.table.list(head);
        self.table.adopt(&left, Some(self.scopes[0]));
        assert!(scope::try_close(self.scopes[closing]).is_some(), "its list is empty");
        self.scopes[closing] = scope::new(Some(self.scopes[0]));
        let moved = self.model.iter_mut().filter(|model| model.scope == closing);
        moved.for_each(|model| model.scope = 0);
    }

    /// The table agrees with the model in every number and in every list.
    fn check(&mut self) {
        let pending = self.model.iter().filter(|model| !model.answered);
        assert_eq!(self.table.pending(), pending.clone().count());
        assert_eq!(self.table.submitted(), pending.filter(|model| model.submitted).count());
        assert_eq!(self.disposed.get(), self.expected_disposed);
        for (index, scope) in self.scopes.iter().enumerate() {
            let mut listed = self.table.list(scope::ops(*scope).expect("it is open"));
            let here = self.model.iter().filter(|model| model.scope == index && !model.answered);
            let mut expected: Vec<_> = here.map(|model| model.key.slot() as u32).collect();
            listed.sort_unstable();
            expected.sort_unstable();
            assert_eq!(listed, expected, "the list of scope {index}");
            let here = self.model.iter().filter(|model| model.scope == index && !model.answered);
            let owed = here.filter(|model| model.held_by_future).count();
            let holds = tree::with(|tree| tree.get(*scope).map(|node| node.holds() as usize));
            assert_eq!(holds, Some(owed), "what is owed in scope {index}");
        }
        for model in &self.model {
            let (info, _) = self.table.seen(model.key.slot());
            assert_eq!(info.descriptor(), Some(model.descriptor), "which operation it is");
        }
        for key in self.gone.drain(..) {
            assert!(matches!(self.table.complete(key, completion(1)), Arrival::Stale));
        }
    }
}

#[test]
fn c6_counts_and_lists_hold_on_a_long_random_walk() {
    for seed in 1..=8u64 {
        let root = scope::new(None);
        let mut scopes = vec![root];
        scopes.extend((0..5).map(|_| scope::new(Some(root))));
        let mut walk = Walk {
            table: InFlight::default(),
            scopes,
            model: Vec::new(),
            gone: Vec::new(),
            made: 0,
            random: Random::new(seed),
            disposed: Rc::default(),
            expected_disposed: 0,
        };
        for step in 0..20_000 {
            let event = walk.random.below(16);
            let at = walk.random.below(walk.model.len().max(1));
            match event {
                0..=3 if walk.model.len() < 200 => walk.insert(true),
                4 if walk.model.len() < 200 => walk.insert(false),
                15 if step % 8 == 0 => walk.close(),
                15 if step % 8 == 1 => _ = walk.table.trim(),
                _ if walk.model.is_empty() => {}
                5..=7 => walk.flush(at),
                8..=10 => walk.complete(at),
                11 | 12 => walk.poll(at),
                13 => walk.abandon(at),
                _ => walk.cancel(at),
            }
            if step % 16 == 0 {
                walk.check();
            }
        }
        walk.check();
        walk.table.leak();
    }
}

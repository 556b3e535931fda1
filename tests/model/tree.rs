//! `Tree`: the scopes of a log, as the rules see them: who is cancelled, why, and who was told.

use crate::plan::Id;
use std::collections::BTreeMap;

/// The scope of the code that opens the outermost nursery. It is never cancelled.
pub(crate) const ROOT: Id = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Asked,
    Failure,
    Deadline,
    Ancestor,
}

/// What has become of a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// A drop or a panic takes it apart, and everything in it.
    Falling,
    Forgotten,
    /// It is not polled for now.
    Aside,
    Closed,
}

#[derive(Debug)]
struct Scope {
    parent: Id,
    inside: Vec<Id>,
    reason: Option<Reason>,
    /// When it was cancelled, by the tree's clock.
    since: usize,
    delivered: bool,
    /// Its own code was told.
    heard: bool,
    /// A cancel from around it does not reach it.
    is_shield: bool,
    state: State,
}

#[derive(Debug)]
pub(crate) struct Tree {
    scopes: BTreeMap<Id, Scope>,
    /// The number of the event that is followed; those that were found at once have one.
    pub(crate) clock: usize,
}

impl Tree {
    pub(crate) fn new() -> Self {
        let mut tree = Self { scopes: BTreeMap::new(), clock: 0 };
        tree.insert(ROOT, ROOT, None);
        tree
    }

    fn insert(&mut self, id: Id, parent: Id, reason: Option<Reason>) {
        let (since, inside, state) = (self.clock, Vec::new(), State::Open);
        let (delivered, heard, is_shield) = (false, false, false);
        let scope = Scope { parent, inside, reason, since, delivered, heard, is_shield, state };
        self.scopes.insert(id, scope);
    }

    /// Opens a scope. In a cancelled one it is born cancelled.
    pub(crate) fn open(&mut self, id: Id, parent: Id) {
        let reason = self.reason(parent).map(|_| Reason::Ancestor);
        self.insert(id, parent, reason);
        self.at(parent).inside.push(id);
    }

    pub(crate) fn open_shield(&mut self, id: Id, parent: Id) {
        self.insert(id, parent, None);
        self.at(id).is_shield = true;
        self.at(parent).inside.push(id);
    }

    fn at(&mut self, id: Id) -> &mut Scope {
        self.scopes.get_mut(&id).expect("the log opens a scope before it is used")
    }

    pub(crate) fn set(&mut self, id: Id, state: State) {
        self.at(id).state = state;
    }

    pub(crate) fn parent(&self, id: Id) -> Id {
        self.scopes[&id].parent
    }

    pub(crate) fn reason(&self, id: Id) -> Option<Reason> {
        self.scopes[&id].reason
    }

    /// When a scope was cancelled.
    pub(crate) fn since(&self, id: Id) -> Option<usize> {
        let scope = &self.scopes[&id];
        scope.reason.map(|_| scope.since)
    }

    pub(crate) fn is_cancelled(&self, id: Id) -> bool {
        self.reason(id).is_some()
    }

    /// Whether it was cancelled by something around it that was found only now.
    pub(crate) fn is_fresh(&self, id: Id) -> bool {
        let scope = &self.scopes[&id];
        scope.reason == Some(Reason::Ancestor) && scope.since == self.clock
    }

    pub(crate) fn is_delivered(&self, id: Id) -> bool {
        self.scopes[&id].delivered
    }

    /// The scope itself and those around it.
    pub(crate) fn around(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        let parent = |id: &Id| Some(self.parent(*id)).filter(|parent| parent != id);
        std::iter::successors(Some(id), parent)
    }

    pub(crate) fn is_within(&self, id: Id, outer: Id) -> bool {
        self.around(id).any(|scope| scope == outer)
    }

    /// Whether the scope or one around it is in this state.
    pub(crate) fn is_in(&self, id: Id, state: State) -> bool {
        self.around(id).any(|scope| self.scopes[&scope].state == state)
    }

    /// The outermost scope around this one that is in this state.
    pub(crate) fn outermost(&self, id: Id, state: State) -> Option<Id> {
        self.around(id).filter(|scope| self.scopes[scope].state == state).last()
    }

    /// Cancels a scope and everything in it. The first reason is kept.
    pub(crate) fn cancel(&mut self, id: Id, reason: Reason) {
        let clock = self.clock;
        let scope = self.at(id);
        if scope.state == State::Closed || scope.reason.is_some() {
            return;
        }
        scope.reason = Some(reason);
        scope.since = clock;
        for inner in scope.inside.clone() {
            if !self.at(inner).is_shield {
                self.cancel(inner, Reason::Ancestor);
            }
        }
    }

    /// Changes the reason of a scope that is cancelled.
    pub(crate) fn set_reason(&mut self, id: Id, reason: Reason) {
        self.at(id).reason = Some(reason);
    }

    /// A cancellation is handed to code in this scope: to all cancelled scopes that it is in.
    pub(crate) fn deliver(&mut self, id: Id) {
        let around: Vec<_> = self.around(id).take_while(|id| self.is_cancelled(*id)).collect();
        for id in around {
            self.at(id).delivered = true;
        }
    }

    /// The scopes from this one out to its task, as far as they are cancelled.
    fn own(&self, id: Id, is_task: impl Fn(Id) -> bool) -> Vec<Id> {
        let mut own = Vec::new();
        for id in self.around(id).take_while(|id| self.is_cancelled(*id)) {
            own.push(id);
            if is_task(id) {
                break;
            }
        }
        own
    }

    /// Whether the code in a scope has heard of its cancel.
    pub(crate) fn has_heard(&self, id: Id, is_task: impl Fn(Id) -> bool) -> bool {
        self.own(id, is_task).iter().any(|id| self.scopes[id].heard)
    }

    /// A cancellation is told to the code in a scope.
    pub(crate) fn hear(&mut self, id: Id, is_task: impl Fn(Id) -> bool) {
        self.own(id, is_task).into_iter().for_each(|id| self.at(id).heard = true);
        self.deliver(id);
    }
}

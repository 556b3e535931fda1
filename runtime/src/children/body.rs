//! `Body`: child zero of a nursery, which the nursery's own future holds.

use super::ending::tell_ended;
use crate::cancel::CancelScope;
use crate::inbox::Injector;
use crate::instrument::{self, Ending, Polls};
use crate::label::Label;
use crate::scope::{self, Poller};
use crate::stall;
use crate::tree::{self, NodeId, SetId};
use crate::wake::{Local, budget};
use std::cell::Cell;
use std::sync::Arc;
use std::task::Context;

/// Child zero: the scope and the waker of a nursery's body. Dropping it closes its scope, and what
/// is in flight there is the nursery's then.
#[derive(Debug)]
pub struct Body {
    core: Arc<Injector>,
    scope: CancelScope,
    polls: Polls,
    ending: Cell<Ending>,
}

impl Body {
    pub(super) fn new(core: Arc<Injector>, scope: CancelScope) -> Self {
        Self { core, scope, polls: Polls::default(), ending: Cell::new(Ending::Cut) }
    }

    /// The scope of the body.
    pub fn scope(&self) -> &CancelScope {
        &self.scope
    }

    /// How the body ends, for the instrument; unless it is said here, it is cut.
    pub fn set_ending(&self, how: Ending) {
        self.ending.set(how);
    }

    /// Whether the body, which is cancelled and was polled just now, may still be answered.
    pub fn is_kept(&self) -> bool {
        scope::is_kept(self.scope.id())
    }

    /// Polls the body, in its scope and with its own waker.
    pub fn poll<R>(&self, poll: impl FnOnce(&mut Context<'_>) -> R) -> R {
        let task = self.scope.id();
        scope::begin(task, Poller::TASK);
        let _lent = scope::is_in_cancelled(task).then(budget::lend);
        let _entered = scope::enter(task);
        self.polls.start(task);
        let timed = match instrument::looks_at_polls() {
            true => stall::begin(task, || nursery_of(task)),
            false => None,
        };
        let polled =
            Local::new(task, &self.core).lend(|waker| poll(&mut Context::from_waker(waker)));
        drop(timed);
        self.polls.end(task);
        scope::end(task);
        polled
    }
}

/// The name and source line of a body's nursery.
fn nursery_of(body: NodeId) -> Option<Label> {
    tree::with(|tree| {
        let set = SetId::new(tree.get(body)?.set());
        tree.get_set(set)?.label()
    })
}

impl Drop for Body {
    fn drop(&mut self) {
        let (task, how) = (self.scope.id(), self.ending.get());
        if instrument::is_on() {
            self.polls.end(task);
            tell_ended(task, how);
        }
    }
}

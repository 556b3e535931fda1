//! `Team`: the cores that run one program, and how to reach each from another.

use super::injector::{Injector, Message};
use crate::table::{Trim, When};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;

/// One core of a team, as the other cores reach it.
#[derive(Debug)]
pub(crate) struct Peer {
    core: Arc<Injector>,
    /// Open as long as the team, so that the descriptor's number is not reused while a message is
    /// under way.
    ring: OwnedFd,
}

impl Peer {
    pub(crate) fn new(core: Arc<Injector>, ring: OwnedFd) -> Self {
        Self { core, ring }
    }
}

/// All cores, by index.
#[derive(Debug)]
pub(crate) struct Team(Vec<Peer>);

/// A team, and the index of this thread's core in it.
type Member = (Arc<Team>, usize);

thread_local! {
    // Never destroyed: the guard of `join` empties it, and destructors of other thread-locals may
    // ask.
    static CURRENT: ManuallyDrop<RefCell<Option<Member>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
    /// The cores that this one wakes when it enters its ring next.
    static DOORBELLS: ManuallyDrop<RefCell<VecDeque<usize>>> =
        const { ManuallyDrop::new(RefCell::new(VecDeque::new())) };
}

impl Team {
    pub(crate) fn new(cores: Vec<Peer>) -> Arc<Self> {
        Arc::new(Self(cores))
    }

    /// This thread is the core with that index until the guard goes.
    pub(crate) fn join(self: Arc<Self>, index: usize) -> Joined {
        CURRENT.with(|current| current.replace(Some((self, index))));
        Joined(())
    }
}

/// This thread is one of a team. Ends with the guard.
#[derive(Debug)]
pub(crate) struct Joined(());

impl Drop for Joined {
    fn drop(&mut self) {
        // This thread enters its ring no more: doorbells that wait for that would not ring, nor
        // would messages that the ring has not taken. So it wakes all other cores directly.
        DOORBELLS.with(|doorbells| doorbells.borrow_mut().clear());
        let member = CURRENT.with(|current| current.take());
        if let Some((team, index)) = &member {
            let others = team.0.iter().enumerate().filter(|(other, _)| other != index);
            others.for_each(|(_, peer)| peer.core.ring());
        }
    }
}

/// The index of the core that this thread runs, and how many there are. A core that runs alone is
/// the first of one.
pub(crate) fn place() -> (usize, usize) {
    CURRENT.with(|current| {
        let current = current.borrow();
        current.as_ref().map_or((0, 1), |(team, index)| (*index, team.0.len()))
    })
}

/// The way to another core of the team.
pub(crate) fn peer(index: usize) -> Option<Arc<Injector>> {
    CURRENT.with(|current| {
        let current = current.borrow();
        current.as_ref().and_then(|(team, _)| Some(Arc::clone(&team.0.get(index)?.core)))
    })
}

/// Has a core of the same team be woken through this thread's ring: a message that costs no system
/// call of its own. `false` if the core is not of this thread's team.
pub(super) fn ring_with_next_enter(core: &Injector) -> bool {
    let index = CURRENT.with(|current| {
        let current = current.borrow();
        let (team, _) = current.as_ref()?;
        team.0.iter().position(|peer| std::ptr::eq(&*peer.core, core))
    });
    DOORBELLS.with(|doorbells| doorbells.borrow_mut().extend(index));
    index.is_some()
}

/// Whether cores are to be woken with the next enter.
pub(crate) fn has_doorbells() -> bool {
    DOORBELLS.with(|doorbells| !doorbells.borrow().is_empty())
}

/// The next core to be woken, and its ring.
pub(crate) fn next_doorbell() -> Option<(usize, RawFd)> {
    let index = DOORBELLS.with(|doorbells| doorbells.borrow_mut().pop_front())?;
    CURRENT.with(|current| {
        let current = current.borrow();
        let (team, _) = current.as_ref()?;
        Some((index, team.0[index].ring.as_raw_fd()))
    })
}

/// Wakes a core of the team at once: a message to its ring was refused.
pub(crate) fn ring_doorbell(index: usize) {
    if let Some(core) = peer(index) {
        core.ring();
    }
}

/// Has a core of the team run something, in its next turn.
pub(crate) fn send(core: &Injector, job: impl FnOnce() + Send + 'static) {
    core.push(Message::Run(Box::new(job)));
}

/// Gives back what the table of doorbells does not use. Tells if there is more to come.
pub(crate) fn trim(when: When) -> bool {
    DOORBELLS.with(|doorbells| doorbells.borrow_mut().trim(when))
}

//! `Team`: the cores that run one program, and how to reach each from another.

use super::injector::{Injector, Message};
use crate::context;
use crate::table::{Trim, When};
use std::collections::VecDeque;
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

/// The place of a core in its team.
#[derive(Debug)]
pub(crate) struct Member {
    team: Arc<Team>,
    index: usize,
    /// The cores that this one wakes when it enters its ring next.
    doorbells: VecDeque<usize>,
}

impl Team {
    pub(crate) fn new(cores: Vec<Peer>) -> Arc<Self> {
        Arc::new(Self(cores))
    }

    /// The core with that index becomes one of the team.
    pub(crate) fn join(self: Arc<Self>, index: usize) -> Member {
        Member { team: self, index, doorbells: VecDeque::new() }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // This core enters its ring no more: doorbells that wait for that would not ring, nor would
        // messages that the ring has not taken. So it wakes all other cores directly.
        let others = self.team.0.iter().enumerate().filter(|(other, _)| *other != self.index);
        others.for_each(|(_, peer)| peer.core.ring());
    }
}

/// Looks at the place of the core that this thread runs, if it has a team.
fn with<R>(f: impl FnOnce(&Member) -> R) -> Option<R> {
    context::with_core(|core| core.team.as_ref().map(f)).flatten()
}

/// Changes its doorbells.
fn change<R>(f: impl FnOnce(&mut Member) -> R) -> Option<R> {
    context::change_core(|core| core.team.as_mut().map(f)).flatten()
}

/// The index of the core that this thread runs, and how many there are. A core that runs alone is
/// the first of one.
pub(crate) fn place() -> (usize, usize) {
    with(|member| (member.index, member.team.0.len())).unwrap_or((0, 1))
}

/// The way to another core of the team.
pub(crate) fn peer(index: usize) -> Option<Arc<Injector>> {
    with(|member| Some(Arc::clone(&member.team.0.get(index)?.core))).flatten()
}

/// Has a core of the same team be woken through this thread's ring: a message that costs no system
/// call of its own. `false` if the core is not of this thread's team.
pub(super) fn ring_with_next_enter(core: &Injector) -> bool {
    change(|member| {
        let index = member.team.0.iter().position(|peer| std::ptr::eq(&*peer.core, core));
        member.doorbells.extend(index);
        index.is_some()
    })
    .unwrap_or(false)
}

/// Whether cores are to be woken with the next enter.
pub(crate) fn has_doorbells() -> bool {
    with(|member| !member.doorbells.is_empty()).unwrap_or(false)
}

/// The next core to be woken, and its ring.
pub(crate) fn next_doorbell() -> Option<(usize, RawFd)> {
    change(|member| {
        let index = member.doorbells.pop_front()?;
        Some((index, member.team.0[index].ring.as_raw_fd()))
    })
    .flatten()
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
    change(|member| member.doorbells.trim(when)).unwrap_or(false)
}

//! `What`: which operation a submission is, and since when, for those who look at what is in
//! flight.

use crate::fd::RawTarget;
use crate::instrument::{Event, Operation, is_on, note};
use crate::ring::Completion;
use crate::scope;
use crate::tree::{self, NodeId};
use std::num::NonZeroU64;
use std::os::fd::RawFd;
use std::time::Duration;

/// Stands for no descriptor.
const NONE: RawFd = -1;

/// One submission, as others may see it. Times are those of turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct What {
    /// A reference to the name, which is half as large: one is kept for every submission.
    name: &'static &'static str,
    descriptor: RawFd,
    since: u64,
    cancel_asked: Option<NonZeroU64>,
}

impl What {
    /// An operation that is submitted now.
    #[inline]
    pub(crate) fn new(name: &'static &'static str, on: Option<RawTarget>) -> Self {
        let descriptor = on.map_or(NONE, |RawTarget::Descriptor(fd)| fd);
        Self { name, descriptor, since: tree::now(), cancel_asked: None }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        (self.descriptor != NONE).then_some(self.descriptor)
    }

    /// When it was submitted.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// When its cancel was asked for, if it was.
    pub(crate) fn cancel_asked(&self) -> Option<u64> {
        self.cancel_asked.map(NonZeroU64::get)
    }

    /// Its cancel is asked for. Tells if that is for the first time.
    pub(super) fn ask(&mut self, scope: Option<NodeId>) -> bool {
        let first = self.cancel_asked.is_none();
        if first {
            self.cancel_asked = Some(NonZeroU64::MIN.saturating_add(tree::now()));
            if is_on() {
                note(Event::CancelAsked { operation: self.operation(scope) });
            }
        }
        first
    }

    // --- for the instrument --------------------------------------------------------------------

    fn operation(&self, scope: Option<NodeId>) -> Operation {
        let owner = scope.and_then(scope::known);
        Operation { name: self.name(), descriptor: self.descriptor(), owner }
    }

    fn since_asked(&self, now: u64) -> Option<Duration> {
        Some(Duration::from_nanos(now.saturating_sub(self.cancel_asked()?)))
    }

    /// The kernel is done with it, after it was asked to cancel it.
    pub(super) fn tell_acknowledged(&self, scope: Option<NodeId>, interrupted: bool) {
        if let Some(after) = self.since_asked(tree::now()) {
            note(Event::Acknowledged { operation: self.operation(scope), after, interrupted });
        }
    }

    /// It was asked to, and takes long.
    pub(super) fn tell_slow(&self, scope: Option<NodeId>, now: u64) {
        if let Some(since) = self.since_asked(now) {
            note(Event::Slow { operation: self.operation(scope), since });
        }
    }

    /// Nobody takes the result; if it is a success, that is told.
    #[cold]
    pub(crate) fn tell_discarded(&self, scope: Option<NodeId>, completion: Completion) {
        if let Ok(result) = u32::try_from(completion.result) {
            note(Event::Discarded { operation: self.operation(scope), result });
        }
    }
}

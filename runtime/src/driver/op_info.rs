//! `OpInfo`: which operation a submission is, and since when, for dumps and instruments.

use crate::fd::RawTarget;
use crate::instrument::{Event, Operation, is_on, note};
use crate::ring::Completion;
use crate::scope::{self, Cancelled};
use crate::tree::{self, NodeId, Reason};
use std::num::NonZeroU32;
use std::os::fd::RawFd;
use std::time::Duration;

/// Stands for no descriptor.
const NONE: RawFd = -1;

/// A flag in the time at which a cancel was asked for: the reason is a cancelled scope.
const OF_SCOPE: u64 = 1 << 63;
/// As [`OF_SCOPE`], and a deadline has cancelled the scope. Times leave these bits free, and a
/// field for the flags would have to be set with every submission.
const OF_DEADLINE: u64 = 1 << 62;

/// Ages of cancelled operations are counted in 2^20 ns, about a millisecond.
const AGE_BITS: u32 = 20;

/// One submission, as others may see it. Times are those of turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpInfo {
    /// A reference to the name, which is half as large as the name's own: every submission has one.
    name: &'static &'static str,
    descriptor: RawFd,
    /// Once the cancel was asked for: the age of the operation at that moment, and one; at most 52
    /// days.
    age: Option<NonZeroU32>,
    /// When it was submitted; then when its cancel was asked for, and why: see [`OF_SCOPE`].
    at: u64,
}

const _: () = assert!(size_of::<OpInfo>() == 24);

impl OpInfo {
    /// An operation that is submitted now.
    #[inline]
    pub(crate) fn new(name: &'static &'static str, on: Option<RawTarget>) -> Self {
        let descriptor = on.map_or(NONE, RawTarget::descriptor);
        Self { name, descriptor, age: None, at: tree::now() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn descriptor(&self) -> Option<RawFd> {
        (self.descriptor != NONE).then_some(self.descriptor)
    }

    /// When the operation was submitted.
    pub(crate) fn since(&self) -> u64 {
        let age = self.age.map_or(0, |age| u64::from(age.get() - 1) << AGE_BITS);
        self.time().saturating_sub(age)
    }

    /// When its cancel was asked for, if it was.
    pub(crate) fn cancel_asked(&self) -> Option<u64> {
        self.age.map(|_| self.time())
    }

    fn time(&self) -> u64 {
        self.at & !(OF_SCOPE | OF_DEADLINE)
    }

    /// What the future says, if the operation ends because its cancel was asked for.
    #[inline]
    pub(super) fn cancelled(&self) -> Option<Cancelled> {
        let late = self.at & OF_DEADLINE != 0;
        self.age.map(|_| if late { Cancelled::timed_out() } else { Cancelled::new() })
    }

    /// Why its cancel was asked for, as far as another core is to know.
    pub(super) fn reason(&self) -> Reason {
        let late = self.cancelled().is_some_and(|cancelled| cancelled.is_timed_out());
        if late { Reason::Deadline } else { Reason::Asked }
    }

    /// The cancel of the operation is asked for. Tells if that is for the first time.
    pub(super) fn ask(&mut self, scope: Option<NodeId>) -> bool {
        let first = self.age.is_none();
        if first {
            let now = tree::now();
            let age = now.saturating_sub(self.at) >> AGE_BITS;
            let age = u32::try_from(age).unwrap_or(u32::MAX);
            self.age = Some(NonZeroU32::MIN.saturating_add(age));
            self.at = now;
        }
        // An operation that was interrupted, to ask anew, may be cancelled with its scope later.
        if self.at & OF_SCOPE == 0
            && let Some(cancelled) = scope.and_then(scope::cancellation)
        {
            let why = if cancelled.is_timed_out() { OF_DEADLINE } else { 0 };
            self.at |= OF_SCOPE | why;
        }
        if first && is_on() {
            note(Event::CancelAsked { operation: self.operation(scope) });
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

    /// Tells the instrument that the kernel is done with the operation, after a cancel request.
    pub(super) fn tell_acknowledged(&self, scope: Option<NodeId>, interrupted: bool) {
        if let Some(after) = self.since_asked(tree::now()) {
            note(Event::Acknowledged { operation: self.operation(scope), after, interrupted });
        }
    }

    /// Tells the instrument that the kernel takes long to acknowledge the cancel request.
    pub(super) fn tell_slow(&self, scope: Option<NodeId>, now: u64) {
        if let Some(since) = self.since_asked(now) {
            note(Event::Slow { operation: self.operation(scope), since });
        }
    }

    /// The result is dropped; if it is a success, the instrument is told.
    #[cold]
    pub(crate) fn tell_discarded(&self, scope: Option<NodeId>, completion: Completion) {
        if let Ok(result) = u32::try_from(completion.result) {
            note(Event::Discarded { operation: self.operation(scope), result });
        }
    }
}

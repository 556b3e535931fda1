//! What a dump and an instrument see of the operations in flight.

use super::in_flight::InFlight;
use super::op_info::OpInfo;
use crate::key::Key;
use crate::ring::Completion;

/// A submission that is in flight, as a dump sees it.
#[derive(Debug)]
pub(crate) struct SeenOp {
    pub(crate) info: OpInfo,
    /// The future of the operation is gone, or there never was one.
    pub(crate) detached: bool,
}

impl InFlight {
    /// The list that starts at `head`, as others may see it.
    pub(super) fn flights(&self, head: u32) -> Vec<SeenOp> {
        let flight = |slot: u32| {
            let (info, entry) = self.seen(slot as usize);
            SeenOp { info: *info, detached: entry.lifecycle.is_detached() }
        };
        self.list(head).into_iter().map(flight).collect()
    }

    /// Tells the instrument that a cancel takes long.
    pub(super) fn tell_slow(&self, key: Key, now: u64) {
        if self.peek(key).is_some() {
            let (info, entry) = self.seen(key.slot());
            info.tell_slow(entry.scope(), now);
        }
    }

    /// Tells the instrument what is about to complete, if that was cancelled.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_done(&self, key: Key, completion: Completion) {
        if self.is_pending(key) {
            let (info, entry) = self.seen(key.slot());
            info.tell_acknowledged(entry.scope(), completion.is_interrupted());
        }
    }
}

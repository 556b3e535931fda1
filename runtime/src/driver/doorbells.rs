//! How a core that sleeps is woken: by its doorbell, from any thread; by a message to its ring,
//! from another core of its team.

use super::Driver;
use crate::fd::RawTarget;
use crate::inbox;
use crate::key::{Key, Tag};
use crate::ring::{Completion, Request, Submission};

impl Driver {
    /// Has the ring poll the doorbell, once for many wakes, and again when the kernel ended that.
    pub(super) fn arm_doorbell(&mut self) {
        if self.doorbell_armed {
            return;
        }
        let on = RawTarget::Descriptor(self.unparker.doorbell());
        let poll = Submission { key: Key::doorbell(), request: Request::PollMany { on } };
        let mut submission = Some(poll);
        // SAFETY: a poll has no pointers; the doorbell's descriptor is open as long as the driver.
        unsafe { self.ring.push(|| submission.take()) };
        // With the queue full it is armed in the next turn; until then the core does not sleep.
        self.doorbell_armed = submission.is_none();
    }

    /// Acts on a wake that has come, or on one of ours that could not be delivered.
    pub(super) fn hear_doorbell(&mut self, key: Key, completion: Completion) {
        if key.tag() == Tag::Doorbell {
            self.doorbell_armed &= completion.more();
        } else if completion.result < 0 {
            return inbox::ring_doorbell(key.slot());
        }
        self.counters.doorbells.add(1);
    }
}

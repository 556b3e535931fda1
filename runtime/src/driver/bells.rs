//! How a core that sleeps is woken: by its bell, from any thread; by a message to its ring, from
//! another core of its team.

use super::Driver;
use crate::key::{Key, Tag};
use crate::ring::{Completion, Entry, opcode, squeue, types};
use crate::wake;
use std::os::fd::RawFd;

impl Driver {
    /// Has the bell polled by the ring, once for many wakes, and again when the kernel ended it.
    pub(super) fn arm_bell(&mut self) {
        if self.bell_armed {
            return;
        }
        let bell = types::Fd(self.unparker.bell());
        let mut entry = Some(
            opcode::PollAdd::new(bell, libc::POLLIN as u32)
                .multi(true)
                .build()
                .user_data(Key::doorbell().user_data()),
        );
        // SAFETY: a poll has no pointers; the bell's descriptor is open as long as the driver.
        unsafe { self.ring.push(|| entry.take()) };
        // With the queue full it is armed in the next turn; until then the core does not sleep.
        self.bell_armed = entry.is_none();
    }

    /// Acts on a wake that has come, or on one of ours that could not be delivered.
    pub(super) fn hear_bell(&mut self, key: Key, completion: Completion) {
        if key.tag() == Tag::Doorbell {
            self.bell_armed &= completion.more();
        } else if completion.result < 0 {
            return wake::ring_bell(key.slot());
        }
        self.stats.doorbells += 1;
    }
}

/// Wakes another core of the team: its ring gets a completion.
pub(super) fn entry(core: usize, ring: RawFd) -> Entry {
    let key = Key::message(core).user_data();
    opcode::MsgRingData::new(types::Fd(ring), 0, key, None)
        .build()
        .flags(squeue::Flags::SKIP_SUCCESS)
        .user_data(key)
}

//! `Unparker`: wakes a core that sleeps in `enter`, from any thread.
//!
//! ```text
//!              1 park: nothing to do              2 claim: rings the doorbell
//!   Running ──────────────────────────▶ Parked ───────────────────────────▶ Notified
//!      ▲                                  │                                    │
//!      └──────── 3 unpark: a completion ──┴────── 3 unpark: the doorbell ──────┘
//! ```
//!
//! A wake that finds the core running costs a fence and a load: the core looks at its queues before
//! it parks. Each park is woken by at most one write.

use crate::sys::shared::{AtomicU8, EventFd, fence};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const RUNNING: u8 = 0;
const PARKED: u8 = 1;
const NOTIFIED: u8 = 2;

/// The doorbell of one core.
#[derive(Debug)]
pub(crate) struct Unparker {
    state: AtomicU8,
    doorbell: EventFd,
}

impl Unparker {
    pub(crate) fn new(doorbell: EventFd) -> Arc<Self> {
        Arc::new(Self { state: AtomicU8::new(RUNNING), doorbell })
    }

    pub(crate) fn doorbell(&self) -> RawFd {
        self.doorbell.as_raw_fd()
    }

    /// Announces that the core is about to sleep. What is queued from now on rings the doorbell, so
    /// the queues have to be looked at once more after this.
    pub(crate) fn park(&self) {
        self.state.store(PARKED, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// The core runs again.
    pub(crate) fn unpark(&self) {
        self.state.store(RUNNING, Ordering::SeqCst);
    }

    /// Something was queued for the core: whether the caller has to wake it. Of several threads
    /// that call this during one sleep, only one is told so.
    pub(super) fn claim(&self) -> bool {
        // Orders what was queued before the look at the state, against `park` and the look at the
        // queue that follows it: at least one of the two sees the other.
        fence(Ordering::SeqCst);
        self.state.load(Ordering::SeqCst) == PARKED
            && self
                .state
                .compare_exchange(PARKED, NOTIFIED, Ordering::SeqCst, Ordering::SeqCst)
                .is_ok()
    }

    /// Wakes the core, from any thread.
    pub(super) fn ring(&self) {
        self.doorbell.signal();
    }
}

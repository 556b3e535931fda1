//! `Spin`: whether to spin for a while before sleeping.
//!
//! To sleep and to be woken costs tens of microseconds on both sides (KERNEL 3); a core that is
//! about to get something sooner than that looks for it instead. A core expects the average of the
//! last gaps, so a core that has nothing to do stops looking after a few of them. A core that is
//! interrupted while it looks shares its processor with a thread that has more to do.

/// What waking a core costs: so much of a gap in which the core slept comes of the wake.
const WAKE_NS: u64 = 30_000;
/// Idle phases without spinning after an interruption: on a shared processor what is spun in vain
/// is a small part, and a virtual one that was stolen for a moment soon spins again.
const REST: u32 = 32;
/// An event that is seen later than this many limits after the last look: the thread did not run.
const INTERRUPTED: u64 = 4;

/// What one core expects.
#[derive(Debug)]
pub(super) struct Spin {
    limit: u64,
    expected: u64,
    rest: u32,
}

impl Spin {
    /// Spins for at most `limit` nanoseconds; never for zero.
    pub(super) fn new(limit: u64) -> Self {
        // Decades: sums of a few of them do not overflow.
        let limit = limit.min(u64::MAX / 16);
        Self { limit, expected: limit, rest: 0 }
    }

    /// Whether gaps are to be measured at all.
    pub(super) fn is_on(&self) -> bool {
        self.limit > 0
    }

    /// The core has nothing to do from now on: until when to spin, if that promises anything.
    pub(super) fn begin(&mut self, now: u64) -> Option<u64> {
        if self.rest > 0 {
            self.rest -= 1;
            return None;
        }
        (self.expected <= self.limit).then(|| now.saturating_add(self.limit))
    }

    /// While spinning, the clock showed `before` and then `now`: whether to go on.
    pub(super) fn goes_on(&mut self, before: u64, now: u64) -> bool {
        let interrupted = now.saturating_sub(before) > INTERRUPTED * self.limit;
        if interrupted {
            self.rest = REST;
        }
        !interrupted
    }

    /// Something came after so many nanoseconds, in which the core has slept.
    pub(super) fn woken_after(&mut self, gap: u64) {
        self.came_after(gap.saturating_sub(WAKE_NS));
    }

    /// Something came after so many nanoseconds.
    pub(super) fn came_after(&mut self, gap: u64) {
        // One long gap is no proof yet, two are.
        self.expected = (3 * self.expected + gap.min(4 * self.limit)) / 4;
    }
}
